from typing import Any

import pytest

from sfu import event_log
from sfu.commands import Admit, Allow, Command, Join, Leave, Mute, Promote, Send, SetStatus, Tick
from sfu.events import LockChanged
from sfu.options import Options, State
from sfu.participant import Role
from sfu.room import Room
from sfu.track import Source

MICROPHONE = Source.MICROPHONE


@pytest.fixture
def room() -> Room:
    room = Room("acme", "hall", Options(), State.LIVE)
    for name in ("ann", "bob"):
        room.apply(Join(f"p-{name}", name, name.title(), Role.ORGANIZER), None, 0.0)
    return room


@pytest.mark.parametrize(
    ("command", "actor", "event", "details"),
    [
        (Mute("p-bob", MICROPHONE, True), "p-ann", "participant.muted", {"source": "microphone"}),
        (Mute("p-bob", MICROPHONE, True), None, "participant.muted", {"source": "microphone"}),
        (Promote("p-bob"), None, "participant.promoted", {}),
        (Allow("p-bob", frozenset({MICROPHONE})), "p-ann", "participant.allowed",
         {"sources": ["microphone"]}),
        (Allow("p-bob", None), "p-ann", "participant.allowed", {"sources": None}),
        (Admit(None), "p-ann", "participant.admitted", {"all": True}),
    ],
)  # fmt: skip
def test_orders(
    room: Room, command: Command, actor: str | None, event: str, details: dict[str, Any]
) -> None:
    order = event_log.order(room, command, actor)
    assert order is not None
    assert (order.event, order.details) == (event, details)
    assert (order.by and order.by.id) == actor
    entry = event_log.write(room, order, 1_700_000_000.0).entry
    assert entry["at"] == "2023-11-14T22:13:20.000Z"


@pytest.mark.parametrize(
    "command",
    [
        Mute("p-ann", MICROPHONE, True),
        Mute("p-ann", MICROPHONE, False),
        Send("all", "chat", "hello"),
        SetStatus("p-ann", "hand"),
        Leave("p-ann"),
        Tick(),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_people_do_for_themselves_is_none(room: Room, command: Command) -> None:
    assert event_log.order(room, command, "p-ann") is None


def test_an_order_that_changes_nothing_is_not_given(room: Room) -> None:
    order = event_log.order(room, Promote("p-bob"), None)
    assert event_log.given(order, []) == []
    assert event_log.given(order, [LockChanged(True, None)]) == [order]
    assert event_log.given(None, [LockChanged(True, None)]) == []
    everybody = event_log.order(room, Admit(None), None)
    assert event_log.given(everybody, []) == [everybody]
