"""A server without sockets and without time: what the tests of rooms and sessions share."""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from sfu.bandwidth.rows import FEEDBACK, REMB, SILENT
from sfu.clock import Clock
from sfu.config import Settings, load
from sfu.dtls import Certificate
from sfu.forwarder import Forwarder
from sfu.live_room import LiveRoom
from sfu.options import Options
from sfu.options import State as RoomState
from sfu.passwords import Passwords, Verdict
from sfu.rooms import Rooms
from sfu.signaling.admission import Admission
from sfu.signaling.audience import RoomAudience
from sfu.signaling.limits import Addresses, ClientAddress
from sfu.signaling.outbox import Close, Outbox
from sfu.signaling.session import Session
from sfu.transport import State, Timeouts, Transport
from tests.sfu import fake_plane

CERTIFICATE = Certificate.generate()


class House:
    """One worker, its rooms, and sessions; `now` is turned by hand."""

    def __init__(self, *, dev: bool = True, workers: int = 1) -> None:
        self.now = 1000.0
        self.clock = Clock(monotonic=lambda: self.now, wall=lambda: 1_700_000_000 + self.now)
        self.workers = [fake_plane.Worker() for _ in range(workers)]
        self.forwarders = [
            Forwarder(worker, CERTIFICATE, ["127.0.0.1"], Timeouts(path=30, handshake=15))  # type: ignore[arg-type]
            for worker in self.workers
        ]
        self.rooms = Rooms(self.forwarders, _audience, self.clock, limit=50)
        environ = {"SFU_TENANTS__ACME__SECRET": "a-secret-of-the-tests-only-0123456789"}
        self.settings: Settings = load(None, {} if dev else environ, dev=dev)
        self.checks: list[Callable[[], None]] = []
        """Passwords that wait to be checked, when `slow_passwords`."""
        self.slow_passwords = False
        self.addresses = Addresses(self.settings.limits, ())
        self.admission = Admission(
            self.settings, self.rooms, dev=dev, passwords=Passwords(self._check)
        )
        self.join_wait = 0.0

    def _check(self, check: Callable[[], bool], verdict: Verdict) -> None:
        if self.slow_passwords:
            self.checks.append(lambda: verdict(check()))
        else:
            verdict(check())

    def prepare(self, room: str = "hall", **options: Any) -> LiveRoom:
        """A room as REST makes it: it waits for its start."""
        given = Options(**{"access": "open", **options})
        return self.rooms.create("dev", room, given, state=RoomState.PREPARING)

    @property
    def worker(self) -> fake_plane.Worker:
        return self.workers[0]

    def visitor(self) -> "Visitor":
        """A client that has opened its socket."""
        return Visitor(self)

    def member(self, role: str = "attendee", room: str = "hall", **fields: Any) -> "Visitor":
        """A client that has joined; its answer and offer are read already."""
        visitor = Visitor(self)
        visitor.joined = visitor.ask("join", room=room, role=role, **fields)
        assert visitor.joined["type"] == "ok", visitor.joined
        visitor.offer = visitor.read()[0]
        return visitor

    def guest(self, role: str = "attendee", room: str = "hall", **fields: Any) -> "Visitor":
        """A client that has to wait."""
        visitor = Visitor(self)
        visitor.joined = visitor.ask("join", room=room, role=role, **fields)
        assert visitor.joined.get("status") == "waiting", visitor.joined
        return visitor

    def presenter(self, **fields: Any) -> "Visitor":
        """A member that publishes microphone and camera; its answer is read already."""
        presenter = self.member("presenter", **fields)
        presenter.publish({"0": "microphone", "1": "camera"})
        return presenter

    def report(self, *reports: Any) -> None:
        """The worker says something."""
        self.worker.reports += reports
        self.forwarders[0].read(self.now)

    def carry(self, visitor: "Visitor", bps: int) -> None:
        """The path to a visitor carries so much: its receiver says so (REMB)."""
        downlink = self.downlink(visitor)
        row = np.zeros(1, dtype=FEEDBACK)
        row["transport"], row["flags"], row["remb_bps"] = downlink.id, REMB, bps
        self.worker.rows += row.tobytes()

    def silence(self, visitor: "Visitor") -> None:
        """Half a second of media to a visitor has gone without an answer."""
        row = np.zeros(1, dtype=FEEDBACK)
        row["transport"], row["flags"] = self.downlink(visitor).id, SILENT
        self.worker.rows += row.tobytes()

    def stay(self, visitor: "Visitor") -> None:
        """The path over which a visitor publishes is up."""
        stage = self.live().stage
        uplink = stage and stage.uplinks.get(visitor.id)
        assert uplink
        uplink._become(State.OPEN, None)

    def downlink(self, visitor: "Visitor") -> Transport:
        stage = self.live().stage
        assert stage is not None
        downlink = stage.downlink(visitor.id)
        assert downlink is not None
        return downlink

    def pass_time(self, seconds: float, step: float = 0.05) -> None:
        """The daemon's ticks, every 50 ms."""
        end = self.now + seconds
        while self.now < end:
            self.now += step
            for forwarder in self.forwarders:
                forwarder.tick(self.now)
            self.rooms.tick(self.now)

    def live(self, room: str = "hall") -> LiveRoom:
        found = self.rooms.find("dev", room)
        assert found is not None
        return found


