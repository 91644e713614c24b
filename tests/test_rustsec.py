"""What of RustSec's database concerns Cargo.lock."""

from pathlib import Path

import pytest

from tests.rustsec import holes, meets, version

ADVISORY = """\
```toml
[advisory]
id = "RUSTSEC-2026-0001"
package = "leaky"
date = "2026-01-01"
{more}
[versions]
patched = [">= 1.2.3, < 2", ">= 2.0.1"]
unaffected = ["< 0.9"]
```
# It leaks
"""


@pytest.mark.parametrize(
    ("found", "requirement", "met"),
    [
        ("1.2.3", ">= 1.2.3", True),
        ("1.2.2", ">= 1.2.3", False),
        ("1.9.0", ">= 1.2.3, < 1.3", False),
        ("0.4.9", "^0.4.7", True),
        ("0.5.0", "^0.4.7", False),
        ("1.9.9", "1.2", True),
        ("2.0.0", "1.2", False),
        ("1.2.9", "~1.2.3", True),
        ("1.3.0", "~1.2.3", False),
        ("0.0.3", "^0.0.3", True),
        ("0.0.4", "^0.0.3", False),
        ("3.1.0-beta.1", "=3.1.0", True),
    ],
)
def test_requirements_are_cargos(found: str, requirement: str, met: bool) -> None:
    assert meets(version(found), requirement) == met


@pytest.mark.parametrize(
    ("found", "more", "told"),
    [
        ("1.2.2", "", [True]),
        ("2.0.0", "", [True]),
        ("1.2.3", "", []),
        ("0.8.0", "", []),
        ("1.0.0", 'informational = "unmaintained"', [False]),
        ("1.0.0", 'withdrawn = "2026-02-01"', []),
    ],
)
def test_holes(tmp_path: Path, found: str, more: str, told: list[bool]) -> None:
    folder = tmp_path / "crates" / "leaky"
    folder.mkdir(parents=True)
    (folder / "RUSTSEC-2026-0001.md").write_text(ADVISORY.format(more=more))
    lock = {"package": [{"name": "leaky", "version": found}, {"name": "tight", "version": "1.0.0"}]}
    assert [bad for _, bad in holes(lock, tmp_path)] == told
