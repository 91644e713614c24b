"""Webhooks: what happened in the rooms, posted to the backend of each tenant.

Whatever is to be delivered waits in the store's outbox, so it survives the
process. Each room is a lane: its webhooks arrive in order, and one that cannot
be delivered holds back the later ones of its room and no others. Delivery is
at least once: an answer that gets lost makes a second one, with the same `id`.

    Sfu-Signature: t=<unix time>,v1=<hex HMAC-SHA256 of "<t>.<body>">
"""

import asyncio
import hmac
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import Final

import httpx
import structlog

from sfu.clock import Clock, Steps
from sfu.config.schema import TenantSettings
from sfu.store import Store, StoreError
from sfu.store.records import DAY, Undelivered
from sfu.store.writes import Delivered, Retry, Write

FIRST_RETRY: Final = 2.0
LONGEST_PAUSE: Final = 600.0
GIVE_UP: Final = DAY
PATIENCE: Final = 3600.0
"""Seconds after the clock was set in which nothing is given up: it may be put right. Where it is
set again and again, that is for as long as GIVE_UP in all."""
POLL: Final = 1.0
TIMEOUT: Final = 10.0
LANES_PER_TENANT: Final = 8
POSTS: Final = 256
BATCH: Final = 64
ANSWER_BYTES: Final = 65_536

log = structlog.get_logger()

Lane = tuple[str, str]
"""Tenant and room."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a tenant's webhooks go, and the key that signs them; neither is shown in logs."""

    url: str = field(repr=False)
    key: bytes = field(repr=False)


def endpoints(tenants: Mapping[str, TenantSettings]) -> dict[str, Endpoint]:
    """Of the tenants that want webhooks."""
    return {
        name: Endpoint(
            str(tenant.webhook_url),
            (tenant.webhook_secret.get_secret_value() or tenant.secret.get_secret_value()).encode(),
        )
        for name, tenant in tenants.items()
        if tenant.webhook_url
    }


def signature(key: bytes, at: int, body: bytes) -> str:
    """The value of the header `Sfu-Signature`."""
    digest = hmac.digest(key, b"%d." % at + body, "sha256")
    return f"t={at},v1={digest.hex()}"


def pause(attempts: int, chance: float) -> float:
    """Seconds until the next attempt, after so many failed ones; `chance` from 0 to 1 keeps
    rooms from coming back all at once."""
    doubled: float = FIRST_RETRY * 2 ** min(attempts - 1, 20)
    return min(doubled, LONGEST_PAUSE) * (0.8 + 0.4 * chance)


