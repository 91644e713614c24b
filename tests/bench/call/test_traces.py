"""Links by name or file."""

from pathlib import Path

import pytest

from sfu.bench import trace
from sfu.bench.call.traces import TRACES, find


def test_a_name_or_a_file(tmp_path: Path) -> None:
    assert find("drop") is TRACES["drop"]
    path = tmp_path / "own.json"
    trace.save(TRACES["lossy"], path)
    assert find(str(path)) == TRACES["lossy"]


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(trace.TraceError, match=r"dorp: no such file.*drop"):
        find("dorp")


@pytest.mark.parametrize("name", TRACES)
def test_the_queue_follows_the_capacity(name: str) -> None:
    down = TRACES[name].down
    for (at, rate), (queued_at, size) in zip(down.capacity, down.queue, strict=True):
        assert at == queued_at
        assert size == pytest.approx(0.3 * rate / 8)
    assert TRACES[name].seconds > down.capacity[-1][0]
