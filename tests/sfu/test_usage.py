"""From who is in which room to usage records."""

from dataclasses import replace

import pytest

from sfu.bandwidth.stills import Freezes
from sfu.participant import Client, Role
from sfu.store.records import Event, LastSeen, Stay, Totals, participant_record
from sfu.store.writes import CloseEvent, CloseStay, OpenEvent, OpenStay, TouchStays
from sfu.usage import PATIENCE, Attendance

NOW = 1_700_000_000.0
EVENT = Event("e1", "acme", "lobby", "webinar", NOW)


def stay(id: str, role: Role = Role.ATTENDEE, event: str = "e1") -> Stay:
    return Stay(id, "acme", "lobby", event, f"i-{id}", NOW, role, NOW)


def test_a_stay_is_opened_when_somebody_joins_and_closed_when_they_leave() -> None:
    attendance = Attendance()
    assert attendance.join(stay("p1")) == [OpenStay(stay("p1"))]
    assert "p1" in attendance
    writes = attendance.leave("p1", NOW + 60, "left", Totals(1, 2, 4.5, 60.0))
    assert writes == [
        CloseStay(stay("p1"), NOW + 60, "left", Totals(1, 2, 4.5, 60.0), NOW + 60, announce=False)
    ]
    assert "p1" not in attendance
    assert attendance.leave("p1", NOW + 61, "left") == []


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_a_clock_that_is_set_makes_nobodys_time_longer_or_shorter(step: float) -> None:
    attendance = Attendance()
    attendance.start(EVENT)
    attendance.join(stay("here"))
    attendance.recover([LastSeen(stay("gone"), NOW + 5, Totals(1, 2))], [], {"e1"}, NOW + 10)
    moved = Event("e1", "acme", "lobby", "webinar", NOW + step)
    assert attendance.clock_set(step) == [
        OpenEvent(moved),
        *(OpenStay(stay(id).moved(step)) for id in ("here", "gone")),
        TouchStays(NOW + step, {"here": Totals()}),
        TouchStays(NOW + step + 5, {"gone": Totals(1, 2)}),
    ]
    assert attendance.expire(NOW + step + 10 + PATIENCE - 1) == []
    (lost,) = attendance.expire(NOW + step + 10 + PATIENCE)
    assert isinstance(lost, CloseStay)
    assert lost.left_at - lost.stay.joined_at == 5
    closed, ended = attendance.end("e1", NOW + step + 60, "ended")
    assert isinstance(closed, CloseStay)
    assert closed.stay.seconds(closed.left_at)[Role.ATTENDEE] == 60
    assert isinstance(ended, CloseEvent)
    assert ended.event == moved


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_an_event_that_waits_for_its_last_totals_keeps_its_length(step: float) -> None:
    attendance = Attendance()
    attendance.start(EVENT)
    attendance.join(stay("p1"))
    attendance.part("p1", NOW + 55, "left")
    assert attendance.end("e1", NOW + 60, "ended") == []
    attendance.clock_set(step)
    closed, ended = attendance.settle("p1", NOW + step + 61, Totals(1, 2))
    assert isinstance(closed, CloseStay)
    assert isinstance(ended, CloseEvent)
    assert ended.event == EVENT.moved(step)
    assert ended.ended_at == NOW + step + 60
    assert (closed.stay, closed.left_at) == (stay("p1").moved(step), NOW + step + 55)


def test_the_record_says_all_about_a_stay() -> None:
    whole = Stay(
        id="p1",
        tenant="acme",
        room="lobby",
        event="e1",
        identity="ann",
        joined_at=NOW,
        role=Role.PRESENTER,
        since=NOW + 30,
        spent={Role.ATTENDEE: 30.0},
        client=Client("Firefox 140", "Linux"),
    )
    freezes = Freezes(2, 1, 0, 1.25, 0.5, 0.0)
    totals = Totals(10, 20, 4.0, freezes=freezes)
    assert participant_record(whole, NOW + 90.0625, "removed", totals) == {
        "id": "stay-p1",
        "kind": "participant",
        "tenant": "acme",
        "room": "lobby",
        "event": "e1",
        "participant": "p1",
        "identity": "ann",
        "joined_at": "2023-11-14T22:13:20.000Z",
        "left_at": "2023-11-14T22:14:50.062Z",
        "reason": "removed",
        "seconds_by_role": {"organizer": 0, "presenter": 60.062, "attendee": 30, "viewer": 0},
        "client": {"browser": "Firefox 140", "platform": "Linux"},
        "bytes_sent": 10,
        "bytes_received": 20,
        "quality": 4.0,
        "freezes": {
            "link": {"count": 2, "seconds": 1.25},
            "keyframe": {"count": 1, "seconds": 0.5},
            "publisher": {"count": 0, "seconds": 0.0},
        },
        "recordings": [],
    }


def test_nobody_leaves_before_they_came() -> None:
    record = participant_record(stay("p1"), NOW - 5, "left", Totals())
    assert record["left_at"] == record["joined_at"]
    assert record["seconds_by_role"] == dict.fromkeys(Role, 0.0)


