"""Chromium while the server switches a slot's layer: nothing is missed, nothing freezes.

One guest's layer is switched, another's stays. What the busy machine costs, in the camera and in
the decoders, it costs both. Painting is another matter: it may stall on one page only, so a round
in which that happened is repeated.
"""

import asyncio
import itertools
from dataclasses import dataclass

import pytest

from tests.calls.conftest import Invite
from tests.calls.guest import Guest, Json
from tests.calls.pattern import FPS

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

ROUNDS = 3
SWITCHES = (720, 360, 180, 720, 180)
AT_ONCE = 3
"""Frames that may come between the reports of two guests that are asked at once."""


async def test_a_layer_switch_loses_no_more_than_a_frame(invite: Invite) -> None:
    presenter = await invite("Anna", "presenter")
    switching, steady = [await invite(name, "attendee") for name in ("Ben", "Chiara")]
    await presenter.enter()
    await presenter.publish("publishCamera()")
    slot = await presenter.seat()
    for guest, height in ((switching, 180), (steady, 360)):
        await guest.enter()
        await guest.view(slot, height)
        await guest.until_height(slot, height)

    findings: list[str] = []
    for _ in range(ROUNDS):
        findings = await switch_layers(presenter, switching, steady, slot)
        if not findings:
            return
    pytest.fail("\n".join(findings))


async def switch_layers(presenter: Guest, switching: Guest, steady: Guest, slot: str) -> list[str]:
    """One round through SWITCHES; gives what is to be said against it."""
    guests = (switching, steady)
    for guest in guests:
        await guest.evaluate(f"probe.watch('{slot}')")
    before = await asyncio.gather(*(guest.inbound(slot, "video") for guest in guests))
    encoded = [layer["framesEncoded"] for layer in await presenter.outbound("video")]
    for height in SWITCHES:
        await switching.view(slot, height)
        await switching.until_height(slot, height)
        await asyncio.sleep(0.5)
    after = await asyncio.gather(*(guest.inbound(slot, "video") for guest in guests))
    layers = await presenter.outbound("video")

    frames, freezes = (
        [then[field] - now[field] for now, then in zip(before, after, strict=True)]
        for field in ("framesReceived", "freezeCount")
    )
    findings = []
    # The encoder may skip a picture in one layer only.
    sent = [layer["framesEncoded"] - start for layer, start in zip(layers, encoded, strict=True)]
    if frames[0] < frames[1] - AT_ONCE - (max(sent) - min(sent)):
        findings.append(f"frames received by both {frames}, encoded in each layer {sent}")
    if freezes[0] > freezes[1]:
        findings.append(f"freezes seen by both: {freezes}")
    switched, control = [steps(await guest.evaluate(f"probe.frames('{slot}')")) for guest in guests]
    for step in switched:
        meanwhile = [other.missing for other in control if abs(other.at - step.at) < 500]
        if step.switch and step.missing > 1.2 + max(meanwhile, default=0.0):
            findings.append(f"{step}, and of the other guest at that time {meanwhile}")
    return findings


@dataclass
class Step:
    """From one painted picture to the next."""

    at: float
    """Milliseconds since the epoch."""
    switch: bool
    """Whether the second is of another layer."""
    missing: float
    """Pictures that are missing between the two, by the media clock, which runs at 90 kHz (RFC 7741
    §4.1); one that was decoded but never painted is not missing."""


def steps(frames: list[Json]) -> list[Step]:
    """The steps between the pictures that probe.js noted."""
    return [
        Step(
            after["at"],
            before["height"] != after["height"],
            ((after["rtp"] - before["rtp"]) % 2**32) / (90_000 / FPS)
            - (after["presented"] - before["presented"]),
        )
        for before, after in itertools.pairwise(frames)
    ]
