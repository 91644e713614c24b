"""Transports of a room: new ones, lost ones, dead workers."""

import pytest

from sfu.commands import Publish
from sfu.track import Media, Source, Stream
from tests.sfu import fake_plane
from tests.sfu.house import House, fresh_connection
from tests.sfu.test_stage import tracks
from tests.signaling.descriptions import CHROMIUM, answer_to


def test_a_republish_adds_and_removes_on_the_same_transport(house: House) -> None:
    ann = house.member("presenter")
    ann.publish({"0": "microphone"})
    house.worker.take()
    ann.publish({"0": "microphone", "1": "camera"})
    names = [name for name, _ in house.worker.take()]
    assert names == ["set_remote", "set_upload", "add_track", "bind"]
    ann.publish({"1": "camera"})
    names = [name for name, _ in house.worker.take()]
    assert names == ["set_remote", "set_upload", "bind", "remove_track"]
    assert len(house.live().room.participant(ann.id).tracks) == 1


def test_a_new_connection_takes_over_the_sources(house: House) -> None:
    ann = house.presenter()
    stage = house.live().stage
    assert stage is not None
    old = stage.uplinks.get(ann.id)
    assert old is not None
    house.worker.take()
    anew = fresh_connection(CHROMIUM)
    assert ann.publish({"0": "microphone", "1": "camera"}, anew)["type"] == "ok"
    new = stage.uplinks.get(ann.id)
    assert new is not None
    assert new is not old
    assert house.worker.named("close_transport") == [(old.id,)]
    assert [args[1] for args in house.worker.named("add_track")] == [new.id, new.id]
    ids = tracks(house)
    assert [track for _, track in house.worker.named("bind")] == [ids["opus"], ids["vp8"]]
    assert not house.worker.named("remove_track")  # they went with their transport
    assert house.live().room.shown("seat-1") is not None


def test_a_lost_publisher_is_unpublished_and_told(house: House) -> None:
    ann = house.presenter()
    dan = house.member()
    stage = house.live().stage
    assert stage is not None
    uplink = stage.uplinks.get(ann.id)
    assert uplink is not None
    ann.read()
    dan.read()
    house.report(fake_plane.PathDown(uplink.id))
    assert house.live().room.participant(ann.id).tracks == {}
    assert ann.events("connection") == [
        {
            "type": "connection",
            "connection": "publish",
            "state": "lost",
            "reason": "consent expired",
        }
    ]
    assert dan.events("slots") == [
        {
            "type": "slots",
            "slots": {"seat-1": {"participant": ann.id, "camera": False, "microphone": False}},
        }
    ]
    assert ann.publish({"0": "microphone"}, fresh_connection(CHROMIUM))["type"] == "ok"


def test_a_lost_receiver_is_offered_a_new_connection(house: House) -> None:
    dan = house.member()
    dan.answer()
    stage = house.live().stage
    assert stage is not None
    for attempt in range(5):
        downlink = stage.downlink(dan.id)
        assert downlink is not None
        dan.read()
        house.report(fake_plane.PathDown(downlink.id))
        frames = dan.read()
        assert frames[0]["connection"] == "receive"
        if attempt < 4:
            dan.offer = frames[1]
            assert dan.offer["type"] == "offer"
            assert dan.answer()["type"] == "ok"
    # A client that never gets through is not offered for ever.
    assert len(frames) == 1


def test_an_offer_whose_path_is_lost_before_its_answer_is_made_anew(house: House) -> None:
    dan = house.member()
    for attempt in range(5):
        (*_, offered) = house.worker.named("open_transport")
        dan.read()
        house.report(fake_plane.PathUp(offered[0], "1.2.3.4:5"), fake_plane.PathDown(offered[0]))
        frames = dan.read()
        assert (frames[0]["type"], frames[0]["connection"]) == ("connection", "receive")
        if attempt < 4:
            dan.offer = frames[1]
            assert dan.offer["type"] == "offer"
    assert len(frames) == 1
    assert dan.answer()["code"] == "no_offer"


def test_a_renewed_offer_can_be_answered(house: House) -> None:
    dan = house.member()
    (offered,) = house.worker.named("open_transport")
    house.report(fake_plane.PathUp(offered[0], "1.2.3.4:5"), fake_plane.PathDown(offered[0]))
    dan.offer = dan.events("offer")[0]
    assert dan.answer()["type"] == "ok"
    stage = house.live().stage
    assert stage is not None
    assert stage.downlink(dan.id) is not None


