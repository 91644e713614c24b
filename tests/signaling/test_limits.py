"""Buckets, windows and addresses."""

import pytest

from sfu.config import LimitSettings, load
from sfu.signaling import networks
from sfu.signaling.limits import Addresses, Window

LIMITS = LimitSettings(
    sockets=10,
    sockets_per_address=2,
    joins_per_second_per_address=3,
    wrong_passwords_per_minute_per_address=6,
)


def addresses() -> Addresses:
    return Addresses(LIMITS, trusted=["10.1.0.0/16", "2001:db8::/32"])


def opened(all_: Addresses, address: str, now: float = 5.0) -> bool:
    if all_.refusal(address, now) is not None:
        return False
    all_.open(address, now)
    return True


def test_a_window_is_full_when_it_fills_in_time() -> None:
    window = Window(3, 10)
    assert [window.add(at) for at in (0, 1, 11, 12, 13, 14)] == [
        False, False, False, False, True, True,
    ]  # fmt: skip


def test_sockets_are_limited_by_address_and_in_all() -> None:
    all_ = addresses()
    assert [opened(all_, "192.0.2.1") for _ in range(3)] == [True, True, False]
    all_.close("192.0.2.1")
    assert opened(all_, "192.0.2.1")
    for number in range(8):
        assert opened(all_, f"192.0.2.{10 + number}")
    assert all_.total == 10
    assert not opened(all_, "192.0.2.99")
    assert not opened(all_, "127.0.0.1")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "10.1.2.3", "2001:db8::5"]
)
def test_loopback_and_trusted_proxies_are_exempt(address: str) -> None:
    all_ = addresses()
    assert all(opened(all_, address) for _ in range(10))
    assert all(all_.join(address, 5.0) == 0 for _ in range(100))


@pytest.mark.parametrize("rule", ["10.1.0.7", "::ffff:10.1.0.7", "::ffff:10.1.0.0/112"])
@pytest.mark.parametrize("address", ["10.1.0.7", "::ffff:10.1.0.7"])
def test_a_proxy_is_trusted_whichever_form_it_is_written_in_or_connects_by(
    rule: str, address: str
) -> None:
    """RFC 4291 §2.5.5.2."""
    server = load(None, {"SFU_SERVER__TRUSTED_PROXIES": f'["{rule}"]'}, dev=True).server
    all_ = Addresses(LIMITS, server.trusted_proxies)
    assert all_.exempt(address)
    assert not all_.exempt("10.2.0.7")
    assert not all_.exempt("::ffff:10.2.0.7")


@pytest.mark.parametrize("address", ["192.0.2.1", "10.2.0.1", "2001:db9::1", "", "testclient"])
def test_all_others_are_not(address: str) -> None:
    all_ = addresses()
    waits = [all_.join(address, 5.0) for _ in range(4)]
    assert waits[:3] == [0, 0, 0]
    assert waits[3] == pytest.approx(1 / 3)
    assert all_.join("192.0.2.200", 5.0) == 0
    assert all_.join(address, 6.0) == 0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "REMEMBERED", 1_000)
    all_ = addresses()
    for number in range(1_100):
        all_.join(f"2001:db9:{number:x}::1", 5.0)
        all_.guessed_wrong(f"2001:db9:{number:x}::1", 5.0)
    assert len(all_._joins) == len(all_._wrong) == 1_000


def test_an_address_of_ipv6_stands_for_its_network() -> None:
    all_ = addresses()
    assert opened(all_, "2001:db9::1")
    assert opened(all_, "2001:db9::2")
    assert not opened(all_, "2001:db9::3")
    assert opened(all_, "2001:db9:0:1::1")
    all_.close("2001:db9::4")
    assert opened(all_, "2001:db9::5")
    assert [opened(all_, each) for each in ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1")] == [
        True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("subnet", "most"), [("2001:db9:0:{:x}::1", 8), ("2001:db9:0:{:x}00::1", 32)]
)
def test_whoever_has_many_networks_has_no_more_by_all_of_them(subnet: str, most: int) -> None:
    """A customer's /56 is four addresses, a company's /48 sixteen."""
    most_of_one = LimitSettings(sockets_per_address=2, wrong_passwords_per_minute_per_address=2)
    all_ = Addresses(most_of_one, ())
    for number in range(150):
        opened(all_, subnet.format(number))
        if not all_.may_guess(subnet.format(number), 5.0):
            all_.guessed_wrong(subnet.format(number), 5.0)
    assert all_.total == most
    assert all_.may_guess(subnet.format(150), 5.0) > 0
    assert all_.may_guess("2001:db9:1::1", 5.0) == 0
    assert opened(all_, "2001:db9:1::1")


def test_sockets_are_opened_at_a_rate() -> None:
    """A flood from one address is held; an office behind one address comes in, all at once, too."""
    all_ = Addresses(LimitSettings(), ())
    office = [opened(all_, "192.0.2.1", 5.0) for _ in range(500)]
    assert all(office)
    for _ in office:
        all_.close("192.0.2.1")
    flood = 0
    for step in range(10_000):  # ten seconds, a thousand each
        if opened(all_, "192.0.2.1", 5.0 + step / 1000):
            all_.close("192.0.2.1")
            flood += 1
    assert flood == pytest.approx(500 + 10 * 200, abs=2)
    refused = all_.refusal("192.0.2.1", 15.0)
    assert refused is not None
    assert (refused.limit, refused.status, refused.seconds) == (
        "sockets_per_second_per_address", 429, 1,
    )  # fmt: skip
    assert opened(all_, "192.0.2.2", 15.0), "of others it takes nothing"
    assert opened(all_, "192.0.2.1", 16.0)


def test_why_a_socket_is_refused() -> None:
    all_ = addresses()
    for _ in range(2):
        assert opened(all_, "192.0.2.1")
    full = all_.refusal("192.0.2.1", 5.0)
    assert full is not None
    assert (full.limit, full.status) == ("sockets_per_address", 429)
    for _ in range(8):
        assert opened(all_, "127.0.0.1")
    everywhere = all_.refusal("127.0.0.1", 5.0)
    assert everywhere is not None
    assert (everywhere.limit, everywhere.status, everywhere.seconds) == ("sockets", 503, 5)


def test_wrong_passwords_of_an_address() -> None:
    all_ = addresses()
    assert all_.may_guess("192.0.2.1", 5.0) == 0
    for _ in range(6):
        assert all_.may_guess("192.0.2.1", 5.0) == 0
        all_.guessed_wrong("192.0.2.1", 5.0)
    assert all_.may_guess("192.0.2.1", 5.0) == pytest.approx(10.0)
    # Those that were on their way have to be waited for, too.
    for _ in range(3):
        all_.guessed_wrong("192.0.2.1", 5.0)
    assert all_.may_guess("192.0.2.1", 5.0) == pytest.approx(40.0)
    assert all_.may_guess("192.0.2.1", 46.0) == 0
    assert all_.may_guess("192.0.2.2", 5.0) == 0
    for _ in range(100):
        all_.guessed_wrong("127.0.0.1", 5.0)
    assert all_.may_guess("127.0.0.1", 5.0) == 0
