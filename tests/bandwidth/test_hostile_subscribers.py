"""Subscribers that lie, beside honest ones: nobody gets more by it than the budget, nor takes
anything from others."""

import asyncio
import contextlib
import time
from collections.abc import Iterator

from sfu.bench._load import Engine
from sfu.bench.clients import Clients
from sfu.bench.daemon import Daemon
from sfu.bench.endpoints import Endpoints
from sfu.bench.shape import Shape
from sfu.config.budgets import download
from tests.bandwidth.liar import Liar, feedback, nack, remb

ROOM = "liars"
HONEST = 4
SETTLE = 3.0
SECONDS = 5.0
SPAN = 3.0
"""Seconds over which rates are looked at: a busy machine reads what came in a second in less."""
BUDGET = download(1, "hd").total
OVER = 1.05


class Picture(Shape):
    """One that nearly fills the budget, and with half as much again in repairs exceeds it."""

    @property
    def bitrate(self) -> int:
        return 1_800_000


def everything(liar: Liar) -> Iterator[bytes]:
    """All came, at once, and so did much that was never sent."""
    if liar.numbers:
        now = int(time.monotonic() / 0.064)
        yield feedback(min(liar.numbers), [0] * (len(liar.numbers) + 500), now, now)


def absurd(liar: Liar) -> Iterator[bytes]:
    """It came before it was sent, next week, and in between."""
    if liar.numbers:
        deltas = [liar.chance.randrange(-0x8000, 0x8000) for _ in liar.numbers]
        times = liar.chance.getrandbits(24), liar.chance.getrandbits(8)
        yield feedback(liar.numbers[0], deltas, *times)


def replay(liar: Liar) -> Iterator[bytes]:
    """The same again and again."""
    yield feedback(0, [1] * 200, 7, 7)


def silence(liar: Liar) -> Iterator[bytes]:
    """Nothing at all."""
    yield from ()


def flood(liar: Liar) -> Iterator[bytes]:
    """As much as it can: all that is good news, and all repairs that there are."""
    now = int(time.monotonic() / 0.064)
    for ssrc, sequence in liar.packets[:40]:
        yield nack(ssrc, sequence - 16 & 0xFFFF)
        yield remb(4_000_000_000, ssrc)
    for number in liar.numbers[:40]:
        yield feedback(number, [0] * 40, now, number)


def lost(liar: Liar) -> Iterator[bytes]:
    """Nothing came, all of it is wanted again."""
    for ssrc, sequence in liar.packets:
        yield nack(ssrc, sequence)


LIES = everything, absurd, replay, silence, flood, lost


async def test_only_the_liars_own_rate_moves_and_never_above_its_budget() -> None:
    engine = Engine()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(engine.stop)
        daemon = stack.enter_context(Daemon(None, {}))
        url = daemon.signaling_url
        endpoints = await stack.enter_async_context(Endpoints(engine))
        clients = await stack.enter_async_context(Clients(url, ROOM, endpoints))
        await clients.add_presenter(0, Picture(HONEST))
        for number in range(HONEST):
            await clients.add_attendee(number)
        liars = []
        for lie in LIES:
            liars.append(await Liar.join(url, ROOM, lie))
            stack.push_async_callback(liars[-1].leave)
        await asyncio.sleep(SETTLE)
        for liar in liars:
            liar.came.clear()
        before = engine.snapshot()
        await asyncio.sleep(SECONDS)
        after = engine.snapshot()
        people = await asyncio.to_thread(daemon.media, ROOM)
    honest = {name: after[name] - before[name] for name in ("video", "received", "expected")}
    sent = after["sent_video"] - before["sent_video"]
    assert honest["video"] > 0.97 * HONEST * sent, honest
    assert honest["received"] > 0.99 * honest["expected"], honest
    assert after["nacks"] - before["nacks"] < 0.01 * honest["video"]
    rates = {liar.name: liar.fastest(SPAN) for liar in liars}
    assert max(rates.values()) <= OVER * BUDGET, rates
    assert min(rates.values()) > 0, rates
    paths = {each["name"]: each["receive"]["path"] for each in people if each["receive"]}
    assert all(path["target"] <= BUDGET for path in paths.values() if path), paths
