"""The composition root: settings to workers, rooms, signaling and HTTP; the clock.

`Daemon` is everything but the HTTP listener, so that it runs inside another
program too (`sfu.server`); `sfu.process` is the one that `sfu serve` runs.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator, Mapping

import structlog
from fastapi import FastAPI

from sfu.clock import Clock
from sfu.config import Settings
from sfu.dtls import Certificate
from sfu.forwarder import TICK, Forwarder
from sfu.ice import announced_addresses
from sfu.journal import Journal
from sfu.live_room import LiveRoom
from sfu.media_metrics import Sample, samples
from sfu.metrics import Metrics
from sfu.rooms import Rooms
from sfu.signaling.admission import Admission
from sfu.signaling.audience import RoomAudience
from sfu.signaling.events import DrainingEvent
from sfu.signaling.http import make_app
from sfu.signaling.rest.gate import Rest
from sfu.signaling.webhooks import Endpoint, Webhooks, endpoints
from sfu.signaling.websocket import Sockets
from sfu.store import Store, StoreError, make_store
from sfu.store.records import Retention
from sfu.tls import Tls
from sfu.transport import State, Timeouts
from sfu.workers import Workers

log = structlog.get_logger()


class Daemon:
    """Workers, rooms and signaling; `app` can be served at once, and says unready until `start`."""

    def __init__(self, settings: Settings, *, dev: bool) -> None:
        self.settings = settings
        self.dev = dev
        self.clock = Clock(monotonic=time.monotonic, wall=time.time)
        self.forwarders: list[Forwarder] = []
        self.rooms = Rooms(self.forwarders, _audience, self.clock, limit=settings.limits.rooms)
        self.workers = Workers(self.rooms, self.clock.monotonic)
        self.admission = Admission(settings, self.rooms, dev=dev)
        self.sockets = Sockets(settings, self.admission, self.clock)
        self.metrics = Metrics(self)
        self.journal: Journal | None = None
        self.lost = asyncio.Event()
        """Set when another server has taken the store over, and this one has ended for it."""
        self.tls: Tls | None = None
        """Of the listener, where there is one of ours."""
        self.rest = Rest(settings, self.rooms, lambda: self.journal, dev=dev)
        self.app: FastAPI = make_app(self, self.sockets, self.metrics.render, self.rest, page=dev)
        self._endpoints: dict[str, Endpoint] = {}
        self._webhooks: Webhooks | None = None
        self._delivery: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next_tick: asyncio.TimerHandle | None = None
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Takes further settings while it runs; of `media` and `store` a start alone makes use.

        Whoever is in a room stays there: limits count for those who come from now on.
        """
        self.settings = settings
        self.admission.configure(settings)
        self.sockets.configure(settings)
        self.rest.configure(settings)
        tenants = settings.tenants.items()
        self.rooms.limit = settings.limits.rooms
        self.rooms.spill_after = settings.media.spill_after
        self.rooms.parallel_events = {name: tenant.parallel_events for name, tenant in tenants}
        self.rooms.max_rooms = {name: tenant.max_rooms for name, tenant in tenants}
        self.rooms.crowds.configure(settings.tenants)
        self.rooms.end_empty_after(settings.server.empty_timeout)
        # The journal and the deliverer look into the same table.
        self._endpoints.clear()
        self._endpoints.update(endpoints(settings.tenants))

    async def start(self) -> None:
        """Opens the store, binds the media ports and begins.

        Raises StoreError when the store cannot be opened, OSError when a port cannot be had.
        """
        media = self.settings.media
        limits = self.settings.limits
        addresses = announced_addresses(media.announced_addresses, media.host, dev=self.dev)
        certificate = Certificate.generate()
        timeouts = Timeouts(path=limits.path_timeout, handshake=limits.handshake_timeout)
        self._loop = asyncio.get_running_loop()
        await self._open_store()
        try:
            count = media.worker_count(os.cpu_count() or 1)
            self.workers.start(media, count, certificate, addresses, timeouts)
        except OSError:
            await self.stop()
            raise
        self._schedule(self._loop.time() + TICK)
        ports = [forwarder.worker.port for forwarder in self.forwarders]
        log.info("media ready", addresses=addresses, ports=ports)

    async def stop(self) -> None:
        """Ends everything: sockets are told, rooms emptied, workers stopped. Idempotent."""
        self.admission.draining = True
        for session in list(self.sockets.sessions):
            session.end("stopped")
        for live in self.rooms:
            live.close("stopped")
        await self._close_store()
        if self._next_tick is not None:
            self._next_tick.cancel()
            self._next_tick = None
        self.workers.stop()

    async def _abandon(self) -> None:
        """Ends with no last word to store and backends: the rooms are another server's, on which
        whoever is in them may go on with their stays."""
        self.rooms.journal = None
        journal, self.journal = self.journal, None
        if self._delivery is not None:
            self._delivery.cancel()
            await asyncio.gather(self._delivery, return_exceptions=True)
        if journal is not None and self._webhooks is not None:
            await self._webhooks.close(patience=0.0)
            await journal.store.close()
        await self.stop()
        self.lost.set()

    def _lose(self) -> None:
        log.error("store lost", consequence="this server ends", want="one server for one store")
        self.admission.draining = True
        self._abandoning = asyncio.create_task(self._abandon(), name="abandon")

    async def _open_store(self) -> None:
        store = await _open_store(self.settings, dev=self.dev)
        store.when_lost(self._lose)
        journal = Journal(store, self.rooms, self._endpoints, dev=self.dev)
        try:
            await journal.load()
        except Exception:
            await store.close()
            raise
        self.rooms.journal = self.journal = journal
        self._webhooks = Webhooks(store, self._endpoints, self.clock)
        journal.on_news = self._webhooks.wake
        self._delivery = asyncio.create_task(self._webhooks.run(), name="webhooks")

    async def _close_store(self) -> None:
        """Last of all: what the rooms' end has changed is kept, and told to the backends."""
        journal, self.journal = self.journal, None
        if journal is None:
            return
        if self.dev:
            journal.forget_passing()
        await journal.settled()
        self.rooms.journal = None
        if self._delivery is not None:
            self._delivery.cancel()
            await asyncio.gather(self._delivery, return_exceptions=True)
        if self._webhooks is not None:
            await self._webhooks.close()
        await journal.store.close()

    async def drain(self, patience: float) -> None:
        """Takes nobody new, tells everybody, and waits until all have gone or time is up."""
        self.admission.draining = True
        event = DrainingEvent(seconds=patience)
        for live in self.rooms:
            audience = live.audience
            assert isinstance(audience, RoomAudience)
            audience.tell_all(event)
        log.info("draining", people=self._people(), patience=patience)
        deadline = self.clock.monotonic() + patience
        while self._people() and self.clock.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    def unready(self) -> str | None:
        """Why no participants are taken now, None when they are (`signaling.http.Health`)."""
        if self.admission.draining:
            return "draining"
        if not self.forwarders:
            return "starting"
        if all(forwarder.fault is not None for forwarder in self.forwarders):
            return "no packet worker is running"
        return None

    # What metrics ask for (`sfu.metrics.Source`)

    def people(self) -> Mapping[str, int]:
        """By role."""
        return {role.value: count for role, count in self.rooms.counts().items()}

    def transports(self) -> Mapping[str, int]:
        """By state."""
        states = [state for state in State if state is not State.CLOSED]
        return {
            state.value: sum(each.transports_by_state[state] for each in self.forwarders)
            for state in states
        }

    def gauges(self) -> Mapping[str, float]:
        """Those without labels."""
        end = {} if self.tls is None else {"sfu_certificate_end_seconds": self.tls.end}
        return {
            **end,
            "sfu_store_waiting": 0 if self.journal is None else self.journal.store.waiting,
            "sfu_rooms": len(self.rooms),
            "sfu_connections": self.sockets.addresses.connected,
            "sfu_sockets": self.sockets.addresses.total,
            "sfu_sockets_unjoined": len(self.sockets.newcomers),
            "sfu_sockets_opened": self.sockets.opened,
            "sfu_feedback_rows": sum(each.subscribers.tally.rows for each in self.forwarders),
            "sfu_worker_faults": sum(each.fault is not None for each in self.forwarders),
            "sfu_worker_restarts": self.workers.restarts,
        }

    def media(self) -> Iterator[Sample]:
        """Of paths, layers and uploads; of who came and who was refused; of what was posted."""
        yield from samples(self.forwarders, self.rooms)
        for reason, count in self.sockets.refused.items():
            yield "sfu_sockets_refused", (reason,), count
        for limit, count in self.sockets.connections_refused.items():
            yield "sfu_connections_refused", (limit,), count
        for result, count in self.admission.joins.results.items():
            yield "sfu_joins", (result,), count
        for reason, count in self.admission.joins.refused.items():
            yield "sfu_joins_refused", (reason,), count
        for result, count in () if self._webhooks is None else self._webhooks.counts.items():
            yield "sfu_webhooks", (result,), count

    def plane(self) -> list[Mapping[str, int]]:
        """Each worker's counters."""
        return [forwarder.worker.counters() for forwarder in self.forwarders]

    # The loop

    def _schedule(self, when: float) -> None:
        assert self._loop is not None
        self._next_tick = self._loop.call_at(when, self._tick, when)

    def _tick(self, due: float) -> None:
        assert self._loop is not None
        late = self._loop.time() - due
        self.metrics.lag.observe(max(0.0, late))
        self._schedule(max(due, self._loop.time() - TICK) + TICK)
        now = self.clock.monotonic()
        try:
            self.workers.tick(now)
            self.rooms.tick(now)
            self.app.state.preflight.tick(now)
            if self.journal is not None:
                self.journal.tick(now)
        except Exception:
            log.exception("tick failed", bounded=True)

    def _people(self) -> int:
        """Who is in a room; those whose socket is gone are not waited for."""
        here = sum(len(live.room.participants) for live in self.rooms)
        return here - self.sockets.absentees()


async def _open_store(settings: Settings, *, dev: bool) -> Store:
    """The store of the settings. A development server whose file another one has, or that may not
    write where it was started, makes do with one that nobody needs afterwards."""
    kept = settings.store
    retention = Retention(events=kept.events_kept, events_per_room=kept.events_per_room)
    store = make_store(kept.path, kept.url, retention, lease=kept.lease)
    try:
        await store.open()
    except StoreError as error:
        if not dev or kept.url:
            raise
        path = os.path.join(tempfile.mkdtemp(prefix="sfu-"), "sfu.sqlite")
        log.warning("store is temporary", path=path, reason=str(error))
        store = make_store(path, "", retention)
        await store.open()
    return store


def _audience(live: LiveRoom) -> RoomAudience:
    return RoomAudience(live.room)
