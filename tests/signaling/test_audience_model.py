"""Whatever people do: what each client was told adds up to what is."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.commands import SetMode, Start
from sfu.options import Mode
from sfu.participant import Role
from sfu.signaling import views
from tests.sfu import fake_plane
from tests.sfu.house import House, Visitor
from tests.signaling.descriptions import CHROMIUM

ROLES = ["organizer", "presenter", "presenter", "attendee", "attendee", "attendee", "viewer"]


class Client:
    """What a client of the protocol knows, from its frames alone."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.status = ""
        self.position = 0
        self.people: dict[str, dict[str, Any]] = {}
        self.slots: dict[str, Any] = {}
        self.room: dict[str, Any] = {}
        self.counts: dict[str, int] = {}
        self.waiting = 0

    def ask(self, type: str, **fields: Any) -> None:
        self.visitor.send(json.dumps({"type": type, "id": 1, **fields}))
        self.read()

    def read(self) -> None:
        for frame in self.visitor.read():
            self.take(frame)
        if self.visitor.outbox.closing:
            self.status = "closed"

    def take(self, frame: dict[str, Any]) -> None:
        match frame:
            case {"status": "admitted"}:
                self.status = "admitted"
                self.people = {each["id"]: each for each in frame["participants"]}
                self.slots, self.room = frame["slots"], frame["room"]
                self.counts = frame["room"]["counts"]
                self.visitor.joined = frame
            case {"status": "waiting"}:
                self.status = "waiting"
                self.position = frame["position"]
                self.visitor.joined = frame
            case {"type": "queue"}:
                self.position = frame["position"]
            case {"type": "slots"}:
                self.slots.update(frame["slots"])
            case {"type": "mode"}:
                self.room["mode"] = frame["mode"]
            case {"type": "locked"}:
                self.room["locked"] = frame["locked"]
            case {"type": "started"}:
                self.room["state"] = "live"
            case {"type": "waiting"}:
                self.waiting = frame["count"]
            case {"type": "participant"}:
                self.people.update({each["id"]: each for each in frame["joined"]})
                for id in frame["left"]:
                    self.people.pop(id, None)
                self.people.update({each["id"]: each for each in frame["updated"]})
                self.counts = frame["counts"]

    def check(self, house: House) -> None:
        room = house.live().room
        if self.status == "waiting":
            assert list(room.waiting).index(self.visitor.id) == self.position - 1
        if self.status != "admitted":
            assert self.status != "" or self.visitor.joined == {}
            return
        me = room.participants[self.visitor.id]
        sees = room.mode is not Mode.PRESENTERS_ONLY or me.role.presents
        truth = {
            id: views.person(each, hidden=not sees).model_dump()
            for id, each in room.participants.items()
        }
        shown = {slot: each and each.model_dump() for slot, each in views.slots(room).items()}
        assert self.slots == (shown if sees else dict.fromkeys(shown))
        assert (self.room["mode"], self.room["locked"]) == (room.mode, room.locked)
        assert self.room["state"] == room.state
        assert self.counts == {role.value: count for role, count in room.counts.items()}
        assert self.people[me.id] == truth[me.id]
        if me.role.presents:
            listed = {id for id, each in room.participants.items() if each.role is not Role.VIEWER}
            assert set(self.people) == listed
            assert self.waiting == len(room.waiting)
        for id, person in self.people.items():
            if me.role.presents or id in _on_slots(house):
                assert person == truth[id]
        assert _on_slots(house) <= set(self.people)


def _on_slots(house: House) -> set[str]:
    room = house.live().room
    return {shown.participant for slot in room.slots if (shown := room.shown(slot))}


actions = st.lists(
    st.tuples(
        st.sampled_from(
            ["join", "join", "join", "leave", "start", "lock", "unlock", "mode", "mode", "admit",
             "remove", "block", "unblock", "grant_seat", "grant_seat", "revoke_seat", "promote",
             "status", "mute", "publish", "publish", "unpublish", "wait"]
        ),
        st.integers(0, 9),
        st.integers(0, 9),
    ),
    min_size=15,
    max_size=40,
)  # fmt: skip


def act(house: House, clients: list[Client], type: str, one: int, two: int) -> None:
    if type == "wait":
        house.pass_time(two / 4)
        return
    if type == "join":
        clients.append(Client(house.visitor()))
        clients[-1].ask("join", room="hall", role=ROLES[one % len(ROLES)])
        return
    actor, other = clients[one % len(clients)], clients[two % len(clients)]
    target = other.visitor.joined.get("participant", {}).get("id", "nobody")
    fields: dict[str, Any] = {"participant": target}
    match type:
        case "mode":
            fields = {"mode": list(Mode)[two % 3]}
        case "admit":
            fields = {"all": True} if two % 2 else fields
        case "status":
            fields = {"value": ("hand", None)[two % 2]}
        case "mute":
            muted = bool(two % 3)
            fields = {"source": "microphone", "muted": muted}
            if two % 2:
                fields["participant"] = target
        case "unpublish":
            fields = {"source": "camera"}
        case "publish":
            sources = {"1": ("camera", "screen")[two % 2]}
            if two % 3:
                sources["0"] = "microphone"
            fields = {"sdp": CHROMIUM, "sources": sources}
    actor.ask(type, **fields)
    for each in clients:
        each.read()


@settings(max_examples=200, deadline=None)
@given(actions, st.sampled_from(["webinar", "webcast"]), st.none() | st.sampled_from(Mode))
def test_what_clients_know_is_what_is(
    steps: list[tuple[str, int, int]], kind: str, mode: Mode | None
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        fake_plane.install(patch)
        house = House()
        house.prepare(kind=kind, attendees=3, presenters=2, cameras=2, meeting=5, viewers=2)
        clients: list[Client] = []
        if mode is not None:
            house.live().execute(Start(), None)
            house.live().execute(SetMode(mode), None)
        for role in (0, 1, 3, 4):
            act(house, clients, "join", role, 0)
        for type, one, two in steps:
            act(house, clients, type, one, two)
        house.pass_time(6)
        for each in clients:
            each.read()
        for each in clients:
            each.check(house)
