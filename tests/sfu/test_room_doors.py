"""Coming and going: waiting, locks, places, bans, the warning of a full room."""

import pytest

from sfu.commands import (
    Admit,
    Block,
    Configure,
    End,
    GrantSeat,
    Join,
    Leave,
    Lock,
    Remove,
    RevokeSeat,
    SetMode,
    SetStatus,
    Start,
    Tick,
)
from sfu.events import (
    ParticipantAdmitted,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantTurnedAway,
    ParticipantWaiting,
    RoomNearlyFull,
)
from sfu.options import Mode, Options, State
from sfu.participant import Role
from sfu.room import doors
from tests.sfu.room_house import House, of


def reasons(house: House) -> dict[str, str | None]:
    return {id: doors.barrier(house.room, guest) for id, guest in house.room.waiting.items()}


def test_while_preparing_presenters_get_in_and_others_wait_in_order() -> None:
    house = House(State.PREPARING)
    house.join("olga", Role.ORGANIZER)
    for id in ("ann", "bob", "cid"):
        waiting = of(house.join(id), ParticipantWaiting)
        assert [(each.participant.id, each.reason) for each in waiting] == [(id, "preparing")]
    assert list(house.room.participants) == ["olga"]
    assert [doors.positions(house.room)[id] for id in ("ann", "cid")] == [1, 3]
    changes = house.do(Start(), "olga")
    assert [each.participant.id for each in of(changes, ParticipantJoined)] == ["ann", "bob", "cid"]
    assert not house.room.waiting


def test_a_lock_has_newcomers_wait_until_admitted_or_unlocked() -> None:
    house = House()
    house.join("olga", Role.ORGANIZER)
    house.do(Lock(True), "olga")
    for id in ("ann", "bob", "cid"):
        house.join(id)
    assert reasons(house) == dict.fromkeys(("ann", "bob", "cid"), "locked")
    house.join("pia", Role.PRESENTER)
    assert "pia" in house.room.participants
    admitted = of(house.do(Admit("bob"), "olga"), ParticipantAdmitted)
    assert [each.participant.id for each in admitted] == ["bob"]
    assert house.refusal(Admit("bob"), "olga") == "not_waiting"
    house.do(Lock(False), "olga")
    assert set(house.room.participants) == {"olga", "pia", "bob", "ann", "cid"}


def test_admit_all_opens_the_door_but_makes_no_places() -> None:
    house = House(attendees=2)
    house.join("olga", Role.ORGANIZER)
    house.do(Lock(True), "olga")
    for id in ("ann", "bob", "cid"):
        house.join(id)
    house.do(Admit(None), "olga")
    assert list(house.room.participants) == ["olga", "ann", "bob"]
    assert reasons(house) == {"cid": "full"}
    house.do(Leave("ann"), "ann")
    assert "cid" in house.room.participants


def test_a_raised_cap_lets_the_waiting_in_at_once_and_in_order() -> None:
    house = House(attendees=1)
    for id in ("ann", "bob", "cid"):
        house.join(id)
    assert list(house.room.waiting) == ["bob", "cid"]
    options = Options(presenters=2, attendees=2, meeting=6, cameras=2)
    house.do(Configure(options))
    assert list(house.room.participants) == ["ann", "bob"]


def test_only_a_full_queue_is_refused() -> None:
    house = House(attendees=1, waiting=1)
    house.join("ann")
    house.join("bob")
    with pytest.raises(Exception, match="not even for waiting"):
        house.join("cid")
    assert "cid" not in house.room.identities


def test_nothing_but_a_ban_keeps_out_who_was_inside_before_a_restart() -> None:
    preparing = House(State.PREPARING)
    preparing.join("ann", returning=True)
    full = House(attendees=1, waiting=1)
    for id in ("eve", "bob"):
        full.join(id)
    full.join("ann", returning=True)
    assert (list(preparing.room.participants), list(preparing.room.waiting)) == (["ann"], [])
    assert (list(full.room.participants), list(full.room.waiting)) == (["eve", "ann"], ["bob"])
    full.do(Remove("ann", ban=True))
    assert full.refusal(Join("ann", "ann", "Ann", Role.ATTENDEE, returning=True)) == "banned"
    # One too many were here: a place that becomes free is nobody's yet.
    assert list(full.room.waiting) == ["bob"]