class Webhooks:
    """Delivers what is in the outbox: `run` is a task, `close` ends it."""

    def __init__(self, store: Store, endpoints: Mapping[str, Endpoint], clock: Clock) -> None:
        self.endpoints = endpoints
        """By tenant; may be replaced, and what is for nobody any more is dropped."""
        self.counts: Counter[str] = Counter(delivered=0, failed=0, given_up=0, dropped=0)
        self._store = store
        self._clock = clock
        self._steps = Steps(clock)
        self._patient_since = self._patient_until = clock.monotonic()
        self._wake = asyncio.Event()
        self._lanes: dict[Lane, asyncio.Task[None]] = {}
        self._posts = asyncio.Semaphore(POSTS)
        self._client = httpx.AsyncClient(
            follow_redirects=False,
            trust_env=False,  # no proxy, and no password out of a ~/.netrc
            timeout=TIMEOUT,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
        )
        # One tenant's cookies are none of another one's business.
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def wake(self) -> None:
        """There is something new in the outbox."""
        self._wake.set()

    async def run(self) -> None:
        """Delivers until it is cancelled."""
        while not _cancelled():
            self._wake.clear()
            try:
                await self._start_due()
            except Exception:
                log.exception("webhooks failed", bounded=True)
            try:
                async with asyncio.timeout(POLL):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def close(self, patience: float = 2.0) -> None:
        """After `run` was cancelled: what is due is still tried, for `patience` seconds at most."""
        try:
            async with asyncio.timeout(patience):
                await self._start_due()
                while self._lanes and not _cancelled():
                    await asyncio.wait(self._lanes.values())
                    await self._start_due()
        except TimeoutError:
            pass
        lanes = list(self._lanes.values())
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
        await self._client.aclose()

    async def _start_due(self) -> None:
        try:
            # Enough of each tenant to find one that is not being served already.
            due = await self._store.outbox_due(self._now(), 4 * LANES_PER_TENANT, 2 * LONGEST_PAUSE)
        except StoreError as error:
            log.error("outbox cannot be read", error=str(error), bounded=True)
            return
        random.shuffle(due)
        served = Counter(tenant for tenant, _ in self._lanes)
        for lane in due:
            if lane not in self._lanes and served[lane[0]] < LANES_PER_TENANT:
                served[lane[0]] += 1
                task = asyncio.create_task(self._serve(lane), name="webhooks of a room")
                self._lanes[lane] = task
                task.add_done_callback(partial(self._served, lane))

    def _served(self, lane: Lane, task: asyncio.Task[None]) -> None:
        del self._lanes[lane]
        self._wake.set()

    async def _serve(self, lane: Lane) -> None:
        """Delivers a room's webhooks, up to the first one that fails."""
        try:
            kept = None
            for waiting in await self._store.outbox(*lane, BATCH):
                outcome = await self._try(waiting)
                if kept is not None:
                    await kept
                # The disk keeps this outcome while the next webhook is on its way.
                kept = self._store.submit([outcome])
                if isinstance(outcome, Retry) or _cancelled():
                    break
            if kept is not None:
                await kept
        except StoreError as error:
            log.error("outbox cannot be kept", error=str(error), bounded=True)
            await asyncio.sleep(POLL)
        except Exception:
            log.exception("webhooks failed", bounded=True)
            await asyncio.sleep(POLL)

    async def _try(self, waiting: Undelivered) -> Write:
        done = Delivered(waiting.tenant, waiting.room, waiting.position)
        endpoint = self.endpoints.get(waiting.tenant)
        if endpoint is None:
            self.counts["dropped"] += 1
            return done
        failure = await self._post(endpoint, waiting.body.encode())
        if failure is None:
            self.counts["delivered"] += 1
            return done
        self.counts["failed"] += 1
        now = self._now()
        attempts = waiting.attempts + 1
        told = {"tenant": waiting.tenant, "room": waiting.room, "id": waiting.id}
        if now - waiting.at >= GIVE_UP and self._clock.monotonic() >= self._patient_until:
            self.counts["given_up"] += 1
            log.error("webhook given up", failure=failure, bounded=True, **told)
            return done
        seconds = pause(attempts, random.random())
        log.warning(
            "webhook not delivered", failure=failure, retry_in=round(seconds), bounded=True, **told
        )
        return Retry(waiting.tenant, waiting.room, now + seconds, attempts)

    def _now(self) -> float:
        """The time of the store, after a look whether it was set."""
        if self._steps.take():
            now = self._clock.monotonic()
            if now >= self._patient_until + PATIENCE:
                self._patient_since = now
            self._patient_until = min(now, self._patient_since + GIVE_UP - PATIENCE) + PATIENCE
        return self._clock.wall()

    async def _post(self, endpoint: Endpoint, body: bytes) -> str | None:
        """None when the other side has taken it, else why not, without a word of the URL."""
        headers = {"Content-Type": "application/json", "User-Agent": "open-sfu"}
        status = None
        try:
            async with self._posts, asyncio.timeout(TIMEOUT):
                headers["Sfu-Signature"] = signature(endpoint.key, int(self._clock.wall()), body)
                async with self._client.stream(
                    "POST", endpoint.url, content=body, headers=headers
                ) as answer:
                    status = answer.status_code
                    await _read_out(answer)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            if status is None:
                return type(error).__name__
        return None if status is not None and 200 <= status < 300 else f"status {status}"


def _cancelled() -> bool:
    """Whether this task is to end, though the cancellation itself may have been swallowed: as by
    `asyncio.wait_for` before Python 3.12, when what it waits for is done in the same moment."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _read_out(answer: httpx.Response) -> None:
    """So that the connection can be used again; what is too long is not worth it."""
    size = 0
    async for part in answer.aiter_raw():
        size += len(part)
        if size > ANSWER_BYTES:
            return
