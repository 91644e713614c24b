"""What presenters decided about people, and what is kept of it."""

import pytest

from sfu import decisions
from sfu.commands import Admit, Block, Command, End, GrantSeat, Leave, Lock, Remove, RevokeSeat
from sfu.kept import Kept
from sfu.participant import Role
from sfu.room import Room, state
from sfu.store.records import Document
from sfu.store.writes import RemoveBan, RemoveIdentity, SaveBan, SaveIdentity, Write
from tests.sfu.room_house import House

LET_IN = {"blocked": False, "allowed": None, "demoted": False, "admitted": True}
BLOCKED = LET_IN | {"blocked": True, "admitted": False}


class Keeping:
    """A room, and what is kept of what is decided in it."""

    def __init__(self) -> None:
        self.house = House()
        self.room = self.house.room
        self.kept = Kept("e1", 0.0)

    def do(self, command: Command) -> list[Write]:
        changes = self.house.do(command)
        return [
            write
            for change in changes
            for write in decisions.writes(self.room, self.kept, change, self.house.now)
        ]


def saved(identity: str, document: Document) -> SaveIdentity:
    return SaveIdentity("acme", "hall", identity, document)


def removed(identity: str | None) -> RemoveIdentity:
    return RemoveIdentity("acme", "hall", identity)


def test_a_decision_is_written_when_it_is_another_one_and_only_then() -> None:
    keeping = Keeping()
    for id in ("ann", "pia"):
        keeping.house.join(id, Role.PRESENTER)
    assert keeping.do(Block("ann", True)) == [saved("ann", BLOCKED)]
    assert keeping.do(RevokeSeat("pia")) == [
        saved("pia", BLOCKED | {"blocked": False, "demoted": True})
    ]
    assert keeping.do(Lock(True)) == keeping.do(Leave("ann")) == []
    keeping.house.join("ann")
    keeping.do(Admit("ann"))
    assert keeping.kept.identities["ann"] == BLOCKED | {"admitted": True}
    assert keeping.do(Block("ann", False)) == [saved("ann", LET_IN)]
    assert keeping.do(GrantSeat("pia")) == [removed("pia")]
    assert keeping.do(Remove("ann")) == [removed("ann")]
    assert keeping.kept.identities == {}


def test_the_end_of_the_event_is_the_end_of_all_of_it() -> None:
    keeping = Keeping()
    for id in ("ann", "bob", "eve"):
        keeping.house.join(id)
    keeping.do(Block("ann", True))
    keeping.do(Block("bob", True))
    (ban,) = keeping.do(Remove("eve", ban=True))
    assert ban == SaveBan("acme", "hall", "eve", keeping.house.now)
    assert keeping.do(End()) == [RemoveBan("acme", "hall", "eve"), removed(None)]
    assert (keeping.kept.bans, keeping.kept.identities) == (set(), {})


def test_it_comes_back_as_it_was() -> None:
    keeping = Keeping()
    for id in ("ann", "pia"):
        keeping.house.join(id, Role.PRESENTER)
    keeping.do(Block("ann", True))
    keeping.do(Lock(True))
    keeping.house.join("bob")
    keeping.do(Admit("bob"))
    room, kept = Room("acme", "hall", keeping.room.options), Kept("e1", 0.0)
    decisions.recall(room, kept, {"eve"}, keeping.kept.identities)
    assert room.records == {"ann": state.Record(blocked=True)}
    assert (room.admitted, room.banned) == ({"bob"}, {"eve"})
    assert kept.identities == keeping.kept.identities


def test_so_many_are_remembered_and_who_was_merely_let_in_is_forgotten_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (decisions, state):
        monkeypatch.setattr(module, "REMEMBERED", 2)
    keeping = Keeping()
    for id in ("ann", "cid", "dan"):
        keeping.house.join(id)
    keeping.do(Block("ann", True))
    keeping.do(Lock(True))
    keeping.house.join("bob")
    keeping.do(Admit("bob"))
    assert keeping.do(Block("cid", True)) == [saved("cid", BLOCKED), removed("bob")]
    assert keeping.do(Block("dan", True)) == [saved("dan", BLOCKED), removed("ann")]
    assert list(keeping.room.records) == list(keeping.kept.identities) == ["cid", "dan"]
    for n in range(5):
        keeping.house.join(f"p{n}")
        keeping.do(Admit(None))
        keeping.do(Leave(f"p{n}"))
    assert len(keeping.room.admitted) <= 3