def _audience(live: LiveRoom) -> RoomAudience:
    return RoomAudience(live.room)


class Address(ClientAddress):
    """That of a visitor; it waits as long as the house says."""

    def __init__(self, house: House) -> None:
        super().__init__(house.addresses, "192.0.2.1")
        self._house = house

    def join(self, now: float) -> float:
        return self._house.join_wait


class Visitor:
    """A client's end of one session."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.outbox = Outbox(512)
        self.session = Session(
            house.admission,
            house.settings.limits,
            house.clock,
            self.outbox,
            Address(house),
        )
        self.joined: dict[str, Any] = {}
        self.offer: dict[str, Any] = {}
        self._ids = 0

    @property
    def id(self) -> str:
        return str(self.joined["participant"]["id"])

    def send(self, frame: str | bytes) -> None:
        self.session.receive(frame, self.house.now)

    def read(self) -> list[dict[str, Any]]:
        """All frames that wait, without a Close at the end."""
        frames = []
        while isinstance(item := self.outbox.take(), str):
            frames.append(json.loads(item))
        return frames

    def events(self, type: str) -> list[dict[str, Any]]:
        """The waiting frames of one type; the others are thrown away."""
        return [frame for frame in self.read() if frame["type"] == type]

    def closed(self) -> Close | None:
        """How the session ends, once its frames are read."""
        item = self.outbox.take()
        return item if isinstance(item, Close) else None

    def ask(self, type: str, **fields: Any) -> dict[str, Any]:
        """Sends a request and gives its answer, which must be the next frame."""
        self._ids += 1
        self.send(json.dumps({"type": type, "id": self._ids, **fields}))
        frame = self.outbox.take()
        while isinstance(frame, str) and json.loads(frame).get("id") != self._ids:
            frame = self.outbox.take()
        assert isinstance(frame, str)
        return dict(json.loads(frame))

    def publish(self, sources: dict[str, str], sdp: str | None = None) -> dict[str, Any]:
        from tests.signaling.descriptions import CHROMIUM

        return self.ask("publish", sdp=sdp or CHROMIUM, sources=sources)

    def answer(self) -> dict[str, Any]:
        """Answers the offer as a browser would."""
        from tests.signaling.descriptions import answer_to

        offer = self.offer
        return self.ask("answer", sdp=answer_to(offer["sdp"]), number=offer["number"])

    def receive(self, bps: int = 50_000_000) -> None:
        """Answers, and is reached over a path that carries so much; a second goes by."""
        self.answer()
        house = self.house
        downlink = house.downlink(self)
        downlink._become(State.OPEN, None)
        house.forwarders[0].subscribers.open(downlink.id, house.now)
        house.carry(self, bps)
        house.pass_time(1.0)


def fresh_connection(sdp: str) -> str:
    """The same description from a new peer connection: other credentials and certificate."""
    sdp = re.sub(r"a=ice-ufrag:.*", "a=ice-ufrag:anew", sdp)
    sdp = re.sub(r"a=ice-pwd:.*", "a=ice-pwd:0123456789abcdefghijkANEW", sdp)
    return re.sub(r"a=fingerprint:.*", "a=fingerprint:sha-256 " + ":".join(["AB"] * 32), sdp)
