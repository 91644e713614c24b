"""Chromium sends no more than its budget, whatever its encoders would like to, and no less than it
may."""

import asyncio
import json
import urllib.request

import pytest

from sfu.config.budgets import upload
from tests.calls.conftest import Invite
from tests.calls.daemon import Daemon
from tests.calls.guest import Guest

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

HD = upload("hd", "lite")
"""Of a development server's rooms."""
OVER = 1.05
"""What a second may be above the budget: of REMB, 18 bits are said, and a pacer is no clock."""
SETTLING = 8.0
"""Seconds after which Chromium has mostly found out what it may send."""
PATIENCE = 40
"""Seconds after which it has on a busy machine, too."""


async def sent_rates(guest: Guest, seconds: int) -> list[float]:
    """bit/s of everything that the publishing connection sent, second by second."""
    rates: list[float] = []
    last = await guest.evaluate("probe.sent()")
    while len(rates) < seconds:
        await asyncio.sleep(1.0)
        now = await guest.evaluate("probe.sent()")
        rates.append(8000 * (now["bytes"] - last["bytes"]) / (now["at"] - last["at"]))
        last = now
    return rates


async def test_the_ceiling_is_kept_without_any_other_limit(invite: Invite) -> None:
    presenter = await invite("Anna", "presenter")
    await presenter.enter()
    await presenter.evaluate("probe.honest()")
    await presenter.evaluate("probe.unlimited()")
    # One layer: of several, those that nobody watches would not be sent.
    await presenter.publish("publishMicrophone()", "publishCamera({simulcast: false})")
    await presenter.evaluate("probe.wantMore(6_000_000)")
    await asyncio.sleep(SETTLING)
    rates = await sent_rates(presenter, 8)
    budget = HD["microphone"] + HD["camera"]
    # It wants far more, and comes near, sooner or later: it is the ceiling that holds it.
    while max(rates) < 0.8 * budget and len(rates) < PATIENCE:
        rates += await sent_rates(presenter, 1)
    assert max(rates) >= 0.8 * budget, rates
    assert max(rates) <= OVER * budget, rates


async def test_camera_and_screen_share_their_budgets(invite: Invite) -> None:
    presenter = await invite("Anna", "presenter")
    await presenter.enter()
    await presenter.evaluate("probe.honest()")
    screen = "navigator.mediaDevices.getUserMedia({video: {width: 1280, height: 720}})"
    await presenter.publish("publishMicrophone()", "publishCamera({simulcast: false})")
    await presenter.evaluate(
        f"{screen}.then((film) => sfu.publishScreen({{track: film.getVideoTracks()[0]}}))"
    )
    targets = "probe.outbound('video').then((all) => all.map((each) => each.targetBitrate ?? 0))"
    # What one of them may send is no limit of both.
    await presenter.until(
        targets, lambda all: sum(all) > 0.9 * HD["camera"] + 1_000_000, patience=PATIENCE
    )
    rates = await sent_rates(presenter, 5)
    assert max(rates) <= OVER * (HD["microphone"] + HD["camera"] + HD["screen"]), rates


async def test_encodings_fit_the_room(invite: Invite, daemon: Daemon, room: str) -> None:
    presenter = await invite("Anna", "presenter")
    await presenter.enter()
    _configure(daemon, room, video="sd")
    await presenter.until("sfu.room.video", "sd")
    await presenter.enter()
    await presenter.publish("publishMicrophone()", "publishCamera({quality: 'hd'})")
    encodings = """sfu.publishConnection.getSenders().find(({track}) => track?.kind === 'video')
        .getParameters().encodings.map(({maxBitrate}) => maxBitrate)"""
    limits = await presenter.evaluate(encodings)
    assert len(limits) == 3
    assert 0.85 * 1_000_000 < sum(limits) < 1_000_000
    rates = await sent_rates(presenter, 5)
    assert max(rates) <= OVER * sum(upload("sd", "lite")[name] for name in ("microphone", "camera"))


def _configure(daemon: Daemon, room: str, **settings: str) -> None:
    request = urllib.request.Request(
        f"{daemon.url}/v1/rooms/{room}",
        data=json.dumps(settings).encode(),
        method="PATCH",
        headers={
            "Authorization": "Bearer dev:dev-secret-do-not-use-in-production",
            "Content-Type": "application/json",
        },
    )
    urllib.request.urlopen(request, timeout=5).close()
