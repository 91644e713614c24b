"""Modes, seats and single people: what each command does, beyond the table of rights."""

import dataclasses

import pytest

from sfu.commands import (
    Allow,
    Block,
    Configure,
    GrantSeat,
    Leave,
    Mute,
    Promote,
    RevokeSeat,
    Send,
    SetMode,
    SetStatus,
)
from sfu.events import (
    MessageSent,
    ModeChanged,
    SeatGranted,
    SeatShown,
    SlotChanged,
    SlotsAdded,
    TrackMuted,
    TrackUnpublished,
)
from sfu.options import Mode, Options
from sfu.participant import Role
from sfu.room import slot_of
from sfu.track import Source
from tests.sfu.room_house import House, of

MIC, CAMERA, SCREEN = Source.MICROPHONE, Source.CAMERA, Source.SCREEN


@pytest.fixture
def house() -> House:
    house = House()
    house.join("olga", Role.ORGANIZER)
    house.join("pia", Role.PRESENTER)
    house.join("ann")
    house.join("bob")
    return house


def ended(changes: list) -> set[tuple[str, str]]:  # type: ignore[type-arg]
    return {(c.track.participant, c.track.source.value) for c in of(changes, TrackUnpublished)}


def test_a_mode_change_mutes_all_presenters_but_who_made_it(house: House) -> None:
    house.publish("olga", MIC)
    house.publish("pia", MIC, CAMERA)
    changes = house.do(SetMode(Mode.PRESENTERS_ONLY), "olga")
    assert of(changes, ModeChanged) == [ModeChanged(Mode.PRESENTERS_ONLY, "olga")]
    assert [(c.track.participant, c.muted) for c in of(changes, TrackMuted)] == [("pia", True)]
    assert not house.room.sees_stage(house.room.participants["ann"])
    assert house.room.sees_stage(house.room.participants["pia"])


def test_in_a_meeting_attendees_publish_on_places_of_their_own(house: House) -> None:
    assert house.refusal_of_publishing("ann", MIC) == "not_allowed"
    changes = house.do(SetMode(Mode.MEETING), "olga")
    (added,) = of(changes, SlotsAdded)
    assert added.slots[0] == "seat-3"
    changes = house.publish("ann", MIC, CAMERA)
    assert of(changes, SlotChanged) == [
        SlotChanged("seat-3", SeatShown("ann", camera=True, microphone=True))
    ]
    assert house.room.participants["ann"].seat is None
    changes = house.do(SetMode(Mode.WEBINAR), "olga")
    assert ended(changes) == {("ann", "microphone"), ("ann", "camera")}
    assert house.room.shown("seat-3") is None
    assert "seat-3" in house.room.slots, "slots never go away"


def test_going_back_ends_cameras_beyond_the_limit(house: House) -> None:
    house.do(SetMode(Mode.MEETING), "olga")
    for id in ("olga", "pia", "ann"):
        house.publish(id, CAMERA)
    house.do(GrantSeat("ann"), "olga")
    changes = house.do(SetMode(Mode.WEBINAR), "olga")
    assert ended(changes) == {("ann", "camera")}
    assert house.room.cameras == 2


def test_cameras_are_fewer_than_seats(house: House) -> None:
    house.publish("olga", CAMERA)
    house.publish("pia", CAMERA)
    house.do(GrantSeat("ann"), "olga")
    assert house.refusal_of_publishing("ann", CAMERA) == "no_camera_slot"
    house.publish("ann", MIC)


def test_a_seat_is_given_and_taken_in_place(house: House) -> None:
    changes = house.do(GrantSeat("ann"), "pia")
    ann = house.room.participants["ann"]
    assert of(changes, SeatGranted) == [SeatGranted(ann, 2, "pia")]
    assert (ann.role, ann.seat) == (Role.PRESENTER, 2)
    assert house.refusal(GrantSeat("ann"), "pia") == "already_seated"
    assert house.refusal(GrantSeat("bob"), "pia") == "no_seat"
    house.publish("ann", MIC)
    changes = house.do(RevokeSeat("ann"), "pia")
    assert ended(changes) == {("ann", "microphone")}
    assert (ann.role, ann.seat) == (Role.ATTENDEE, None)
    house.do(GrantSeat("bob"), "pia")
    assert house.refusal(RevokeSeat("olga"), "pia") == "not_allowed"