def test_time_counts_for_the_role_one_has() -> None:
    attendance = Attendance()
    attendance.join(stay("p1"))
    (write,) = attendance.change_role("p1", Role.PRESENTER, NOW + 10)
    assert write == OpenStay(stay("p1").with_role(Role.PRESENTER, NOW + 10))
    assert attendance.change_role("p1", Role.PRESENTER, NOW + 11) == []
    assert attendance.change_role("nobody", Role.PRESENTER, NOW + 11) == []
    attendance.change_role("p1", Role.ATTENDEE, NOW + 30)
    (closed,) = attendance.leave("p1", NOW + 35, "left")
    assert isinstance(closed, CloseStay)
    seconds = closed.stay.seconds(NOW + 35)
    assert seconds == {**dict.fromkeys(Role, 0.0), Role.PRESENTER: 20.0, Role.ATTENDEE: 15.0}


def test_however_often_a_role_changes_a_stay_stays_small() -> None:
    long = stay("p1")
    for second in range(1000):
        long = long.with_role(tuple(Role)[second % 2], NOW + second)
    assert len(long.spent) == len(Role)
    assert sum(long.seconds(NOW + 1000).values()) == 1000


def test_a_heartbeat_is_one_write_for_all() -> None:
    attendance = Attendance()
    assert attendance.heartbeat(NOW, {}) == []
    attendance.join(stay("p1"))
    attendance.join(stay("p2"))
    first = Totals(5, 6, freezes=Freezes(1, 2, 3, 4.0, 5.0, 6.0))
    beat = attendance.heartbeat(NOW + 5, {"p1": first, "gone": Totals(9, 9)})
    assert beat == [TouchStays(NOW + 5, {"p1": first, "p2": Totals()})]
    beat = attendance.heartbeat(NOW + 10, {"p2": Totals(1, 1)})
    assert beat == [TouchStays(NOW + 10, {"p1": first, "p2": Totals(1, 1)})]
    (closed,) = attendance.leave("p1", NOW + 11, "left")
    assert isinstance(closed, CloseStay)
    assert closed.totals == first


def test_whoever_parts_is_closed_when_their_totals_have_come() -> None:
    attendance = Attendance()
    attendance.join(stay("p1"))
    attendance.heartbeat(NOW + 5, {"p1": Totals(5, 6)})
    assert attendance.part("p1", NOW + 7, "left") == [
        OpenStay(replace(stay("p1"), left=(NOW + 7, "left")))
    ]
    assert "p1" not in attendance
    assert attendance.part("p1", NOW + 8, "again") == []
    assert attendance.heartbeat(NOW + 10, {"p1": Totals(9, 9)}) == []
    (closed,) = attendance.settle("p1", NOW + 7.5, Totals(50, 60))
    assert closed == CloseStay(stay("p1"), NOW + 7, "left", Totals(50, 60), NOW + 7.5)
    assert attendance.settle("p1", NOW + 8, Totals(70, 70)) == []


def test_totals_that_never_come_are_those_of_the_last_heartbeat() -> None:
    attendance = Attendance()
    attendance.join(stay("p1"))
    attendance.heartbeat(NOW + 5, {"p1": Totals(5, 6)})
    attendance.part("p1", NOW + 7, "left")
    (closed,) = attendance.settle("p1", NOW + 8)
    assert isinstance(closed, CloseStay)
    assert closed.totals == Totals(5, 6)


def test_an_event_ends_behind_those_who_are_leaving() -> None:
    attendance = Attendance()
    for id in ("p1", "p2"):
        attendance.join(stay(id))
        attendance.part(id, NOW + 50, "ended")
    attendance.join(stay("other", event="e2"))
    attendance.part("other", NOW + 50, "left")
    attendance.start(EVENT)
    assert attendance.end("e1", NOW + 60, "ended") == []
    assert [type(each) for each in attendance.settle("p1", NOW + 61)] == [CloseStay]
    assert attendance.settle("p2", NOW + 62)[1:] == [
        CloseEvent("e1", EVENT, NOW + 60, "ended", NOW + 62)
    ]
    assert [type(each) for each in attendance.settle("other", NOW + 63)] == [CloseStay]


def test_what_was_counted_before_a_restart_is_not_lost() -> None:
    attendance = Attendance()
    attendance.recover([LastSeen(stay("p1"), NOW, Totals(100, 1000))], [EVENT], {"e1"}, NOW + 1)
    attendance.resume("p1", NOW + 2)
    assert attendance.heartbeat(NOW + 5, {}) == [TouchStays(NOW + 5, {"p1": Totals(100, 1000)})]
    beat = attendance.heartbeat(NOW + 10, {"p1": Totals(5, 6)})
    assert beat == [TouchStays(NOW + 10, {"p1": Totals(105, 1006)})]
    beat = attendance.heartbeat(NOW + 10, {"p1": Totals(freezes=Freezes(1, 0, 0, 0.5))})
    assert beat == [TouchStays(NOW + 10, {"p1": Totals(100, 1000, freezes=Freezes(1, 0, 0, 0.5))})]
    (closed,) = attendance.leave("p1", NOW + 11, "left", Totals(7, 8))
    assert isinstance(closed, CloseStay)
    assert closed.totals == Totals(107, 1008)


