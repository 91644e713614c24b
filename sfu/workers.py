"""The packet workers of the process: started, listened to, and replaced when one has ended.

A worker that ends by a fault takes along what is on it and nothing else. A fresh one takes its
port; the rooms go on there, whoever was connected is told and connects anew
(`sfu.rooms.Rooms.leave`). While no fresh one can be had, the rooms are with the others.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Final

import structlog

from sfu.config import MediaSettings
from sfu.dtls import Certificate
from sfu.errors import Refusal
from sfu.forwarder import Forwarder, start_worker
from sfu.rooms import Rooms
from sfu.transport import Timeouts

AGAIN: Final = 1.0
"""Seconds between two starts of one worker: a fault may come back at once."""

log = structlog.get_logger()


class Workers:
    """Keeps the list of forwarders that the rooms choose from."""

    def __init__(self, rooms: Rooms, monotonic: Callable[[], float]) -> None:
        self.restarts = 0
        self._rooms = rooms
        self._forwarders = rooms.forwarders
        self._monotonic = monotonic
        self._started: dict[int, float] = {}

    def start(
        self,
        media: MediaSettings,
        count: int,
        certificate: Certificate,
        addresses: list[str],
        timeouts: Timeouts,
    ) -> None:
        """Raises OSError when a port cannot be had; `stop` is still to be called then."""
        self._make: Callable[[int, int], Forwarder] = lambda index, port: Forwarder(
            start_worker(media, index, port),
            certificate,
            addresses,
            timeouts,
            takes_tcp=media.tcp,
            relay_queue=media.relay_queue,
            remembered_paths=media.remembered_paths,
        )
        for index in range(count):
            self._forwarders.append(self._make(index, 0))
            self._attend(index)

    def stop(self) -> None:
        """Stops all of them; idempotent."""
        for forwarder in self._forwarders:
            asyncio.get_running_loop().remove_reader(forwarder.worker.fileno)
            forwarder.stop()
        self._forwarders.clear()

    def tick(self, now: float) -> None:
        """What is due by time alone."""
        for index, forwarder in enumerate(self._forwarders):
            # What has come while the loop was held up is not overdue.
            forwarder.read(now)
            try:
                forwarder.tick(now)
            except Exception:
                # A fault of ours about one worker is not to stop the clock for the others.
                log.exception("worker not advanced", port=forwarder.worker.port, bounded=True)
            if forwarder.fault is not None:
                self._replace(index, now)

    def _attend(self, index: int) -> None:
        fileno = self._forwarders[index].worker.fileno
        asyncio.get_running_loop().add_reader(fileno, self._read, index)

    def _read(self, index: int) -> None:
        forwarder, now = self._forwarders[index], self._monotonic()
        forwarder.read(now)
        if forwarder.fault is not None:
            self._replace(index, now)

    def _replace(self, index: int, now: float) -> None:
        if now - self._started.get(index, -math.inf) < AGAIN:
            return
        self._started[index] = now
        lost = self._forwarders[index]
        asyncio.get_running_loop().remove_reader(lost.worker.fileno)
        if not lost.hangs:
            lost.stop()
        try:
            fresh = self._make(index, lost.worker.port)
        except OSError as error:
            log.error("worker not restarted", port=lost.worker.port, error=str(error))
        else:
            self.restarts += 1
            self._forwarders[index] = fresh
            self._attend(index)
            log.warning("worker restarted", port=fresh.worker.port)
        try:
            self._rooms.leave(lost, now)
        except Refusal:
            log.error("no packet worker is running", bounded=True)