def test_the_organizers_seat_is_kept_free(house: House) -> None:
    house.do(GrantSeat("ann"), "olga")
    house.do(RevokeSeat("olga"))
    assert house.refusal(GrantSeat("bob"), "pia") == "no_seat"


def test_who_is_blocked_is_unpublished_and_stays_so(house: House) -> None:
    house.publish("pia", MIC, SCREEN)
    assert ended(house.do(Block("pia", True), "olga")) == {("pia", "microphone"), ("pia", "screen")}
    assert house.room.sharer is None
    assert house.refusal_of_publishing("pia", MIC) == "blocked"
    house.do(Block("pia", False), "olga")
    house.publish("pia", MIC)


def test_permissions_narrow_and_end_what_they_forbid(house: House) -> None:
    house.publish("pia", MIC, CAMERA)
    changes = house.do(Allow("pia", frozenset({MIC})), "olga")
    assert ended(changes) == {("pia", "camera")}
    assert house.refusal_of_publishing("pia", MIC, SCREEN) == "not_allowed"
    house.do(Allow("pia", None), "olga")
    house.publish("pia", MIC, CAMERA)


def test_a_room_may_keep_attendees_from_sharing(house: House) -> None:
    options = Options(
        presenters=2, attendees=5, meeting=6, cameras=2, sources=frozenset({MIC, CAMERA})
    )
    house.do(Configure(options))
    house.do(SetMode(Mode.MEETING), "olga")
    assert house.refusal_of_publishing("ann", SCREEN) == "not_allowed"
    house.publish("pia", SCREEN)
    assert house.refusal_of_publishing("olga", SCREEN) == "screen_busy"


def test_a_screen_alone_needs_no_place_of_the_gallery(house: House) -> None:
    house.do(SetMode(Mode.MEETING), "olga")
    house.publish("ann", SCREEN)
    assert house.room.participants["ann"].place is None
    assert house.room.sharer == "ann"


def test_more_seats_make_more_slots_and_seat_the_seatless(house: House) -> None:
    house.join("quin", Role.PRESENTER)
    house.join("rob", Role.PRESENTER)
    assert house.room.participants["rob"].seat is None
    options = Options(presenters=3, attendees=5, meeting=6, cameras=2)
    changes = house.do(Configure(options))
    assert of(changes, SlotsAdded) == [SlotsAdded(("seat-3",))]
    assert house.room.participants["rob"].seat == 3


def test_statuses_are_short_words(house: House) -> None:
    house.do(SetStatus("ann", "hand"), "ann")
    assert house.room.participants["ann"].status == "hand"
    assert house.refusal(SetStatus("ann", "<script>"), "ann") == "bad_request"
    house.do(SetStatus("ann", None), "ann")
    assert house.room.participants["ann"].status is None


@pytest.mark.parametrize(
    ("policy", "to_all", "to_presenter", "to_presenters"),
    [
        ("everybody", "", "", ""),
        ("to-presenters", "not_allowed", "", ""),
        ("presenters", "not_allowed", "not_allowed", "not_allowed"),
        ("off", "not_allowed", "not_allowed", "not_allowed"),
    ],
)
def test_app_messages_follow_the_policy(
    house: House, policy: str, to_all: str, to_presenter: str, to_presenters: str
) -> None:
    options = Options(presenters=2, attendees=5, meeting=6, cameras=2, messages=policy)  # type: ignore[arg-type]
    house.do(Configure(options))
    found = [house.refusal(Send(to, "chat", 1), "ann") for to in ("all", "pia", "presenters")]
    assert found == [to_all, to_presenter, to_presenters]
    assert house.refusal(Send("all", "chat", 1), "pia") == (
        "not_allowed" if policy == "off" else ""
    )
    assert of(house.do(Send("ann", "chat", [1])), MessageSent) == [
        MessageSent(None, "ann", "chat", [1])
    ]
    assert house.refusal(Send("nobody", "chat", 1)) == "participant_not_found"


def test_nobody_unmutes_somebody_else(house: House) -> None:
    house.publish("pia", MIC)
    house.do(Mute("pia", MIC, True), "olga")
    assert house.refusal(Mute("pia", MIC, False), "olga") == "not_allowed"
    assert house.refusal(Mute("pia", MIC, False)) == "not_allowed"
    house.do(Mute("pia", MIC, False), "pia")


