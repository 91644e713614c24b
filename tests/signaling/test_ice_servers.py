"""What clients are told of relays: credentials that expire, and no secret anywhere."""

import base64
import hashlib
import hmac

import pytest

from sfu.config import ConfigError, load
from sfu.participant import Participant, Role
from sfu.signaling.ice_servers import ice_servers

URLS = '["stun:t.example", "turn:t.example:3478?transport=tcp", "turns:t.example:5349"]'
SETTINGS = {"SFU_TURN__URLS": URLS, "SFU_TURN__SECRET": "north", "SFU_TURN__TTL": "10m"}


def ann(identity: str = "ann") -> Participant:
    return Participant("p-1", identity, "Ann", Role.ATTENDEE, 0.0)


def test_credentials_are_ones_own_and_expire() -> None:
    turn = load(None, SETTINGS, dev=True).turn
    stun, relay = ice_servers(turn, ann(), 1_700_000_000.9)
    assert stun == {"urls": ["stun:t.example"]}
    assert relay["urls"] == ["turn:t.example:3478?transport=tcp", "turns:t.example:5349"]
    assert relay["username"] == "1700000600:ann"
    digest = hmac.new(b"north", b"1700000600:ann", hashlib.sha1).digest()
    assert base64.b64decode(relay["credential"]) == digest
    assert "north" not in f"{turn!r}{stun}{relay}"


@pytest.mark.parametrize("identity", ["a:b", "ä", "two words", "x" * 200, "\n"])
def test_a_user_name_is_plain(identity: str) -> None:
    turn = load(None, SETTINGS, dev=True).turn
    assert ice_servers(turn, ann(identity), 0)[1]["username"] == "600:p-1"


def test_without_servers_nobody_is_told_any() -> None:
    assert ice_servers(load(None, {}, dev=True).turn, ann(), 0) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"SFU_TURN__URLS": '["turn:t.example"]'},
        {"SFU_TURN__URLS": '["http://t.example"]', "SFU_TURN__SECRET": "x"},
        {"SFU_TURN__URLS": '["turn:t.example?transport=sctp"]', "SFU_TURN__SECRET": "x"},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        load(None, wrong, dev=True)
