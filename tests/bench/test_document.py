"""Tables between markers come from results; all else stays as it was."""

from pathlib import Path

import pytest

from sfu.bench import report
from sfu.bench.document import rewrite
from sfu.bench.errors import BenchError
from sfu.bench.memory import Memory

PAGE = "# By hand\n\n<!-- memory -->\nold\n<!-- end -->\n\nProse.\n"
RESULT = Memory(attendees=100, empty=50_000, joined=75_000, settled=63_600, left=55_000)


def test_a_place_is_filled_and_the_prose_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    report.save(tmp_path / "memory.json", "memory", RESULT.to_json(), {"kernel": "Linux 6"})
    assert rewrite(page, tmp_path) == ["memory"]
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# By hand\n\n<!-- memory -->\n\n| N | KiB each |")
    assert "| 100 | 136 | 250 |" in text
    assert "- Missed: 136 KiB per attendee, not 128\n" in text
    assert "kernel Linux 6." in text
    assert text.endswith("<!-- end -->\n\nProse.\n")
    assert "old" not in text
    rewrite(page, tmp_path)
    assert page.read_text(encoding="utf-8") == text


def test_a_result_without_a_place_is_not_passed_over(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    for name in ("memory", "other"):
        report.save(tmp_path / f"{name}.json", "memory", RESULT.to_json(), {})
    with pytest.raises(BenchError, match="the same: other"):
        rewrite(page, tmp_path)
    assert page.read_text(encoding="utf-8") == PAGE