def test_a_viewer_is_promoted_in_place() -> None:
    house = House(kind="webcast")
    house.join("vic", Role.VIEWER)
    assert house.refusal(SetStatus("vic", "hand"), "vic") == "not_allowed"
    house.do(Promote("vic"))
    house.do(SetStatus("vic", "hand"), "vic")
    house.do(GrantSeat("vic"))
    assert house.room.counts[Role.VIEWER] == 0


def test_seats_raised_while_the_gallery_is_in_use_are_there_at_once() -> None:
    house = House(kind="meeting", presenters=1, attendees=10)
    for id in ("ann", "bob", "cec"):
        house.join(id)
        house.publish(id, Source.CAMERA)
    assert house.room.gallery == {2: "ann", 3: "bob", 4: "cec"}
    changes = house.do(Configure(dataclasses.replace(house.room.options, presenters=3)))
    assert len(house.room.seats) == 4
    assert set(house.room.gallery.values()) == {"ann", "bob", "cec"}
    assert min(house.room.gallery) >= 4
    for id in ("ann", "bob", "cec"):
        place = house.room.participants[id].place
        assert place is not None
        assert house.room.gallery[place] == id
        assert house.room.shown(slot_of(place)) == SeatShown(id, True, False)
    moved = {change.slot for change in of(changes, SlotChanged)}
    assert {"seat-2", "seat-3"} < moved
    assert house.room.shown("seat-2") is None
    # There is still a place for everybody whom a meeting may have.
    assert house.room.places >= 4 + house.room.options.meeting
    house.do(GrantSeat("ann"))
    house.join("pia", Role.PRESENTER)
    assert {house.room.participants[id].seat for id in ("ann", "pia")} == {1, 2}


def test_free_seats_go_while_the_gallery_is_in_use() -> None:
    house = House(kind="meeting", presenters=3, attendees=10)
    house.join("ann")
    house.publish("ann", Source.CAMERA)
    house.do(Configure(dataclasses.replace(house.room.options, presenters=1)))
    assert len(house.room.seats) == 2
    house.join("bob")
    house.publish("bob", Source.CAMERA)
    assert sorted(house.room.gallery.values()) == ["ann", "bob"]


def test_seats_beyond_a_lowered_limit_are_given_to_nobody_once_they_are_free() -> None:
    house = House(presenters=4)
    for id in ("p1", "p2", "p3", "p4"):
        house.join(id, Role.PRESENTER)
    house.join("ann")
    house.do(Configure(dataclasses.replace(house.room.options, presenters=1)))
    assert [house.room.participants[id].seat for id in ("p1", "p2", "p3", "p4")] == [1, 2, 3, 4]
    for gone in ("p1", "p3", "p4"):
        house.do(Leave(gone, "left"))
        assert house.refusal(GrantSeat("ann")) == "no_seat"
    assert len(house.room.seats) == 3, "the last ones are no more, as far as they are free"
    house.do(Leave("p2", "left"))
    assert len(house.room.seats) == 2
    house.do(GrantSeat("ann"))
    house.join("p5", Role.PRESENTER)
    assert house.room.participants["p5"].seat is None


def test_no_more_seats_than_can_be_shown_beside_the_gallery() -> None:
    house = House(kind="meeting", presenters=2, meeting=60, attendees=60)
    for number in range(58):
        house.join(f"g{number}")
        house.publish(f"g{number}", Source.CAMERA)
    assert len(house.room.slots) == 64
    few = dataclasses.replace(house.room.options, presenters=50, meeting=5)
    assert house.refusal(Configure(few)) == "bad_request"
    assert house.room.options.presenters == 2
    house.do(Configure(dataclasses.replace(few, presenters=4, meeting=58)))
    assert len(house.room.slots) == 64
    assert len(house.room.gallery) == 58


def test_seats_that_stay_in_use_leave_fewer_places_for_others() -> None:
    house = House(kind="meeting", presenters=30, meeting=32, attendees=60)
    for number in range(30):
        house.join(f"p{number}", Role.PRESENTER)
    house.do(Configure(dataclasses.replace(house.room.options, presenters=2, meeting=60)))
    assert len(house.room.seats) == 31
    assert len(house.room.slots) == 64
