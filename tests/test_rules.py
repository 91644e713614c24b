"""Rules of this repository that no other tool holds."""

import ast
import configparser
import os
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Folders of tools, of which git knows nothing.
MADE = {".git", ".venv", "target", "build", "dist", "node_modules", "screenshots", "__pycache__"}
MADE |= {".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", "open_sfu.egg-info"}

LONGEST = 400
LONGER_WITH_A_REASON: dict[str, str] = {}

DRAWERS = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}

# What a package of ours may import, besides itself.
ALLOWED = {
    "config": set[str](),
    "codecs": set[str](),
    "bandwidth": set[str](),
    "sfu": {"config", "codecs", "bandwidth"},
    "signaling": {"sfu", "config", "codecs"},
    "bench": {"sfu", "config", "codecs", "bandwidth", "signaling"},
}
# Where the planes and the interface are put together, and what starts that.
COMPOSING = {"sfu/daemon.py", "sfu/server.py", "sfu/cli/main.py"}

UNSAFE = re.compile(r"sfu/plane/src/udp(/\w+)?\.rs|bench/load/src/\w*socket\w*\.rs")

# Words of the work on the project, which are no part of it; spelt so that they are not found here.
FORBIDDEN = re.compile(
    "|".join(
        "".join(parts)
        for parts in (
            (r"\bmile", r"stone\b"),
            (r"\bTO", r"DO\b"),
            (r"\bFIX", r"ME\b"),
            (r"\bis", r"sue \d"),
            (r"\bcoding ", r"agent\b"),
            (r"/wo", r"rk/"),
            (r"/tm", r"p/plan"),
        )
    ),
    re.IGNORECASE,
)


def sources(*suffixes: str) -> list[Path]:
    """Files that people wrote, with one of the suffixes (all when none is given)."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(set(folders) - MADE)
        found += [Path(folder, name) for name in sorted(names) if not name.endswith(".so")]
    found = [path for path in found if path.name != ".git"]  # a file in a linked checkout
    files = [path for path in found if path.is_file() and not path.is_symlink()]
    return [path for path in files if not suffixes or path.suffix in suffixes]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_the_rules_see_the_sources() -> None:
    names = {name_of(path) for path in sources()}
    assert {"sfu/cli/main.py", "config/schema.py", "sfu/plane/src/lib.rs", "Makefile"} <= names


def test_files_are_short() -> None:
    lengths = {name_of(path): len(lines_of(path)) for path in sources(".py", ".rs", ".js", ".pyi")}
    long = {name: length for name, length in lengths.items() if length > LONGEST}
    assert long.keys() == LONGER_WITH_A_REASON.keys()


def test_files_are_named_after_what_they_hold() -> None:
    names = [path for path in sources(".py", ".rs", ".js") if path.stem.lower() in DRAWERS]
    assert names == []


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_one_way(package: str) -> None:
    wrong = [
        f"{name_of(path)} imports {other}"
        for path in sources(".py")
        if name_of(path).split("/")[0] == package and name_of(path) not in COMPOSING
        for other in imported(path) - ALLOWED[package] - {package}
    ]
    assert wrong == []


def imported(path: Path) -> set[str]:
    """The packages of ours that a file imports anywhere in it, by the names of their folders."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {package_of(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {package_of(f"{node.module}.{alias.name}") for alias in node.names}
    return found - {""}


def test_what_is_imported_is_declared() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    runtime = declared(setup["options"]["install_requires"])
    extras = setup["options.extras_require"]
    known = {
        "tests": runtime | declared(extras["test"]),
        "bench": runtime | declared(extras["bench"]),
        "sfu/client": runtime | declared(extras["client"]),
    }
    providers = metadata.packages_distributions()
    missing = {
        f"{name_of(path)} imports {module}"
        for path in sources(".py")
        for module in foreign(path)
        if not next(
            (known[part] for part in known if name_of(path).startswith(part + "/")), runtime
        )
        & {canonical(each) for each in providers.get(module, [])}
    }
    assert missing == set()


def test_every_package_is_installed() -> None:
    """Packages are listed by name, so a new folder would be missing from the wheel."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    folders = {
        name_of(path.parent)
        for path in sources(".py")
        if path.name == "__init__.py" and name_of(path).split("/")[0] in ALLOWED
    }
    names = {name if name.startswith("sfu") else f"sfu/{name}" for name in folders}
    assert {name.replace("/", ".") for name in names} == set(setup["options"]["packages"].split())


def declared(requirements: str) -> set[str]:
    lines = requirements.strip().splitlines()
    return {canonical(re.split(r"[<>=\[]", line)[0]) for line in lines}


def canonical(distribution: str) -> str:
    name = distribution.strip().lower().replace("_", "-")
    return "pydantic" if name == "pydantic-core" else name  # each pydantic pins its own core


def foreign(path: Path) -> set[str]:
    """Top-level modules a file imports that are neither ours nor Python's."""
    ours = {"sfu", "tests", "__future__"}
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found - ours - sys.stdlib_module_names


def package_of(module: str) -> str:
    parts = module.split(".")
    if parts[0] != "sfu":
        return ""
    return parts[1] if len(parts) > 1 and parts[1] in ALLOWED else "sfu"


def test_the_import_rule_sees_imports(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("import sfu.room\ndef f():\n    from sfu import signaling\nimport codecs\n")
    assert imported(path) == {"sfu", "signaling"}


def test_unsafe_code_is_where_it_belongs_and_says_why() -> None:
    misplaced, unexplained = [], []
    for path in sources(".rs"):
        for number, before, line in with_comment_before(path):
            if not re.search(r"\bunsafe\s*(\{|fn|impl|extern)", line):
                continue
            if not UNSAFE.fullmatch(name_of(path)):
                misplaced.append(f"{name_of(path)}:{number}")
            if "SAFETY:" not in before and "# Safety" not in before:
                unexplained.append(f"{name_of(path)}:{number}")
    assert (misplaced, unexplained) == ([], [])


def with_comment_before(path: Path) -> Iterator[tuple[int, str, str]]:
    """Number and code of each line, with the comment that stands right before its statement."""
    comment = ""
    for number, line in enumerate(lines_of(path), 1):
        text = line.strip()
        if text.startswith("//"):
            comment += text
            continue
        yield number, comment, text.split("//")[0]
        if text.endswith((";", "}", "{")) or not text:
            comment = ""


def test_the_project_speaks_of_itself_alone() -> None:
    found = [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in sources(".py", ".pyi", ".rs", ".js", ".ts", ".md", ".toml", ".cfg", ".html", "")
        for number, line in enumerate(lines_of(path), 1)
        if FORBIDDEN.search(line)
    ]
    assert found == []


def test_no_file_names_a_package_registry() -> None:
    hosts = re.compile(r"pypi\.org|crates\.io/api|registry\.npmjs|pythonhosted", re.IGNORECASE)
    # Cargo.lock cannot do without; npm can: omit-lockfile-registry-resolved.
    files = [path for path in sources() if path.name not in ("Cargo.lock", "test_rules.py")]
    text = {path: path.read_bytes().decode("utf-8", "replace") for path in files}
    assert [name_of(path) for path in files if hosts.search(text[path])] == []


def test_links_make_the_checkout_importable() -> None:
    for package in ALLOWED.keys() - {"sfu"}:
        link = ROOT / "sfu" / package
        assert link.is_symlink()
        assert link.readlink() == Path("..", package)
