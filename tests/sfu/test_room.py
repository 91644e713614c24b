"""The room's rules: seats, rights, slots, mutes; every command by every role."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from sfu.commands import Join, Leave, Look, Mute, Publish, Unpublish
from sfu.errors import Refusal
from sfu.events import (
    Change,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    ScreenShown,
    SeatShown,
    SlotChanged,
    TrackMuted,
    TrackPublished,
    TrackUnpublished,
    ViewChanged,
)
from sfu.participant import Participant, Role, SlotView, View
from sfu.room import SCREEN, Options, Room
from sfu.track import Media, Source, Stream

OPUS = Media("0", "opus", (Stream("", 1, 0),))
VP8 = Media("1", "vp8", (Stream("q", 0, 0), Stream("f", 0, 0)))
BOTH = {Source.MICROPHONE: OPUS, Source.CAMERA: VP8}


def room(**options: int) -> Room:
    return Room("acme", "hall", Options(**{"presenters": 2, "attendees": 3, **options}))  # type: ignore[arg-type]


def join(where: Room, id: str, role: Role, **fields: object) -> list[Change]:
    command = Join(id, str(fields.pop("identity", id)), id.title(), role, **fields)  # type: ignore[arg-type]
    return where.apply(command, id, 5.0)


def refused(where: Room, command: object, actor: str | None) -> str:
    with pytest.raises(Refusal) as caught:
        where.apply(command, actor, 5.0)  # type: ignore[arg-type]
    return caught.value.code


def slots(changes: list[Change]) -> dict[str, object]:
    return {change.slot: change.shown for change in changes if isinstance(change, SlotChanged)}


def test_a_join_takes_a_seat_by_role() -> None:
    hall = room()
    changes = join(hall, "ann", Role.PRESENTER)
    assert isinstance(changes[0], ParticipantJoined)
    assert changes[0].participant.joined_at == 5.0
    assert slots(changes) == {"seat-1": SeatShown("ann", camera=False, microphone=False)}
    join(hall, "bob", Role.PRESENTER)
    join(hall, "cid", Role.PRESENTER)
    join(hall, "dan", Role.ATTENDEE)
    # The organizer's seat is kept free, whoever came before.
    join(hall, "eve", Role.ORGANIZER)
    assert hall.seats == ["eve", "ann", "bob"]
    assert hall.participants["cid"].seat is None
    assert hall.counts == {
        Role.ORGANIZER: 1,
        Role.PRESENTER: 3,
        Role.ATTENDEE: 1,
        Role.VIEWER: 0,
    }


def test_a_second_organizer_sits_with_the_presenters() -> None:
    hall = room()
    join(hall, "ann", Role.ORGANIZER)
    join(hall, "bob", Role.ORGANIZER)
    assert hall.seats == ["ann", "bob", None]


def test_viewers_come_to_webcasts_only() -> None:
    with pytest.raises(Refusal, match="webcasts"):
        join(room(), "vic", Role.VIEWER)
    webcast = Room("acme", "cast", Options(kind="webcast"))
    join(webcast, "vic", Role.VIEWER)
    assert webcast.counts[Role.VIEWER] == 1


def test_attendees_are_limited_presenters_are_not_counted() -> None:
    hall = room(attendees=1)
    join(hall, "ann", Role.PRESENTER)
    join(hall, "bob", Role.ATTENDEE)
    join(hall, "cid", Role.ATTENDEE)
    assert "cid" not in hall.participants
    assert list(hall.waiting) == ["cid"]
    # Whoever replaces themself takes no further place.
    join(hall, "bob2", Role.ATTENDEE, identity="bob")
    assert list(hall.participants) == ["ann", "bob2"]


def test_one_identity_is_in_a_room_once() -> None:
    hall = room()
    join(hall, "ann", Role.PRESENTER)
    hall.apply(Publish("ann", BOTH), "ann", 6.0)
    changes = join(hall, "ann2", Role.PRESENTER, identity="ann")
    left = [change for change in changes if isinstance(change, ParticipantLeft)]
    assert [(each.participant.id, each.reason) for each in left] == [("ann", "replaced")]
    assert len([change for change in changes if isinstance(change, TrackUnpublished)]) == 2
    assert hall.participants["ann2"].seat == 1
    assert hall.counts[Role.PRESENTER] == 1


def test_leaving_frees_the_seat_and_ends_the_tracks() -> None:
    hall = room()
    join(hall, "ann", Role.PRESENTER)
    hall.apply(Publish("ann", {**BOTH, Source.SCREEN: VP8}), "ann", 6.0)
    changes = hall.apply(Leave("ann", "left"), "ann", 7.0)
    assert slots(changes) == {"seat-1": None, SCREEN: None}
    assert isinstance(changes[-1], ParticipantLeft)
    assert hall.seats == [None, None, None]
    assert hall.sharer is None
    assert not hall.participants
    assert hall.counts[Role.PRESENTER] == 0


def test_publishing_shows_on_the_slot() -> None:
    hall = room()
    join(hall, "ann", Role.PRESENTER)
    changes = hall.apply(Publish("ann", {Source.MICROPHONE: OPUS}), "ann", 6.0)
    assert slots(changes) == {"seat-1": SeatShown("ann", camera=False, microphone=True)}
    changes = hall.apply(Publish("ann", BOTH), "ann", 6.0)
    # The microphone goes on: only the camera is news.
    assert [each.track.source for each in changes if isinstance(each, TrackPublished)] == ["camera"]
    assert slots(changes) == {"seat-1": SeatShown("ann", camera=True, microphone=True)}
    assert isinstance(changes[-1], ParticipantUpdated)
    changes = hall.apply(Publish("ann", {Source.CAMERA: VP8}), "ann", 6.0)
    assert [type(each) for each in changes[:1]] == [TrackUnpublished]
    assert hall.apply(Publish("ann", {Source.CAMERA: VP8}), "ann", 6.0) == []


def test_a_source_on_another_stream_keeps_its_mute() -> None:
    hall = room()
    join(hall, "ann", Role.PRESENTER)
    hall.apply(Publish("ann", BOTH), "ann", 6.0)
    hall.apply(Mute("ann", Source.CAMERA, True), "ann", 6.0)
    other = Media("1", "h264", VP8.streams)
    changes = hall.apply(Publish("ann", {**BOTH, Source.CAMERA: other}), "ann", 6.0)
    assert [type(each) for each in changes[:2]] == [TrackUnpublished, TrackPublished]
    assert hall.participants["ann"].tracks[Source.CAMERA].muted
    assert slots(changes) == {}
    # One that ended and began again is a new one.
    hall.apply(Unpublish("ann", Source.CAMERA), "ann", 6.0)
    hall.apply(Publish("ann", BOTH), "ann", 6.0)
    assert not hall.participants["ann"].tracks[Source.CAMERA].muted


def test_who_may_publish() -> None:
    hall = room()
    join(hall, "ann", Role.PRESENTER)
    join(hall, "bob", Role.PRESENTER, can=frozenset({Source.MICROPHONE}))
    join(hall, "cid", Role.PRESENTER)
    join(hall, "dan", Role.ATTENDEE)
    assert refused(hall, Publish("dan", BOTH), "dan") == "not_allowed"
    assert refused(hall, Publish("cid", BOTH), "cid") == "no_seat"
    assert refused(hall, Publish("bob", BOTH), "bob") == "not_allowed"
    assert not hall.participants["bob"].tracks
    hall.apply(Publish("bob", {Source.MICROPHONE: OPUS}), "bob", 6.0)
    # No sources at all is what a client without rights may always say.
    assert hall.apply(Publish("dan", {}), "dan", 6.0) == []
    assert refused(hall, Publish("nobody", BOTH), "nobody") == "participant_not_found"


def test_one_screen_at_a_time() -> None:
    hall = room()
    join(hall, "ann", Role.PRESENTER)
    join(hall, "bob", Role.PRESENTER)
    changes = hall.apply(Publish("ann", {Source.SCREEN: VP8}), "ann", 6.0)
    assert slots(changes)[SCREEN] == ScreenShown("ann", screen=True, screen_audio=False)
    with pytest.raises(Refusal) as caught:
        hall.apply(Publish("bob", {**BOTH, Source.SCREEN: VP8}), "bob", 6.0)
    assert caught.value.code == "screen_busy"
    assert caught.value.details == {"participant": "ann"}
    assert "Ann" in caught.value.message
    assert not hall.participants["bob"].tracks
    assert refused(hall, Publish("bob", {Source.SCREEN_AUDIO: OPUS}), "bob") == "screen_busy"
    changes = hall.apply(Unpublish("ann", Source.SCREEN), "ann", 6.0)
    assert slots(changes) == {SCREEN: None}
    hall.apply(Publish("bob", {Source.SCREEN: VP8, Source.SCREEN_AUDIO: OPUS}), "bob", 6.0)
    assert hall.sharer == "bob"
    changes = hall.apply(Unpublish("bob", Source.SCREEN), "bob", 6.0)
    assert slots(changes) == {SCREEN: ScreenShown("bob", screen=False, screen_audio=True)}


def test_unpublish_is_idempotent() -> None:
    hall = room()
    join(hall, "ann", Role.PRESENTER)
    assert hall.apply(Unpublish("ann", Source.CAMERA), "ann", 6.0) == []


@pytest.mark.parametrize(
    ("actor", "muted", "code"),
    [
        ("ann", True, None),
        ("ann", False, None),
        ("bob", True, None),
        ("bob", False, "not_allowed"),
        ("dan", True, "not_allowed"),
        (None, True, None),
        (None, False, "not_allowed"),
    ],
)
def test_who_may_mute_whom(actor: str | None, muted: bool, code: str | None) -> None:
    hall = room()
    join(hall, "ann", Role.PRESENTER)
    join(hall, "bob", Role.PRESENTER)
    join(hall, "dan", Role.ATTENDEE)
    hall.apply(Publish("ann", BOTH), "ann", 6.0)
    hall.participants["ann"].tracks[Source.MICROPHONE].muted = not muted
    command = Mute("ann", Source.MICROPHONE, muted)
    if code:
        assert refused(hall, command, actor) == code
        assert hall.participants["ann"].tracks[Source.MICROPHONE].muted is not muted
        return
    changes = hall.apply(command, actor, 6.0)
    assert isinstance(changes[0], TrackMuted)
    assert (changes[0].muted, changes[0].by) == (muted, actor)


def test_a_mute_shows_and_a_second_one_does_not() -> None:
    hall = room()
    join(hall, "ann", Role.PRESENTER)
    hall.apply(Publish("ann", BOTH), "ann", 6.0)
    changes = hall.apply(Mute("ann", Source.MICROPHONE, True), "ann", 6.0)
    assert slots(changes) == {"seat-1": SeatShown("ann", camera=True, microphone=False)}
    assert hall.apply(Mute("ann", Source.MICROPHONE, True), None, 6.0) == []
    assert refused(hall, Mute("ann", Source.SCREEN, True), "ann") == "not_published"


def test_views_merge_slot_by_slot() -> None:
    hall = room()
    join(hall, "dan", Role.ATTENDEE)
    first = View({"seat-1": SlotView(180), "seat-2": "off"}, layout="gallery", pin="ann")
    (change,) = hall.apply(Look("dan", first), "dan", 6.0)
    assert isinstance(change, ViewChanged)
    hall.apply(Look("dan", View({"seat-1": "off"}, auto_speaker=False)), "dan", 6.0)
    view = hall.participants["dan"].view
    assert view == View({"seat-1": "off", "seat-2": "off"}, "gallery", "ann", False)
    hall.apply(Look("dan", View(pin="")), "dan", 6.0)
    assert hall.participants["dan"].view.pin == ""
    assert refused(hall, Look("dan", View({"seat-9": "off"})), "dan") == "bad_request"
    assert hall.participants["dan"].view.slots == view.slots


class Crowd(RuleBasedStateMachine):
    """Whatever people do in whatever order, the room's promises hold."""

    people = Bundle("people")

    def __init__(self) -> None:
        super().__init__()
        self.room = room()
        self.serial = 0
        self.shown: dict[str, object] = dict.fromkeys(self.room.slots)

    def do(self, command: object, actor: str | None) -> None:
        before = repr(vars(self.room)) + repr(
            [(p.seat, p.view, {s: t.muted for s, t in p.tracks.items()}) for p in self._all()]
        )
        try:
            changes = self.room.apply(command, actor, 1.0)  # type: ignore[arg-type]
        except Refusal:
            after = repr(vars(self.room)) + repr(
                [(p.seat, p.view, {s: t.muted for s, t in p.tracks.items()}) for p in self._all()]
            )
            assert before == after
        else:
            self.shown.update(slots(changes))

    def _all(self) -> list[Participant]:
        return list(self.room.participants.values())

    @rule(target=people, role=st.sampled_from(Role), identity=st.sampled_from("abcdef"))
    def join(self, role: Role, identity: str) -> str:
        self.serial += 1
        id = f"p{self.serial}"
        self.do(Join(id, identity, id, role), id)
        return id

    @rule(who=consumes(people))
    def leave(self, who: str) -> None:
        self.do(Leave(who), who)

    @rule(who=people, sources=st.sets(st.sampled_from(Source)), codec=st.sampled_from(["a", "b"]))
    def publish(self, who: str, sources: set[Source], codec: str) -> None:
        media = {source: Media(source, codec, ()) for source in sources}
        self.do(Publish(who, media), who)

    @rule(who=people, source=st.sampled_from(Source))
    def unpublish(self, who: str, source: Source) -> None:
        self.do(Unpublish(who, source), who)

    @rule(
        who=people,
        by=st.one_of(st.none(), people),
        source=st.sampled_from(Source),
        muted=st.booleans(),
    )
    def mute(self, who: str, by: str | None, source: Source, muted: bool) -> None:
        self.do(Mute(who, source, muted), by)

    @invariant()
    def seats_and_people_agree(self) -> None:
        seated = {p.id: p.seat for p in self.room.participants.values() if p.seat is not None}
        assert seated == {id: seat for seat, id in enumerate(self.room.seats) if id is not None}

    @invariant()
    def who_publishes_has_a_seat(self) -> None:
        for participant in self.room.participants.values():
            assert not participant.tracks or participant.seat is not None

    @invariant()
    def at_most_one_screen(self) -> None:
        sharing = {
            p.id for p in self.room.participants.values() if any(s.is_screen for s in p.tracks)
        }
        assert sharing == ({self.room.sharer} if self.room.sharer else set())

    @invariant()
    def the_slots_told_are_the_slots_as_they_are(self) -> None:
        assert self.shown == {slot: self.room.shown(slot) for slot in self.room.slots}

    @invariant()
    def counts_are_right(self) -> None:
        for role in Role:
            people = [p for p in self.room.participants.values() if p.role is role]
            assert self.room.counts[role] == len(people)


TestCrowd = Crowd.TestCase
TestCrowd.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
