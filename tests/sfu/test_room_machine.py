"""Any commands by anybody in any order: what must hold of a room, holds."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sfu.commands import (
    Admit,
    Allow,
    Block,
    Configure,
    End,
    GrantSeat,
    Join,
    Leave,
    Lock,
    Mute,
    Promote,
    Publish,
    Remove,
    RevokeSeat,
    Send,
    SetMode,
    SetStatus,
    Start,
    Tick,
    Unpublish,
)
from sfu.errors import Refusal
from sfu.events import (
    Change,
    ParticipantJoined,
    ParticipantLeft,
    SlotChanged,
    SlotsAdded,
    TrackPublished,
    TrackUnpublished,
)
from sfu.options import Mode, Options, State
from sfu.participant import Role
from sfu.room import SCREEN, Room, slot_of
from sfu.track import Source, Track
from tests.sfu.room_house import OPUS, VP8

NAMES = [f"p{n}" for n in range(9)]
people = st.sampled_from(NAMES)
actors = st.one_of(st.none(), people)
flags = st.booleans()
sources = st.sets(st.sampled_from(Source))


class Webinar(RuleBasedStateMachine):
    """People join under a few names, so that commands meet."""

    @initialize(
        kind=st.sampled_from(["webinar", "meeting", "webcast"]), permanent=flags, started=flags
    )
    def begin(self, kind: str, permanent: bool, started: bool) -> None:
        options = Options(
            kind=kind,  # type: ignore[arg-type]
            presenters=2, cameras=2, attendees=4, meeting=4, viewers=2, waiting=3,
            permanent=permanent,
        )  # fmt: skip
        self.room = Room("acme", "hall", options, State.LIVE if started else State.PREPARING)
        self.now = 0.0
        self.inside: set[str] = set()
        self.slots = dict.fromkeys(self.room.slots)
        self.tracks: set[Track] = set()

    def ask(self, command: object, actor: str | None = None) -> None:
        self.now += 0.5
        if actor not in self.room.participants and actor not in self.room.waiting:
            actor = None
        try:
            changes = self.room.apply(command, actor, self.now)  # type: ignore[arg-type]
        except Refusal:
            return
        self.follow(changes)

    def follow(self, changes: list[Change]) -> None:
        """What a follower makes of the changes must be what the room is."""
        for change in changes:
            match change:
                case ParticipantJoined(participant):
                    self.inside.add(participant.id)
                case ParticipantLeft(participant, _):
                    self.inside.remove(participant.id)
                case SlotsAdded(slots):
                    self.slots.update(dict.fromkeys(slots))
                case SlotChanged(slot, shown):
                    self.slots[slot] = shown
                case TrackPublished(track):
                    self.tracks.add(track)
                case TrackUnpublished(track):
                    self.tracks.remove(track)

    @rule(id=people, role=st.sampled_from(Role), other=flags)
    def join(self, id: str, role: Role, other: bool) -> None:
        if id not in self.room.participants and id not in self.room.waiting:
            identity = NAMES[0] if other else id
            self.ask(Join(id, identity, id, role), id)

    @rule()
    def presenters_come(self) -> None:
        """Enough of them for the limits to be met."""
        for id, role in (("p0", Role.ORGANIZER), ("p1", Role.PRESENTER), ("p2", Role.PRESENTER)):
            self.join(id, role, other=False)

    @rule(wanted=sources, data=st.data())
    def publish(self, wanted: set[Source], data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(list(self.room.participants) or NAMES))
        media = {source: VP8 if source.is_video else OPUS for source in wanted}
        self.ask(Publish(id, media), id)

    @rule()
    def everybody_turns_all_on(self) -> None:
        for id in list(self.room.participants):
            for wanted in ({Source.CAMERA}, set(Source)):
                media = {source: VP8 if source.is_video else OPUS for source in wanted}
                self.ask(Publish(id, media), id)

    @rule(id=people, source=st.sampled_from(Source))
    def unpublish(self, id: str, source: Source) -> None:
        self.ask(Unpublish(id, source), id)

    @rule(id=people, actor=actors, source=st.sampled_from(Source), muted=flags)
    def mute(self, id: str, actor: str | None, source: Source, muted: bool) -> None:
        self.ask(Mute(id, source, muted), actor)

    @rule(id=people)
    def leave(self, id: str) -> None:
        self.ask(Leave(id), id)

    @rule(id=people, actor=actors, flag=flags)
    def remove(self, id: str, actor: str | None, flag: bool) -> None:
        self.ask(Remove(id, ban=flag), actor)

    @rule(id=people, actor=actors, flag=flags)
    def block(self, id: str, actor: str | None, flag: bool) -> None:
        self.ask(Block(id, flag), actor)

    @rule(id=people, actor=actors, wanted=st.one_of(st.none(), sources))
    def allow(self, id: str, actor: str | None, wanted: set[Source] | None) -> None:
        self.ask(Allow(id, None if wanted is None else frozenset(wanted)), actor)

    @rule(id=people, actor=actors, flag=flags)
    def seat(self, id: str, actor: str | None, flag: bool) -> None:
        self.ask(GrantSeat(id) if flag else RevokeSeat(id), actor)

    @rule(id=people, actor=actors)
    def promote(self, id: str, actor: str | None) -> None:
        self.ask(Promote(id), actor)

    @rule(mode=st.sampled_from(Mode), actor=actors)
    def mode(self, mode: Mode, actor: str | None) -> None:
        self.ask(SetMode(mode), actor)

    @rule(flag=flags, actor=actors)
    def lock(self, flag: bool, actor: str | None) -> None:
        self.ask(Lock(flag), actor)

    @rule(id=st.one_of(st.none(), people), actor=actors)
    def admit(self, id: str | None, actor: str | None) -> None:
        self.ask(Admit(id), actor)

    @rule(start=st.sampled_from([Start(), Start(), End(), Tick()]), actor=actors)
    def event(self, start: object, actor: str | None) -> None:
        self.ask(start, actor)

    @rule(presenters=st.integers(0, 4), cameras=st.integers(0, 4), attendees=st.integers(0, 6))
    def configure(self, presenters: int, cameras: int, attendees: int) -> None:
        kind = self.room.options.kind
        permanent = self.room.options.permanent
        self.ask(
            Configure(
                Options(
                    kind=kind, presenters=presenters, cameras=cameras, attendees=attendees,
                    meeting=4, viewers=2, waiting=3, permanent=permanent,
                )
            )
        )  # fmt: skip

    @rule(id=people, to=st.sampled_from(["all", "presenters", *NAMES]))
    def talk(self, id: str, to: str) -> None:
        self.ask(Send(to, "chat", 1), id)
        self.ask(SetStatus(id, "hand"), id)

    @invariant()
    def cameras_and_screens_are_limited(self) -> None:
        room = self.room
        assert room.cameras <= room.camera_limit
        sharing = {p.id for p in room.participants.values() if any(s.is_screen for s in p.tracks)}
        assert sharing == ({room.sharer} if room.sharer else set())

    @invariant()
    def nobody_publishes_without_the_right(self) -> None:
        for participant in self.room.participants.values():
            if participant.tracks:
                assert participant.role is not Role.VIEWER
                assert not participant.blocked
                assert participant.seat is not None or self.room.mode is Mode.MEETING
                allowed = participant.allowed
                assert allowed is None or set(participant.tracks) <= allowed

    @invariant()
    def seats_and_places_agree(self) -> None:
        room = self.room
        for seat, id in enumerate(room.seats):
            assert id is None or room.participants[id].seat == seat
        for place, id in room.gallery.items():
            assert room.participants[id].gallery == place
            assert room.participants[id].seat is None
            assert len(room.seats) <= place < room.places
        for participant in room.participants.values():
            if participant.seat is not None:
                assert room.seats[participant.seat] == participant.id
                assert participant.role.presents
            if any(not source.is_screen for source in participant.tracks):
                assert participant.place is not None
        assert room.seats[0] is None or room.participants[room.seats[0]].role is Role.ORGANIZER

    @invariant()
    def counts_and_identities_are_right(self) -> None:
        room = self.room
        for role in Role:
            assert room.counts[role] == sum(p.role is role for p in room.participants.values())
        everybody = [*room.participants.values(), *room.waiting.values()]
        assert room.identities == {each.identity: each.id for each in everybody}

    @invariant()
    def the_door_keeps_its_word(self) -> None:
        room = self.room
        assert not any(guest.role.presents for guest in room.waiting.values())
        assert not any(each.identity in room.banned for each in room.participants.values())
        if room.state is State.ENDED:
            assert all(each.role.presents for each in room.participants.values())

    @invariant()
    def changes_tell_the_whole_story(self) -> None:
        room = self.room
        assert self.inside == set(room.participants)
        assert self.tracks == {t for p in room.participants.values() for t in p.tracks.values()}
        assert self.slots == {slot: room.shown(slot) for slot in room.slots}
        for participant in room.participants.values():
            if participant.place is not None:
                shown = room.shown(slot_of(participant.place))
                assert shown is not None
                assert shown.participant == participant.id
        assert (room.shown(SCREEN) is None) == (room.sharer is None)


TestWebinar = Webinar.TestCase
TestWebinar.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
