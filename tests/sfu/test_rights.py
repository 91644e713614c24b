"""Every command by every role in every state: done, or refused with its code."""

import itertools

import pytest

from sfu.commands import (
    Admit,
    Allow,
    Block,
    Command,
    Configure,
    End,
    GrantSeat,
    Leave,
    Lock,
    Look,
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
from sfu.errors import CODES
from sfu.options import Mode, State
from sfu.participant import Role, View
from sfu.rights import RIGHTS, table
from sfu.track import Source
from tests.sfu.room_house import OPUS, House

PEOPLE = {"olga": Role.ORGANIZER, "pia": Role.PRESENTER, "ann": Role.ATTENDEE, "vic": Role.VIEWER}


def commands(me: str, other: str) -> list[Command]:
    """One of each kind; what concerns a person is tried on oneself and on somebody else."""
    both = [
        command
        for who in (me, other)
        for command in (
            Leave(who),
            Publish(who, {Source.MICROPHONE: OPUS}),
            Unpublish(who, Source.CAMERA),
            Mute(who, Source.MICROPHONE, True),
            Look(who, View()),
            Remove(who),
            Block(who, True),
            Allow(who, None),
            GrantSeat(who),
            RevokeSeat(who),
            Promote(who),
            SetStatus(who, "hand"),
        )
    ]
    room = House().room.options
    return [
        *both, Start(), End(), Lock(True), SetMode(Mode.MEETING), Configure(room), Tick(),
        Admit(None), Send("all", "chat", 1),
    ]  # fmt: skip


def house_in(state: State) -> House:
    house = House(kind="webcast")
    for id, role in PEOPLE.items():
        house.join(id, role)
    house.room.state = state
    return house


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("me", PEOPLE)
@pytest.mark.parametrize("other", PEOPLE)
def test_the_product_of_commands_roles_and_states(state: State, me: str, other: str) -> None:
    for index, command in enumerate(commands(me, other)):
        house = house_in(state)
        # The same place in the list is the same command, over fresh people.
        code = house.refusal(commands(me, other)[index], me)
        right = RIGHTS[type(command)]
        own = getattr(command, "participant", None) == me
        role = PEOPLE[me]
        if state not in right.states:
            assert code == ("room_ended" if state is State.ENDED else "wrong_state"), command
        elif role not in (right.own | right.others if own else right.others):
            assert code == "not_allowed", command
        else:
            assert code == "" or code in CODES, command


@pytest.mark.parametrize("state", State)
def test_the_backend_may_ask_everything_in_its_time(state: State) -> None:
    for command in commands("pia", "ann"):
        if state in RIGHTS[type(command)].states:
            assert house_in(state).refusal(command) not in ("not_allowed", "wrong_state") or (
                isinstance(command, Promote | Publish)
            )


def test_nobody_touches_the_organizer_but_the_backend() -> None:
    for command in (Remove("olga"), Block("olga", True), RevokeSeat("olga")):
        assert house_in(State.LIVE).refusal(command, "pia") == "not_allowed"
        assert house_in(State.LIVE).refusal(command) == ""


def test_every_command_has_a_row_and_a_line_in_the_docs() -> None:
    kinds = {type(command) for command in commands("pia", "ann")}
    assert kinds <= set(RIGHTS)
    lines = table().splitlines()
    assert len(lines) == len(RIGHTS) + 2
    assert all(kind.__name__ in line for kind, line in zip(RIGHTS, lines[2:], strict=True))


def test_refusals_change_nothing() -> None:
    for me, other in itertools.product(PEOPLE, PEOPLE):
        for command in commands(me, other):
            house = house_in(State.LIVE)
            before = _picture(house)
            if house.refusal(command, me):
                assert _picture(house) == before, command


def _picture(house: House) -> object:
    room = house.room
    people = {
        id: (each.role, each.seat, each.gallery, each.blocked, each.status, set(each.tracks))
        for id, each in room.participants.items()
    }
    return people, list(room.seats), room.mode, room.locked, room.state, dict(room.counts)
