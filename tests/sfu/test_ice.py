"""Credentials and announced addresses."""

import pytest

from sfu.ice import announced_addresses, candidates, make_credentials, own_addresses


def test_credentials_are_long_enough_and_never_the_same() -> None:
    made = [make_credentials() for _ in range(200)]
    assert len({each.ufrag for each in made}) == len({each.pwd for each in made}) == 200
    for each in made:
        # RFC 8445 §5.3: 24 and 128 bits at least; six bits a character. RFC 8839 §5.4: the range.
        assert 4 <= len(each.ufrag) <= 256
        assert 22 <= len(each.pwd) <= 256
        assert all(c.isascii() and (c.isalnum() or c in "+/") for c in each.ufrag + each.pwd)


def test_the_password_is_not_shown() -> None:
    made = make_credentials()
    assert made.pwd not in repr(made)
    assert made.ufrag in repr(made)


REACHABLE = ["10.0.0.5", "2606:4700::1"]


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's name has addresses of all kinds, and there is no route to anywhere."""
    others = ["127.0.1.1", "::1", "0.0.0.0", "169.254.1.1", "fe80::1", "fe80::1%eth0", "fd00::1"]
    found = [(0, 0, 0, "", (each, 0)) for each in (*others, *REACHABLE, REACHABLE[0])]
    monkeypatch.setattr("sfu.ice.socket.getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr("sfu.ice.socket.socket.connect", _no_route)


def _no_route(*_: object) -> None:
    raise OSError("Network is unreachable")


@pytest.mark.usefixtures("resolved")
def test_own_addresses_are_reachable_ones() -> None:
    assert own_addresses() == REACHABLE


def test_the_operators_list_goes_first_then_the_bound_address() -> None:
    assert announced_addresses(["203.0.113.9"], "10.0.0.1", dev=True) == ["203.0.113.9"]
    assert announced_addresses([], "10.0.0.1", dev=True) == ["10.0.0.1"]


@pytest.mark.usefixtures("resolved")
def test_loopback_is_announced_in_development_only() -> None:
    assert announced_addresses([], "", dev=True) == ["127.0.0.1", *REACHABLE]
    assert announced_addresses([], "", dev=False) == REACHABLE


def test_there_is_always_an_address() -> None:
    assert announced_addresses([], "", dev=False)


def test_candidates_share_the_port() -> None:
    assert candidates(["127.0.0.1", "::1"], 7801) == (("127.0.0.1", 7801), ("::1", 7801))
