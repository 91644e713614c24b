"""Pictures that somebody should see and does not."""

import pytest

from sfu.unseen import RARE, SECONDS
from tests.sfu import fake_plane
from tests.sfu.house import House, Visitor
from tests.sfu.test_stage import egress, tracks

RATES = [(100_000, 30.0, 320, 180), (400_000, 30.0, 640, 360), (1_100_000, 30.0, 1280, 720)]


def send(house: House) -> int:
    """A presenter's picture comes; its track."""
    house.stay(house.presenter())
    track = tracks(house)["vp8"]
    house.report(fake_plane.TrackRates(track, RATES))
    return track


def watch(house: House, track: int | None) -> Visitor:
    """Somebody with a good path, to whom this track is forwarded."""
    visitor = house.member()
    visitor.receive()
    if track is not None:
        house.report(fake_plane.Switched(egress(house, visitor, "v1"), track, 2, 2))
    visitor.read()
    return visitor


def lost(visitor: Visitor) -> list[str]:
    return [frame["type"] for frame in visitor.read() if frame["type"] in ("connection", "offer")]


def test_who_alone_sees_nothing_gets_another_connection(house: House) -> None:
    track = send(house)
    watch(house, track)
    dan = watch(house, None)
    house.worker.take()
    house.pass_time(SECONDS - 2, step=0.5)
    watch(house, track)
    assert lost(dan) == []
    house.pass_time(3, step=0.5)
    assert lost(dan) == ["connection", "offer"]
    assert house.worker.named("bind") == []


def test_a_source_that_makes_keyframes_seldom_is_waited_for(house: House) -> None:
    track = send(house)
    watch(house, track)
    dan = watch(house, None)
    house.pass_time(RARE - 2, step=0.5)
    assert lost(dan) == []
    house.pass_time(3, step=0.5)
    assert lost(dan) == ["connection", "offer"], "not for ever"


def test_where_nobody_sees_it_the_worker_is_told_anew(house: House) -> None:
    track = send(house)
    people = [watch(house, None) for _ in range(3)]
    house.worker.take()
    house.pass_time(SECONDS + 1, step=0.5)
    (bound,) = house.worker.named("bind")
    assert bound[1] == track
    # The next time takes twice as long.
    house.pass_time(2 * SECONDS - 5, step=0.5)
    assert len(house.worker.named("bind")) == 1
    house.pass_time(10, step=0.5)
    assert len(house.worker.named("bind")) == 2
    assert [lost(each) for each in people] == [[], [], []]


def test_nobody_is_helped_for_ever(house: House) -> None:
    track = send(house)
    watch(house, track)
    dan = watch(house, None)
    times = 0
    for _ in range(200):
        house.pass_time(1, step=0.5)
        if offers := dan.events("offer"):
            times += 1
            (dan.offer,) = offers
            dan.receive()
    assert times == 3


@pytest.mark.parametrize(
    "why", ["it is seen", "nothing comes", "the path is too slow", "off", "a player", "no codec"]
)
def test_who_is_well_is_left_alone(house: House, why: str) -> None:
    track = send(house)
    watch(house, track)
    dan = watch(house, track if why == "it is seen" else None)
    if why == "nothing comes":
        house.report(fake_plane.TrackRates(track, [(0, 0.0, 0, 0)] * 3))
    stage = house.live().stage
    assert stage is not None
    if why == "a player":  # no other connection would follow
        stage.receivers[dan.id].renewable = False
    if why == "no codec":
        stage.receivers[dan.id].codecs -= {"vp8"}
    if why == "off":
        assert dan.ask("view", slots={"seat-1": "off"})["type"] == "ok"
    house.worker.take()
    for _ in range(30):
        if why == "the path is too slow":
            house.carry(dan, 200_000)
        house.pass_time(1, step=0.5)
    assert lost(dan) == []
    assert house.worker.named("bind") == []
