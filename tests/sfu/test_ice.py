"""Credentials and announced addresses."""

import ipaddress

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


def test_own_addresses_are_reachable_ones() -> None:
    for text in own_addresses():
        address = ipaddress.ip_address(text)
        assert not address.is_loopback
        assert not address.is_unspecified
        assert not address.is_link_local


def test_the_operators_list_goes_first_then_the_bound_address() -> None:
    assert announced_addresses(["203.0.113.9"], "10.0.0.1", dev=True) == ["203.0.113.9"]
    assert announced_addresses([], "10.0.0.1", dev=True) == ["10.0.0.1"]


def test_loopback_is_announced_in_development_only() -> None:
    assert announced_addresses([], "", dev=True)[0] == "127.0.0.1"
    if own_addresses():
        assert "127.0.0.1" not in announced_addresses([], "", dev=False)


def test_there_is_always_an_address() -> None:
    assert announced_addresses([], "", dev=False)


def test_candidates_share_the_port() -> None:
    assert candidates(["127.0.0.1", "::1"], 7801) == (("127.0.0.1", 7801), ("::1", 7801))
