"""One room over two workers: everybody gets everything, on whichever they are, and whatever happens
to one of them."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from sfu.bench._load import Engine
from sfu.bench.clients import Clients
from sfu.bench.endpoints import Endpoints
from sfu.bench.shape import Shape
from tests.calls.daemon import Daemon
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

SPILL_AFTER = 3
ATTENDEES = 6
REPLAYED = 2.5
"""Seconds for which a joiner starts from the keyframe in the ring."""


class SpreadDaemon(Daemon):
    """With workers that panic when they are told to."""

    program = ("-m", "sfu.bench.faulty")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """With two workers, and rooms of more than three receivers on both."""
    settings = {"SFU_MEDIA__WORKERS": "2", "SFU_MEDIA__SPILL_AFTER": str(SPILL_AFTER)}
    daemon = SpreadDaemon(tmp_path_factory.mktemp("spread"), **settings)
    daemon.start()
    yield daemon
    # Its log tells of the panics.
    assert daemon.stop() == 0, daemon.log.read_text()[-2000:]


@pytest.fixture(autouse=True)
def _healthy_daemon() -> None:
    """This one is not, for a moment."""


class Crowd:
    """Synthetic clients of one room; each opens every packet and compares it."""

    def __init__(self, daemon: Daemon, endpoints: Endpoints) -> None:
        self.engine = endpoints.engine
        url = f"ws://127.0.0.1:{daemon.port}/v1/signal"
        self.clients = Clients(url, "hall", endpoints)
        self.count = 0

    async def attend(self, count: int) -> None:
        """So many more, until they see and hear."""
        for _ in range(count):
            await self.clients.add_attendee(self.count)
            self.count += 1
        await until(lambda: self.streams == (self.count, self.count))

    @property
    def streams(self) -> tuple[int, int]:
        """Of pictures and of sound, all attendees together."""
        now = self.engine.snapshot()
        return now["video_streams"], now["audio_streams"]

    async def pass_packets(self, count: int) -> None:
        """Until so many more have come."""
        before = self.engine.snapshot()["received"]
        await until(lambda: self.engine.snapshot()["received"] - before >= count)

    def wrong(self) -> dict[str, int]:
        """What should not be; zeros only."""
        now = self.engine.snapshot()
        lost = now["expected"] - now["received"]
        return {name: value for name, value in {
            "lost": lost, "damaged": now["damaged"], "strange": now["strange"],
            "twice": now["duplicates"], "late": now["late"],
        }.items() if value}  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session")
async def crowd(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Crowd]:
    monkeypatch.setattr("sfu.bench.clients.VERIFY_EVERY", 1)
    engine = Engine()
    try:
        async with Endpoints(engine) as endpoints:
            crowd = Crowd(daemon, endpoints)
            async with crowd.clients:
                await crowd.clients.add_presenter(0, Shape(ATTENDEES))
                yield crowd
    finally:
        engine.stop()


def events(daemon: Daemon, name: str) -> float:
    return daemon.metric("sfu_plane_events_total", event=name)


async def test_everybody_gets_everything_on_either_worker(crowd: Crowd, daemon: Daemon) -> None:
    await crowd.attend(ATTENDEES)
    await crowd.pass_packets(1_000)
    assert crowd.wrong() == {}
    now = crowd.engine.snapshot()
    assert now["verified"] > 0.9 * now["received"]
    await until(lambda: events(daemon, "relayed_in") > 100)
    assert events(daemon, "relay_holes") == 0

    # Whoever joins later than the last keyframe is of use has another one made, across the workers.
    await asyncio.sleep(REPLAYED + 0.1)
    asked = events(daemon, "relayed_wishes")
    await crowd.attend(2)
    await until(lambda: events(daemon, "relayed_wishes") > asked)
    assert crowd.engine.snapshot()["keyframe_requests"] > 0
    assert crowd.wrong() == {}

    # The other worker panics: who is at home notices nothing, and who comes now is spread anew.
    assert daemon.metric("sfu_worker_restarts_total") == 0
    daemon.signal(signal.SIGUSR2)
    await until(lambda: daemon.metric("sfu_worker_restarts_total") == 1)
    await crowd.pass_packets(300)
    relayed = events(daemon, "relayed_in")
    await crowd.attend(2)
    await until(lambda: events(daemon, "relayed_in") > relayed + 100)
    assert crowd.wrong() == {}

    # The home panics: those on the other worker keep their connections, and see who comes next.
    before, _ = crowd.streams
    daemon.signal(signal.SIGUSR1)
    await until(lambda: daemon.metric("sfu_worker_restarts_total") == 2)
    await crowd.clients.add_presenter(1, Shape(ATTENDEES))
    await until(lambda: crowd.streams[0] > before)
    await crowd.pass_packets(300)
    assert crowd.wrong() == {}
