"""Where a room's people are placed, and what each of its workers is told."""

from typing import Any

import pytest

from sfu.forwarder import Forwarder
from tests.sfu import fake_plane
from tests.sfu.house import House, Visitor

SPILL = 2


@pytest.fixture
def pair(house: House) -> House:
    """Two workers, rooms of more than two receivers on both; the recorded plane is in place."""
    pair = House(workers=2)
    pair.rooms.spill_after = SPILL
    return pair


def named(worker: fake_plane.Worker, *names: str) -> list[tuple[str, tuple[Any, ...]]]:
    return [command for command in worker.commands if command[0] in names]


def attend(house: House, count: int, room: str = "hall") -> list[Visitor]:
    return [house.member(room=room) for _ in range(count)]


def of(house: House, visitors: list[Visitor]) -> list[int]:
    """On which worker each one's downlink is."""
    stage = house.live().stage
    assert stage is not None
    offered = [stage._offered.get(each.id) or stage.downlink(each.id) for each in visitors]
    return [house.forwarders.index(each.forwarder) for each in offered if each is not None]


def kill(house: House, index: int) -> Forwarder:
    lost = house.forwarders[index]
    house.workers[index].reports.append(fake_plane.Fault("panic"))
    lost.read(house.now)
    house.rooms.leave(lost, house.now)
    return lost


def test_a_small_room_stays_on_one_worker(pair: House) -> None:
    pair.presenter()
    assert of(pair, attend(pair, SPILL - 1)) == [0]
    assert pair.workers[1].commands == []


def test_a_room_that_grows_goes_to_the_next_worker_with_all_that_is_shown(pair: House) -> None:
    ann = pair.presenter()
    assert of(pair, [ann, *attend(pair, 4)]) == [0, 0, 1, 1, 0]
    home, other = pair.workers
    tracks = [(args[0], args[3], len(args[4])) for args in home.named("add_track")]
    assert len(tracks) == 2
    relayed = other.named("add_relayed_track")
    assert [(track, codec, layers) for track, _, codec, layers in relayed] == tracks
    assert {peer for _, peer, *_ in relayed} == {pair.forwarders[0].id}
    assert home.named("relay") == [(track, pair.forwarders[1].id) for track, *_ in tracks]
    assert dict(other.named("bind")) == dict(home.named("bind"))
    assert other.named("add_route") == home.named("add_route")
    assert dict(other.named("weigh")) == dict(home.named("weigh"))
    assert len(home.named("add_peer")) == len(other.named("add_peer")) == 1
    names = [name for name, _ in other.commands]
    assert names.index("add_peer") < names.index("add_relayed_track") < names.index("bind")


def test_what_is_published_muted_and_ended_later_reaches_both(pair: House) -> None:
    visitors = attend(pair, 3)
    ann = pair.presenter()
    home, other = pair.workers
    assert len(home.named("relay")) == 2
    tracks = [args[0] for args in home.named("add_track")]
    pair.live().execute(mute(ann), ann.id)
    assert home.named("mute")
    assert not other.named("mute"), "nothing of it is relayed"
    visitors[2].answer()
    assert other.named("add_egress")
    assert not home.named("add_egress")
    assert other.named("set_targets")
    ann.ask("leave")
    assert sorted(args[0] for args in other.named("remove_track")) == sorted(tracks)


def test_the_last_who_leaves_a_worker_takes_the_room_from_there(pair: House) -> None:
    pair.presenter()
    *_, ben, eva = attend(pair, 3)
    assert of(pair, [ben, eva]) == [1, 1]
    ben.ask("leave")
    home, other = pair.workers
    assert not other.named("remove_route")
    eva.ask("leave")
    assert len(home.named("end_relay")) == len(other.named("remove_track")) == 2
    assert {args[0] for args in other.named("remove_route")} == {
        args[0] for args in other.named("add_route")
    }
    assert pair.forwarders[1].receivers == 0
    other.take()
    assert of(pair, attend(pair, 1)) == [1]
    assert len(other.named("add_relayed_track")) == 2


def test_a_closed_room_leaves_nothing_behind(pair: House) -> None:
    pair.presenter()
    attend(pair, 3)
    pair.rooms.remove("dev", "hall")
    for worker, forwarder in zip(pair.workers, pair.forwarders, strict=True):
        added = {args[0] for args in worker.named("add_route")}
        assert {args[0] for args in worker.named("remove_route")} == added
        assert (forwarder.receivers, forwarder.load) == (0, 0)


