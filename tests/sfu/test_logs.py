"""Logs: one line per event, bounded where strangers can cause them."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from sfu import logs


class Written:
    """What has gone to standard error so far."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._text = ""

    def getvalue(self) -> str:
        self._text += self._capsys.readouterr().err
        return self._text


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Written]:
    handlers = logging.root.handlers
    yield Written(capsys)
    structlog.reset_defaults()
    logging.root.handlers = handlers


def lines(written: Written) -> list[dict[str, object]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_json_one_line_per_event(written: Written) -> None:
    logs.configure("info", "json")
    structlog.get_logger().info("joined", room="hall", name="a\nb")
    structlog.get_logger().debug("not written")
    (line,) = lines(written)
    assert line["event"] == "joined"
    assert line["name"] == "a\nb"
    assert line["level"] == "info"
    assert str(line["timestamp"]).endswith("Z")


def test_what_the_context_knows_is_in_each_line(written: Written) -> None:
    logs.configure("info", "json")
    with structlog.contextvars.bound_contextvars(trace="call-7"):
        structlog.get_logger().info("joined")
    assert lines(written)[0]["trace"] == "call-7"


def test_auto_is_json_outside_a_terminal(written: Written) -> None:
    logs.configure("info", "auto")
    structlog.get_logger().info("hello")
    assert lines(written)[0]["event"] == "hello"


def test_human(written: Written) -> None:
    logs.configure("info", "human")
    structlog.get_logger().info("hello", room="hall")
    assert "hello" in written.getvalue()
    assert not written.getvalue().startswith("{")


@pytest.mark.parametrize("format", ["json", "human"])
def test_tracebacks_show_no_local_variables(written: Written, format: str) -> None:
    logs.configure("info", format)  # type: ignore[arg-type]
    try:
        password = "hunter2"
        raise ValueError(len(password))
    except ValueError:
        structlog.get_logger().exception("failed")
    assert "ValueError" in written.getvalue()
    assert "hunter2" not in written.getvalue().replace('password = "hunter2"', "")


def test_what_strangers_cause_is_bounded(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    logs.configure("info", "json")
    log = structlog.get_logger()
    for _ in range(500):
        log.warning("refused", bounded=True)
        log.warning("other", bounded=True)
    log.warning("important")
    names = [line["event"] for line in lines(written)]
    assert names.count("refused") == names.count("other") == logs.BOUNDED_PER_SECOND
    assert names.count("important") == 1
    now = 101.0
    log.warning("refused", bounded=True)
    assert lines(written)[-1]["left_out"] == 500 - logs.BOUNDED_PER_SECOND
    assert "bounded" not in lines(written)[-1]


def test_warnings_of_libraries_are_written_alike(written: Written) -> None:
    logs.configure("info", "json")
    logging.getLogger("uvicorn.error").warning("odd %s", "thing")
    logging.getLogger("uvicorn.error").info("chatter")
    (line,) = lines(written)
    assert (line["event"], line["logger"]) == ("odd thing", "uvicorn.error")
