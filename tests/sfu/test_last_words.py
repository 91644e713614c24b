"""Usage records wait for the last word on their stay's connections; a kill does not."""

import asyncio
from datetime import datetime
from pathlib import Path

from sfu.commands import End, Leave, Remove
from sfu.transport import Transport
from tests.sfu.hook_receiver import hooked, receiving
from tests.signaling.listening import kill
from tests.signaling.rest.backend import Backend, serving


def connect(backend: Backend, name: str, room: str = "hall") -> Transport:
    """A connection of somebody's, without a client, of which the worker's reports are lost."""
    stage = backend.live(room).open_stage()
    transport = stage.open()
    stage.forwarder._transports.pop(transport.id)
    backend.server.rooms.account(f"p-{name}").open(transport)
    return transport


async def test_who_is_leaving_as_the_server_is_killed_has_left_once_and_as_told(
    tmp_path: Path,
) -> None:
    store = tmp_path / "sfu.sqlite"
    async with receiving() as receiver:
        async with hooked(store, receiver) as backend:
            await backend.create()
            await backend.create("over")
            backend.join("ann")
            backend.join("bob")
            backend.join("eve", room="over")
            for name, room in (("ann", "hall"), ("bob", "hall"), ("eve", "over")):
                connect(backend, name, room)
            backend.live().execute(Remove("p-ann"), None)
            backend.live("over").execute(End(), None)
            left_at = backend.server.rooms.clock.wall()
            await kill(backend.server)
        async with hooked(store, receiver) as backend:
            assert [stay.identity for stay in backend.journal.absent("acme", "hall")] == ["bob"]
            items = (await backend.ask("GET", "/v1/usage"))["items"]
            await receiver.until("usage", 3)
        told = {body["id"]: body for body in receiver.bodies if body["event"] == "participant.left"}
        assert sorted((body["participant"]["id"], body["reason"]) for body in told.values()) == [
            ("p-ann", "removed"),
            ("p-eve", "ended"),
        ]
        ends = {item.get("identity", item["kind"]): item["reason"] for item in items}
        assert ends == {"ann": "removed", "eve": "ended", "event": "ended"}
        for item in items:
            at = datetime.fromisoformat(item.get("left_at") or item["ended_at"]).timestamp()
            assert left_at - 0.1 < at <= left_at


async def test_a_record_waits_for_the_last_word_on_its_bytes(tmp_path: Path) -> None:
    async with serving(tmp_path / "sfu.sqlite") as backend:
        await backend.create()
        backend.join("ann")
        uplink = connect(backend, "ann")
        uplink.traffic = (100, 10)
        backend.live().execute(Leave("p-ann"), "p-ann")
        await asyncio.sleep(0.2)
        assert (await backend.ask("GET", "/v1/usage"))["items"] == []
        uplink.counted(1000, 20)
        await backend.journal.durable()
        (stay,) = (await backend.ask("GET", "/v1/usage"))["items"]
        assert (stay["bytes_received"], stay["bytes_sent"]) == (1000, 20)
        assert stay["reason"] == "left"


async def test_it_does_not_wait_for_ever(tmp_path: Path) -> None:
    async with serving(tmp_path / "sfu.sqlite") as backend:
        await backend.create()
        backend.join("ann")
        uplink = connect(backend, "ann")
        uplink.traffic = (100, 10)
        await backend.ask("POST", "/v1/rooms/hall/end")
        items = (await backend.ask("GET", "/v1/usage"))["items"]
        assert [(item["kind"], item.get("bytes_received")) for item in items] == [
            ("participant", 100),
            ("event", None),
        ]
        uplink.counted(1000, 20)
        await backend.journal.durable()
        assert len((await backend.ask("GET", "/v1/usage"))["items"]) == 2


async def test_a_stop_waits_for_the_last_word(tmp_path: Path) -> None:
    async with serving(tmp_path / "sfu.sqlite") as backend:
        await backend.create()
        backend.join("ann")
        transport = connect(backend, "ann")
        transport.drop("left", 0.0)  # the worker's answer is still to come
        backend.live().execute(Leave("p-ann"), "p-ann")
    async with serving(tmp_path / "sfu.sqlite") as backend:
        (stay,) = (await backend.ask("GET", "/v1/usage"))["items"]
        assert (stay["identity"], stay["reason"]) == ("ann", "left")