def test_places_of_whom_a_restart_cut_off_are_kept_for_as_long_as_they_may_come_back() -> None:
    house = House(attendees=2, kind="webcast", viewers=1)
    room = house.room
    room.await_these({"ann": Role.ATTENDEE, "bob": Role.ATTENDEE, "vic": Role.VIEWER})
    house.join("eve")
    house.join("wim", Role.VIEWER)
    assert reasons(house) == {"eve": "full", "wim": "full"}
    house.join("ann2", identity="ann")
    assert "ann2" in room.participants, "a place of their own, by whatever way they come"
    house.join("bob", returning=True)
    assert room.counts[Role.ATTENDEE] == 2
    room.await_these({})
    assert room.flowing, "what is free now is not to wait for somebody's next command"
    house.do(Tick())
    assert list(room.waiting) == ["eve"]
    assert "wim" in room.participants


def test_who_was_inside_comes_back_through_a_lock() -> None:
    house = House()
    house.join("olga", Role.ORGANIZER)
    house.join("ann")
    house.do(Lock(True), "olga")
    changes = house.join("ann2", identity="ann")
    assert [each.reason for each in of(changes, ParticipantLeft)] == ["replaced"]
    assert "ann2" in house.room.participants


def test_a_queue_is_let_in_at_a_bounded_rate() -> None:
    house = House(State.PREPARING, attendees=1000)
    house.join("olga", Role.ORGANIZER)
    for n in range(500):
        house.join(f"p{n}")
    entered = len(of(house.do(Start(), "olga"), ParticipantJoined))
    assert entered == doors.ADMISSIONS_PER_SECOND / 2
    # A newcomer does not overtake those who wait.
    house.room.admissions = 0.0
    assert of(
        house.room.apply(Join("new", "new", "New", Role.ATTENDEE), "new", house.now),
        ParticipantWaiting,
    )
    while house.room.waiting:
        house.do(Tick())
    assert list(house.room.participants)[-1] == "new"


def test_a_ban_lasts_for_the_event() -> None:
    house = House(permanent=True)
    house.join("olga", Role.ORGANIZER)
    house.join("ann")
    changes = house.do(Remove("ann", ban=True), "olga")
    assert [each.reason for each in of(changes, ParticipantLeft)] == ["banned"]
    with pytest.raises(Exception, match="banned"):
        house.join("ann2", identity="ann")
    house.do(End(), "olga")
    house.do(Start())
    house.join("ann3", identity="ann")
    assert "ann3" in house.room.participants


def test_who_waits_can_be_sent_away() -> None:
    house = House(State.PREPARING)
    house.join("olga", Role.ORGANIZER)
    house.join("ann")
    changes = house.do(Remove("ann"), "olga")
    assert [each.reason for each in of(changes, ParticipantTurnedAway)] == ["removed"]


def test_the_end_sends_everybody_away() -> None:
    house = House()
    house.join("olga", Role.ORGANIZER)
    house.join("ann")
    changes = house.do(End(), "olga")
    assert {each.reason for each in of(changes, ParticipantLeft)} == {"ended"}
    assert house.refusal(Start()) == "room_ended"
    with pytest.raises(Exception, match="over"):
        house.join("bob")


def test_a_permanent_room_is_waited_for_after_its_end() -> None:
    house = House(permanent=True)
    house.do(End())
    house.join("ann")
    assert reasons(house) == {"ann": "preparing"}
    house.do(Start())
    assert "ann" in house.room.participants


def test_presenters_are_warned_once_of_a_full_room() -> None:
    house = House(attendees=10)
    warned = [n for n in range(10) if of(house.join(f"p{n}"), RoomNearlyFull)]
    assert warned == [8]
    house.do(Leave("p0"), "p0")
    assert not of(house.join("q"), RoomNearlyFull), "not again so soon"
    for n in range(1, 4):
        house.do(Leave(f"p{n}"), f"p{n}")
    again = [n for n in range(3) if of(house.join(f"r{n}"), RoomNearlyFull)]
    assert again == [1]


