"""Pictures that somebody should see and does not."""

import pytest

from sfu.unseen import MOST, SECONDS
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


def watch(house: House, track: int | None, mid: str = "v1") -> Visitor:
    """Somebody with a good path, to whom this track is forwarded."""
    visitor = house.member()
    visitor.receive()
    if track is not None:
        house.report(fake_plane.Switched(egress(house, visitor, mid), track, 2, 2))
    visitor.read()
    return visitor


def begun_anew(house: House) -> list[int]:
    """Egresses that were paused and aimed again since the last look."""
    targets = [each for (aims,) in house.worker.named("set_targets") for each in aims]
    house.worker.take()
    return [egress for egress, spatial, *_ in targets if spatial < 0]


def test_who_alone_sees_nothing_has_it_begin_anew(house: House) -> None:
    track = send(house)
    watch(house, track)
    picture = egress(house, watch(house, None), "v1")
    house.worker.take()
    house.pass_time(SECONDS - 2, step=0.5)
    assert begun_anew(house) == []
    house.pass_time(3, step=0.5)
    targets = house.worker.named("set_targets")[-1][0]
    assert [each[:2] for each in targets] == [(picture, -1), (picture, 2)]
    assert house.worker.named("bind") == []


def test_what_is_missed_for_a_moment_is_not_counted_with_what_was_missed_before(
    house: House,
) -> None:
    track = send(house)
    watch(house, track)
    picture = egress(house, watch(house, None), "v1")
    house.pass_time(SECONDS - 2, step=0.5)
    house.report(fake_plane.Switched(picture, track, 2, 2))
    house.pass_time(2, step=0.5)
    house.report(fake_plane.Switched(picture, track, -1, 0))
    house.worker.take()
    house.pass_time(SECONDS - 2, step=0.5)
    assert begun_anew(house) == []


def test_where_nobody_sees_it_the_worker_is_told_anew(house: House) -> None:
    track = send(house)
    people = [watch(house, None) for _ in range(3)]
    house.worker.take()
    house.pass_time(SECONDS + 1, step=0.5)
    assert [bound for _, bound in house.worker.named("bind")] == [None, track]
    # The next time takes twice as long.
    house.pass_time(2 * SECONDS - 5, step=0.5)
    assert len(house.worker.named("bind")) == 2
    house.pass_time(10, step=0.5)
    assert len(house.worker.named("bind")) == 4
    assert [each.events("connection") for each in people] == [[], [], []]


def test_a_picture_that_is_switched_off_is_not_missed_beside_one_that_is(house: House) -> None:
    send(house)
    send(house)
    dan = watch(house, None)
    wanted = egress(house, dan, "v2")
    assert dan.ask("view", slots={"seat-1": "off"})["type"] == "ok"
    watch(house, tracks(house)["vp8"], "v2")
    house.worker.take()
    house.pass_time(SECONDS + 1, step=0.5)
    assert begun_anew(house) == [wanted]


def test_nobody_is_helped_for_ever(house: House) -> None:
    track = send(house)
    watch(house, track)
    watch(house, None)
    house.worker.take()
    house.pass_time(200, step=0.5)
    assert len(begun_anew(house)) == MOST


@pytest.mark.parametrize(
    "why", ["it is seen", "nothing comes", "the path is too slow", "off", "no codec"]
)
def test_who_is_well_is_left_alone(house: House, why: str) -> None:
    track = send(house)
    watch(house, track)
    dan = watch(house, track if why == "it is seen" else None)
    if why == "nothing comes":
        house.report(fake_plane.TrackRates(track, [(0, 0.0, 0, 0)] * 3))
    stage = house.live().stage
    assert stage is not None
    if why == "no codec":
        stage.receivers[dan.id].codecs -= {"vp8"}
    if why == "off":
        assert dan.ask("view", slots={"seat-1": "off"})["type"] == "ok"
    house.pass_time(2, step=0.5)
    house.worker.take()
    for _ in range(30):
        if why == "the path is too slow":
            house.carry(dan, 200_000)
        house.pass_time(1, step=0.5)
    assert begun_anew(house) == []
    assert house.worker.named("bind") == []
