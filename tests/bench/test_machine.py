"""What the report says of the machine."""

import os

import pytest

from sfu.bench import machine


def test_facts_are_known() -> None:
    facts = machine.facts()
    assert set(facts) == {"cpu", "cores", "kernel", "python", "openssl", "commit"}
    assert all(facts.values())
    assert machine.load() >= 0
    assert 0 <= machine.stolen() <= machine.stolen() < 1e9


def test_server_and_load_get_different_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7})
    assert machine.cores() == (3, 5)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert machine.cores() == (None, None)