def test_a_meeting_has_its_cap() -> None:
    house = House(meeting=3)
    for id in ("ann", "bob"):
        house.join(id)
    house.do(SetMode(Mode.MEETING))
    house.join("cid")
    house.join("dan")
    assert reasons(house) == {"dan": "full"}
    house.do(SetMode(Mode.WEBINAR))
    assert "dan" in house.room.participants
    assert house.refusal(SetMode(Mode.MEETING)) == "mode_not_possible"


def test_viewers_are_counted_apart() -> None:
    house = House(kind="webcast", viewers=1, attendees=1)
    house.join("vic", Role.VIEWER)
    house.join("ann")
    house.join("val", Role.VIEWER)
    assert reasons(house) == {"val": "full"}
    assert house.room.counts[Role.VIEWER] == 1


def test_a_room_says_when_time_alone_lets_people_in() -> None:
    house = House(State.PREPARING, attendees=150)
    house.join("olga", Role.ORGANIZER)
    for n in range(160):
        house.join(f"p{n}")
    assert not house.room.flowing
    house.do(Start(), "olga")
    assert house.room.flowing
    house.do(Tick())
    assert len(house.room.waiting) == 10
    assert not house.room.flowing  # full: a place must become free
    house.do(Leave("p0"))
    assert len(house.room.waiting) == 9


def test_those_who_wait_are_not_looked_at_for_every_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A closed door costs nothing, however many stand before it."""
    looked = 0
    barrier = doors.barrier

    def counted(*args: object) -> str | None:
        nonlocal looked
        looked += 1
        return barrier(*args)  # type: ignore[arg-type]

    house = House(State.PREPARING)
    house.join("olga", Role.ORGANIZER)
    monkeypatch.setattr(doors, "barrier", counted)
    for n in range(500):
        house.join(f"p{n}")
    for n in range(500):
        house.do(SetStatus("olga", "hand" if n % 2 else None), "olga")
        house.do(Tick())
    assert looked <= 2 * 500


def test_a_queue_costs_what_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes, goes, or is let in: nobody looks at thousands who go on waiting."""
    looked = 0
    barrier = doors.barrier

    def counted(*args: object) -> str | None:
        nonlocal looked
        looked += 1
        return barrier(*args)  # type: ignore[arg-type]

    house = House(kind="webcast", attendees=0, viewers=600)
    house.do(Lock(True))
    for n in range(300):
        house.join(f"a{n}")
    for n in range(300):
        house.join(f"v{n}", Role.VIEWER)
    house.do(Admit("v7"))
    house.room.admitted.add("nobody-who-waits")
    monkeypatch.setattr(doors, "barrier", counted)
    for n in range(100):
        house.join(f"late-{n}", Role.VIEWER)
        house.do(Leave(f"late-{n}"))
    assert looked <= 4 * 100
    # Unlocked, viewers pass by those for whom there is no place.
    looked = 0
    house.do(Lock(False))
    while house.room.flowing:
        house.do(Tick())
    assert house.room.counts[Role.VIEWER] == 300
    assert len(house.room.waiting) == 300
    assert looked <= 4 * 300
    looked = 0
    for n in range(100):
        house.join(f"more-{n}", Role.VIEWER)
    assert looked <= 4 * 100


def test_a_reload_undoes_no_decision() -> None:
    house = House()
    house.join("olga", Role.ORGANIZER)
    house.join("pia", Role.PRESENTER)
    house.join("ann")
    house.do(Block("ann", True), "olga")
    house.do(RevokeSeat("pia"), "olga")
    house.join("ann2", identity="ann")
    house.join("pia2", Role.PRESENTER, identity="pia")
    assert house.room.participants["ann2"].blocked
    pia = house.room.participants["pia2"]
    assert (pia.role, pia.seat) == (Role.ATTENDEE, None)
    house.do(GrantSeat("pia2"), "olga")
    house.join("pia3", Role.PRESENTER, identity="pia")
    assert house.room.participants["pia3"].seat == 1


def test_a_ban_from_before_the_start_holds() -> None:
    house = House(State.PREPARING)
    house.join("olga", Role.ORGANIZER)
    house.join("ann")
    house.do(Remove("ann", ban=True), "olga")
    house.do(Start(), "olga")
    with pytest.raises(Exception, match="banned"):
        house.join("ann2", identity="ann")