def test_other_rooms_stay_away_from_a_worker_with_a_large_room(pair: House) -> None:
    pair.rooms.spill_after = 500
    attend(pair, 40)
    for number in range(2):
        pair.member(room=f"room-{number}")
    assert [forwarder.load for forwarder in pair.forwarders] == [1, 2]


def test_the_fault_of_another_worker_moves_its_people_alone(pair: House) -> None:
    ann = pair.presenter()
    dan, eva, fay = attend(pair, 3)
    for visitor in (ann, dan, eva, fay):
        visitor.answer()
        visitor.read()
    kill(pair, 1)
    assert [event["connection"] for event in eva.events("connection")] == ["receive"]
    assert not [*ann.events("connection"), *dan.events("connection")]
    assert pair.workers[0].named("remove_peer") == [(pair.forwarders[1].id,)]
    assert of(pair, [ann, dan, eva, fay]) == [0, 0, 0, 0], "while no other runs"
    assert pair.live().stage is not None


def test_the_fault_of_the_home_costs_others_no_connection(pair: House) -> None:
    ann = pair.presenter()
    dan, eva = attend(pair, 2)
    for visitor in (ann, dan, eva):
        visitor.answer()
        visitor.read()
    lost = kill(pair, 0)
    stage = pair.live().stage
    assert stage is not None
    assert stage.forwarder is pair.forwarders[1]
    assert not eva.events("connection"), "hers is on the other one"
    assert len(dan.events("connection")) == 1
    other = pair.workers[1]
    assert len(other.named("remove_track")) == 2
    assert other.named("remove_peer") == [(lost.id,)]
    assert lost.receivers == 0
    routes = other.named("add_route")
    assert ann.publish({"0": "microphone", "1": "camera"})["type"] == "ok"
    assert len(other.named("add_track")) == 2
    assert other.named("add_route") == routes, "they are there already"
    assert {route for route, track in other.named("bind")[-2:] if track} <= {
        route for route, *_ in routes
    }


def mute(visitor: Visitor) -> Any:
    from sfu.commands import Mute
    from sfu.track import Source

    return Mute(visitor.id, Source.CAMERA, True)


def test_a_worker_is_told_anew_of_a_track_that_nobody_sees_there(pair: House) -> None:
    pair.presenter()
    attend(pair, 4)
    home, other = pair.workers
    track = next(args[0] for args in home.named("add_track") if args[3] == "vp8")
    (bound,) = [args for args in home.named("bind") if args[1] == track]
    home.take()
    other.take()
    stage = pair.live().stage
    assert stage is not None
    stage._sites.show_again(track, pair.forwarders[1])
    assert [name for name, _ in home.take()] == ["end_relay", "relay"]
    assert [(name, args[:2]) for name, args in other.take()] == [
        ("remove_track", (track,)),
        ("add_relayed_track", (track, pair.forwarders[0].id)),
        ("bind", (bound[0], None)),
        ("bind", bound),
    ]
    # At home there is nothing to be relayed.
    stage._sites.show_again(track, pair.forwarders[0])
    assert home.take() == [("bind", (bound[0], None)), ("bind", bound)]
    assert other.take() == []


def test_what_is_cut_is_cut_on_all_workers_also_those_that_come_later(pair: House) -> None:
    ann = pair.presenter()
    *_, eva = attend(pair, 2)
    assert of(pair, [eva]) == [1]
    home, other = pair.workers
    track = next(args[0] for args in home.named("add_track") if args[3] == "vp8")
    stage = pair.live().stage
    assert stage is not None
    stage.uplinks._cap(stage._sent[track], 2)
    assert home.named("cap") == other.named("cap") == [(track, 2)]
    other.take()
    stage._sites.show_again(track, pair.forwarders[1])
    names = [name for name, _ in other.commands]
    assert names[:3] == ["remove_track", "add_relayed_track", "cap"]
    eva.ask("leave")
    other.take()
    attend(pair, 1)
    assert other.named("cap") == [(track, 2)]
    assert len(home.named("cap")) == 1
    ann.ask("unpublish", source="camera")
    stage._sites.cap(track, 3)
    assert len(home.named("cap")) == len(other.named("cap")) == 1, "it has gone"
