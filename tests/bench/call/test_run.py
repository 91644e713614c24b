"""What a run reads of the server; whole calls are in tests/calls."""

from typing import Any

from sfu.bench.call.run import path_of


def test_what_the_server_thinks_of_somebodys_path() -> None:
    path = {"estimate": 2_500_000, "given": 1_900_000, "queue": 1.5, "silent": False}
    media: list[dict[str, Any]] = [
        {"name": "publisher 0", "receive": {"path": {"estimate": 1}}},
        {"name": "viewer", "receive": {"path": path}},
        {"name": "late", "receive": None},
    ]
    found = path_of("viewer", media)
    assert found == {"estimate": 2_500_000, "given": 1_900_000, "queue": 1.5}
    assert path_of("late", media) == path_of("nobody", media) == {}