def test_the_end_of_an_event_closes_its_stays_first() -> None:
    attendance = Attendance(announced={"acme"})
    attendance.join(stay("p1"))
    attendance.join(stay("other", event="e2"))
    assert attendance.start(EVENT) == [OpenEvent(EVENT)]
    writes = attendance.end("e1", NOW + 60, "ended", {"p1": Totals(3, 4)})
    assert writes == [
        CloseStay(stay("p1"), NOW + 60, "ended", Totals(3, 4), NOW + 60, announce=True),
        CloseEvent("e1", EVENT, NOW + 60, "ended", NOW + 60, announce=True),
    ]
    assert "other" in attendance
    (again,) = attendance.end("e1", NOW + 61, "ended")
    assert again == CloseEvent("e1", None, NOW + 61, "ended", NOW + 61)


def seen(id: str, at: float, event: str = "e1") -> LastSeen:
    return LastSeen(stay(id, event=event), at, Totals(7, 8, 3.0))


def test_after_a_restart_stays_are_resumed_or_closed_when_last_seen() -> None:
    attendance = Attendance(announced={"acme"})
    start = NOW + 100
    assert (
        attendance.recover([seen("p1", NOW + 50), seen("p2", NOW + 51)], [EVENT], {"e1"}, start)
        == []
    )
    assert {each.id for each in attendance.absent()} == {"p1", "p2"}
    assert attendance.heartbeat(start, {}) == []
    resumed = attendance.resume("p1", start + 10)
    assert resumed is not None
    again, writes = resumed
    assert writes == [OpenStay(again)]
    assert attendance.resume("p1", start + 10) is None
    assert attendance.expire(start + PATIENCE - 0.001) == []
    assert attendance.expire(start + PATIENCE) == [
        CloseStay(
            stay("p2"), NOW + 51, "disconnected", Totals(7, 8, 3.0), start + PATIENCE, announce=True
        )
    ]
    assert attendance.resume("p2", start + PATIENCE) is None
    assert attendance.absent() == []
    # The time between the last heartbeat and the return is not theirs to pay.
    (closed, ended) = attendance.end("e1", start + 20, "ended")
    assert isinstance(closed, CloseStay)
    assert closed.stay.seconds(start + 20)[Role.ATTENDEE] == 50 + 10
    assert closed.totals == Totals(7, 8, 3.0)
    assert isinstance(ended, CloseEvent)
    assert ended.event == EVENT


def test_who_was_leaving_at_the_restart_has_left_when_and_why_it_was_told() -> None:
    attendance = Attendance()
    left = replace(stay("p1"), left=(NOW + 52, "removed"))
    over = replace(stay("p2", event="e2"), left=(NOW + 53, "ended"))
    old = Event("e2", "acme", "other", "meeting", NOW)
    found = [LastSeen(left, NOW + 50, Totals(7, 8)), LastSeen(over, NOW + 49, Totals())]
    assert attendance.recover(found, [EVENT, old], {"e1"}, NOW + 60) == [
        CloseStay(left, NOW + 52, "removed", Totals(7, 8), NOW + 60),
        CloseStay(over, NOW + 53, "ended", Totals(), NOW + 60),
        CloseEvent("e2", old, NOW + 53, "ended", NOW + 60),
    ]
    assert attendance.absent() == []


def test_stays_of_a_room_that_is_over_are_closed_at_once() -> None:
    attendance = Attendance()
    old = Event("e2", "acme", "other", "meeting", NOW - 50)
    stays = [seen("p1", NOW + 50), seen("p2", NOW + 40), seen("p3", NOW, "e3")]
    writes = attendance.recover(stays, [EVENT, old], {"e3"}, NOW + 100)
    assert [write.left_at for write in writes if isinstance(write, CloseStay)] == [
        NOW + 50,
        NOW + 40,
    ]
    assert writes[2:] == [
        CloseEvent("e1", EVENT, NOW + 50, "ended", NOW + 100),
        CloseEvent("e2", old, NOW - 50, "ended", NOW + 100),
    ]
    assert [each.id for each in attendance.absent()] == ["p3"]


def test_absent_stays_end_with_their_event_or_when_their_identity_joins_anew() -> None:
    attendance = Attendance()
    attendance.recover([seen("p1", NOW + 50), seen("p2", NOW + 51)], [EVENT], {"e1"}, NOW + 60)
    (closed,) = attendance.dismiss("p1", NOW + 61, "replaced")
    assert closed == CloseStay(stay("p1"), NOW + 50, "replaced", Totals(7, 8, 3.0), NOW + 61)
    assert attendance.dismiss("p1", NOW + 61, "replaced") == []
    closed, ended = attendance.end("e1", NOW + 62, "ended")
    assert isinstance(closed, CloseStay)
    assert (closed.left_at, closed.reason) == (NOW + 51, "ended")
    assert isinstance(ended, CloseEvent)