def test_leaving_ends_both_transports(house: House) -> None:
    house.member()
    ann = house.presenter()
    ann.answer()
    stage = house.live().stage
    assert stage is not None
    both = {transport.id for t in (stage.uplinks.get, stage.downlink) if (transport := t(ann.id))}
    assert len(both) == 2
    ann.session.closed(house.now)
    assert {args[0] for args in house.worker.named("close_transport")} == both
    assert sum(house.forwarders[0].transports_by_state.values()) == 1  # the other's offer


def test_rooms_go_to_the_worker_with_the_fewest(house: House) -> None:
    pair = House(workers=2)
    for number in range(4):
        pair.member(room=f"room-{number}")
    assert [forwarder.load for forwarder in pair.forwarders] == [2, 2]


def test_the_rooms_of_a_dead_worker_go_on_elsewhere_and_everybody_is_told(house: House) -> None:
    pair = House(workers=2)
    ann, one, two = pair.presenter(room="one"), pair.member(room="one"), pair.member(room="two")
    one.answer()
    pair.workers[0].reports.append(fake_plane.Fault("panic"))
    lost = pair.forwarders[0]
    lost.read(pair.now)
    for visitor in (ann, one, two):
        visitor.read()
    pair.rooms.leave(lost, pair.now)
    stage = pair.live("one").stage
    assert stage is not None
    assert stage.forwarder is pair.forwarders[1]
    assert [e["connection"] for e in ann.events("connection")] == ["publish", "receive"]
    frames = one.read()
    told = [frame["type"] for frame in frames if frame["type"] in ("connection", "offer")]
    assert told == ["connection", "offer"]
    assert two.events("connection") == []
    one.offer = next(frame for frame in frames if frame["type"] == "offer")
    pair.workers[1].take()
    one.answer()
    assert pair.workers[1].named("add_egress")
    assert ann.publish({"0": "microphone", "1": "camera"})["type"] == "ok"
    assert len(pair.workers[1].named("add_track")) == 2
    assert not sum(lost.transports_by_state.values())


def test_a_stream_that_changes_is_another_track(house: House) -> None:
    ann = house.presenter()
    live = house.live()
    house.worker.take()
    live.execute(Publish(ann.id, {Source.CAMERA: Media("1", "vp8", (Stream("", 77, 78),))}), ann.id)
    names = [name for name, _ in house.worker.commands]
    assert names.index("remove_track") < names.index("add_track")
    assert house.worker.named("add_track")[0][4] == [("", 77, 78)]


@pytest.mark.parametrize("mid", ["a1", "v1"])
def test_a_line_that_is_not_answered_gets_nothing(house: House, mid: str) -> None:
    dan = house.member()
    text = answer_to(dan.offer["sdp"])
    sections = text.split("m=")
    text = "m=".join(
        section.replace("a=recvonly", "a=inactive") if f"a=mid:{mid}\r\n" in section else section
        for section in sections
    )
    assert dan.ask("answer", sdp=text)["type"] == "ok"
    assert mid not in [args[3] for args in house.worker.named("add_egress")]
    assert len(house.worker.named("add_egress")) == 11


def test_bytes_are_counted_over_all_connections_of_a_stay(house: House) -> None:
    ann = house.presenter()
    rooms = house.rooms
    stage = house.live().stage
    assert stage is not None
    old = stage.uplinks.get(ann.id)
    assert old is not None
    assert rooms.traffic() == {}
    assert house.worker.named("report_traffic") == [()]
    house.worker.closes = False
    house.report(fake_plane.Traffic([(old.id, 900, 9), (999, 5, 5)]))
    ann.publish({"0": "microphone", "1": "camera"}, fresh_connection(CHROMIUM))
    new = stage.uplinks.get(ann.id)
    assert new is not None
    # The worker's last word on the old one counts, and not what was known when it was given up.
    house.report(fake_plane.Traffic([(new.id, 500, 1)]), fake_plane.Closed(old.id, 1000, 10))
    totals = rooms.traffic()[ann.id]
    assert (totals.bytes_received, totals.bytes_sent) == (1500, 11)
    assert rooms.traffic() == {}


def test_a_connection_that_finds_no_path_is_soon_followed_by_another(house: House) -> None:
    dan = house.member()
    took = []
    while dan.offer:
        assert dan.answer()["type"] == "ok"
        answered = house.now
        while house.now < answered + 31 and not (offers := dan.events("offer")):
            house.pass_time(0.5)
        took.append(round(house.now - answered))
        dan.offer = offers[0] if offers else {}
    # Twice the patience with each, up to the whole `path_timeout`; not for ever.
    assert took == [5, 10, 20, 30, 31]
