"""Whatever crosses between a client and the server: an answer is taken for the offer that it is to,
and for no other."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.commands import Configure
from sfu.forwarder import Forwarder
from sfu.transport import Timeouts
from tests.sfu import fake_plane
from tests.sfu.house import CERTIFICATE, House
from tests.signaling.descriptions import answer_to

LOSSES = 3
"""Fewer than after which no further offer is made."""


class Attendee:
    """Gets frames when it reads them, and answers that take a while as well."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.visitor = house.member()
        self.offers = [self.visitor.offer]
        """Those that are under way to the client."""
        self.answers: list[dict[str, Any]] = []
        """Those that are under way to the server."""
        self.last = self.visitor.offer
        self.agreed: dict[str, Any] | None = None
        """What the last answer was to that the server has taken."""
        self.losses = 0

    def do(self, step: str) -> None:
        match step:
            case "answer" if self.offers:
                self.answers.append(self.offers.pop(0))
            case "deliver" if self.answers:
                self.deliver(self.answers.pop(0))
            case "panic" if self.losses < LOSSES:
                self.losses += 1
                self.panic()
            case "path lost" if self.losses < LOSSES:
                stage = self.house.live().stage
                if stage is not None and (downlink := stage.downlink(self.visitor.id)):
                    self.losses += 1
                    self.house.report(fake_plane.PathDown(downlink.id))
            case "restart":
                assert self.ask("restart_ice") == "ok"
            case "more":
                options = self.house.live().room.options
                more = replace(options, presenters=options.presenters + 1)
                self.house.live().execute(Configure(more), None)
                self.house.pass_time(0.1)
            case "resume":
                resume = self.visitor.joined["resume"]
                self.visitor = self.house.visitor()
                assert self.ask("join", room="hall", resume=resume) == "ok"
        self.read()

    def deliver(self, offer: dict[str, Any]) -> None:
        sdp, number = answer_to(offer["sdp"]), offer["number"]
        if self.ask("answer", sdp=sdp, number=number) == "ok":
            self.agreed = offer
            # Another offer may have followed at once: of the same connection.
            assert origin(offer) == origin(self.last)

    def panic(self) -> None:
        """The worker ends, and another one takes its place."""
        house = self.house
        house.report(fake_plane.Fault("panic"))
        lost, house.workers[0] = house.forwarders[0], fake_plane.Worker()
        house.forwarders[0] = Forwarder(
            house.workers[0],  # type: ignore[arg-type]  # a stand-in
            CERTIFICATE,
            ["127.0.0.1"],
            Timeouts(path=30, handshake=15),
        )
        house.rooms.leave(lost, house.now)

    def ask(self, type: str, **fields: Any) -> str:
        """The answer's code; all other frames are kept."""
        self.visitor.send(json.dumps({"type": type, "id": 1, **fields}))
        return self.read()

    def read(self) -> str:
        code = ""
        for frame in self.visitor.read():
            if frame["type"] == "offer":
                self.offers.append(frame)
                self.last = frame
            if frame.get("id") == 1:
                code = frame.get("code", frame["type"])
                if "resume" in frame:
                    self.visitor.joined = frame
        return code


def origin(offer: dict[str, Any]) -> str:
    """What all offers of one connection have in common."""
    return str(offer["sdp"].splitlines()[1].split()[1])


steps = st.lists(
    st.sampled_from(["answer", "deliver", "panic", "path lost", "restart", "more", "resume"]),
    max_size=20,
)


@settings(max_examples=40)
@given(steps)
def test_who_answers_all_offers_agrees_to_the_last_one(steps: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        fake_plane.install(patch)
        attendee = Attendee(House())
        for step in steps:
            attendee.do(step)
        while attendee.offers or attendee.answers:
            attendee.do("answer")
            attendee.do("deliver")
        assert attendee.agreed is not None
        assert attendee.agreed["number"] == attendee.last["number"]
