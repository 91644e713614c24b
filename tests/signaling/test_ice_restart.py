"""A connection goes on over another path: who may restart ICE, and what stays as it is."""

import re

import pytest

from sfu.transport import Transport
from tests.sfu import fake_plane
from tests.sfu.house import House, Visitor, fresh_connection
from tests.signaling.descriptions import CHROMIUM, answer_to

BOTH = {"0": "microphone", "1": "camera"}


def restarted(sdp: str) -> str:
    """The description after restartIce(): of the same connection, with other credentials."""
    sdp = re.sub(r"a=ice-ufrag:.*", "a=ice-ufrag:next", sdp)
    return re.sub(r"a=ice-pwd:.*", "a=ice-pwd:0123456789abcdefghijkNEXT", sdp)


def uplink(house: House, visitor: Visitor) -> Transport:
    stage = house.live().stage
    assert stage is not None
    found = stage.uplinks.get(visitor.id)
    assert found is not None
    return found


def said(sdp: str, name: str) -> set[str]:
    return set(re.findall(rf"a={name}:(.*)\r\n", sdp))


def test_a_publisher_restarts_on_the_connection_that_is_there(house: House) -> None:
    ann = house.member("presenter")
    first = ann.publish(BOTH)["sdp"]
    transport = uplink(house, ann)
    house.worker.take()
    again = ann.publish(BOTH, restarted(CHROMIUM))["sdp"]
    assert uplink(house, ann) is transport
    commands = house.worker.take()
    assert [name for name, _ in commands] == ["restart_ice", "set_remote"]
    _, (id, ufrag, pwd) = commands[0]
    assert (id, said(again, "ice-ufrag"), said(again, "ice-pwd")) == (transport.id, {ufrag}, {pwd})
    assert not said(first, "ice-ufrag") & {ufrag}
    assert not said(first, "ice-pwd") & {pwd}
    # The rest is as it was: certificate, role, session.
    for name in ("fingerprint", "setup"):
        assert said(first, name) == said(again, name)
    origins = [sdp.splitlines()[1].split()[1:3] for sdp in (first, again)]
    assert origins[0][0] == origins[1][0]
    assert int(origins[1][1]) > int(origins[0][1])
    # An offer after it, with the credentials that are known, restarts nothing.
    ann.publish(BOTH, restarted(CHROMIUM))
    assert not house.worker.named("restart_ice")


@pytest.mark.parametrize(
    "other",
    [
        restarted(fresh_connection(CHROMIUM)),
        re.sub(r"o=- \d+", "o=- 77", restarted(CHROMIUM)),
    ],
    ids=["another certificate", "another session"],
)
def test_another_connection_gets_another_transport(house: House, other: str) -> None:
    ann = house.presenter()
    transport = uplink(house, ann)
    assert ann.publish(BOTH, other)["type"] == "ok"
    assert uplink(house, ann) is not transport
    assert not house.worker.named("restart_ice")


def test_what_is_gone_is_not_restarted(house: House) -> None:
    ann = house.presenter()
    house.report(fake_plane.PathDown(uplink(house, ann).id))
    before = sum(house.forwarders[0].transports_by_state.values())
    assert ann.publish(BOTH, restarted(CHROMIUM))["code"] == "connection_lost"
    assert sum(house.forwarders[0].transports_by_state.values()) == before
    assert ann.publish(BOTH, fresh_connection(CHROMIUM))["type"] == "ok"


def test_a_receiver_asks_for_an_offer_that_restarts(house: House) -> None:
    dan = house.member()
    dan.answer()
    transport, first = house.downlink(dan), dan.offer["sdp"]
    house.worker.take()
    assert dan.ask("restart_ice")["type"] == "ok"
    (dan.offer,) = dan.events("offer")
    again = dan.offer["sdp"]
    ((_, (id, ufrag, pwd)),) = house.worker.take()
    assert (id, said(again, "ice-ufrag"), said(again, "ice-pwd")) == (transport.id, {ufrag}, {pwd})
    assert not said(first, "ice-ufrag") & {ufrag}
    for name in ("fingerprint", "mid", "ssrc"):
        assert said(first, name) == said(again, name)
    elsewhere = answer_to(fresh_connection(again))
    assert dan.ask("answer", sdp=elsewhere)["code"] == "transport_changed"
    assert dan.ask("answer", sdp=answer_to(restarted(again)))["type"] == "ok"
    assert house.downlink(dan) is transport
    assert "add_egress" not in [name for name, _ in house.worker.take()]


def test_an_offer_that_waits_for_its_answer_goes_first(house: House) -> None:
    dan = house.member()
    assert dan.ask("restart_ice")["type"] == "ok"
    assert dan.events("offer") == []
    assert dan.answer()["type"] == "ok"
    assert len(dan.events("offer")) == 1
    assert len(house.worker.named("restart_ice")) == 1


def test_nobody_restarts_what_is_not_theirs(house: House) -> None:
    ann, dan = house.presenter(), house.member()
    transport = uplink(house, ann)
    # The same description over another session is another person's connection.
    eve = house.member("presenter")
    assert eve.publish(BOTH, restarted(CHROMIUM))["type"] == "ok"
    assert uplink(house, ann) is transport
    assert uplink(house, eve) is not transport
    assert not house.worker.named("restart_ice")
    guest = house.visitor()
    assert guest.ask("restart_ice")["code"] == "not_joined"
    assert dan.ask("restart_ice")["type"] == "ok"
