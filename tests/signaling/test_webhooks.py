"""Webhooks against a backend on loopback, from an outbox in a file."""

import asyncio
import contextlib
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from sfu.clock import Clock
from sfu.config.schema import TenantSettings
from sfu.signaling import webhooks
from sfu.signaling.webhooks import Endpoint, Webhooks, endpoints, pause, signature
from sfu.store import Store, StoreError, make_store
from sfu.store.records import Undelivered
from sfu.store.writes import Enqueue, Write
from tests.waiting import until

NOW = 1_700_000_000.0


@dataclass
class Request:
    head: str
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        parsed: dict[str, object] = json.loads(self.body)
        return parsed

    def header(self, name: str) -> str | None:
        for line in self.head.split("\r\n"):
            if line.lower().startswith(name.lower() + ": "):
                return line.split(": ", 1)[1]
        return None


@dataclass
class Backend:
    """Takes whatever is posted; `answer` gives the status, or None to hang up."""

    answer: Callable[[Request], int | None] = lambda _: 204
    requests: list[Request] = field(default_factory=list)
    url: str = ""
    headers: str = ""
    busy: int = 0
    most: int = 0
    hold: asyncio.Event | None = None
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?key=s3cr3t"
        return server

    async def close(self, server: asyncio.Server) -> None:
        server.close()
        for writer in self.writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def numbers(self) -> list[object]:
        return [request.json["number"] for request in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(Request(head, b"").header("content-length") or 0)
                request = Request(head, await reader.readexactly(length))
                self.requests.append(request)
                self.busy += 1
                self.most = max(self.most, self.busy)
                if self.hold is not None:
                    await self.hold.wait()
                self.busy -= 1
                status = self.answer(request)
                if status is None:
                    break
                answer = f"HTTP/1.1 {status} X\r\n{self.headers}Content-Length: 0\r\n\r\n"
                writer.write(answer.encode())
        writer.close()


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    backend = Backend()
    server = await backend.listen()
    yield backend
    await backend.close(server)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = make_store(tmp_path / "sfu.sqlite", "")
    await store.open()
    yield store
    await store.close()


@dataclass
class Hands:
    """Of a clock: time that passes is added to `now`, and it is set by adding to `step`."""

    now: float = NOW
    step: float = 0.0

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now, wall=lambda: self.now + self.step)


@contextlib.asynccontextmanager
async def delivering(
    store: Store, *tenants: tuple[str, str], hands: Hands | None = None
) -> AsyncIterator[Webhooks]:
    posts = {name: Endpoint(url, b"key") for name, url in tenants}
    delivery = Webhooks(store, posts, (hands or Hands()).clock)
    task = asyncio.create_task(delivery.run())
    yield delivery
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await delivery.close(0.5)


async def until_empty(store: Store) -> None:
    async with asyncio.timeout(10):
        while await store.outbox_due(NOW * 2, 10):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def hook(number: int, room: str = "a", tenant: str = "acme", at: float = NOW) -> Enqueue:
    return Enqueue(tenant, room, f"h{number}", "room.started", at, {"number": number})


async def test_a_webhook_is_signed_and_says_what_happened(store: Store, backend: Backend) -> None:
    await store.commit([hook(1)])
    async with delivering(store, ("acme", backend.url)) as delivery:
        await until_empty(store)
        assert delivery.counts["delivered"] == 1
    (request,) = backend.requests
    assert request.head.startswith("POST /hook?key=s3cr3t HTTP/1.1")
    assert request.header("content-type") == "application/json"
    assert request.json == {
        "id": "h1",
        "event": "room.started",
        "at": "2023-11-14T22:13:20.000Z",
        "room": "a",
        "number": 1,
    }
    signed = f"{NOW:.0f}.".encode() + request.body
    expected = hmac.new(b"key", signed, hashlib.sha256).hexdigest()
    assert request.header("sfu-signature") == f"t={NOW:.0f},v1={expected}"


def test_the_signature_is_hmac_of_time_and_body() -> None:
    # openssl: printf '5.{}' | openssl dgst -sha256 -hmac key
    digest = hmac.new(b"key", b"5.{}", hashlib.sha256).hexdigest()
    assert signature(b"key", 5, b"{}") == f"t=5,v1={digest}"
    assert signature(b"key", 5, b"{}") != signature(b"key", 6, b"{}")


def test_the_key_is_the_webhook_secret_or_else_the_secret() -> None:
    url = "http://127.0.0.1/x"
    tenants = {
        "none": TenantSettings.model_validate({"secret": "s"}),
        "one": TenantSettings.model_validate({"secret": "s", "webhook_url": url}),
        "two": TenantSettings.model_validate(
            {"secret": "s", "webhook_url": url, "webhook_secret": "w"}
        ),
    }
    made = endpoints(tenants)
    assert {name: each.key for name, each in made.items()} == {"one": b"s", "two": b"w"}
    assert "127" not in repr(made)
    assert "b's'" not in repr(made)


def test_pauses_double_from_within_five_seconds_to_ten_minutes() -> None:
    assert [pause(attempts, 0.5) for attempts in (1, 2, 3)] == [2, 4, 8]
    assert pause(1, 1.0) < 5
    assert pause(1, 0.0) > 1
    assert pause(40, 0.5) == 600
    assert pause(10_000, 1.0) < 1000


async def test_webhooks_of_a_room_arrive_in_order(store: Store, backend: Backend) -> None:
    await store.commit([hook(number) for number in range(200)])
    async with delivering(store, ("acme", backend.url)) as delivery:
        await until_empty(store)
        await store.commit([hook(200)])
        delivery.wake()
        await until_empty(store)
    assert backend.numbers() == list(range(201))
    assert backend.most == 1


@pytest.mark.parametrize("failure", [500, 404, 301, None])
async def test_a_failure_holds_back_its_room_alone_and_is_tried_again(
    store: Store, backend: Backend, failure: int | None
) -> None:
    backend.answer = lambda request: failure if request.json["room"] == "a" else 200
    backend.headers = f"Location: {backend.url}\r\n"
    await store.commit([hook(1), hook(2), hook(3, "b"), hook(4, "b")])
    hands = Hands()
    async with delivering(store, ("acme", backend.url), hands=hands) as delivery:
        await until(lambda: delivery.counts["delivered"] == 2)
        await until(lambda: delivery.counts["failed"] == 1)
        await asyncio.sleep(0.05)
        assert sorted(map(str, backend.numbers())) == ["1", "3", "4"]
        first = backend.requests[0]
        backend.answer = lambda request: 200
        backend.requests.clear()
        hands.now += 5
        delivery.wake()
        await until_empty(store)
    assert backend.numbers() == [1, 2]
    assert backend.requests[0].json["id"] == "h1"
    assert first.header("sfu-signature") != backend.requests[0].header("sfu-signature")


async def test_retries_come_later_and_later_until_a_day_has_passed(
    store: Store, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "POLL", 0.005)
    monkeypatch.setattr(webhooks, "LONGEST_PAUSE", 6000.0)
    backend.answer = lambda _: 503
    hands = Hands()
    tries: list[float] = []
    await store.commit([hook(1), hook(2, at=NOW + 80_000)])
    async with delivering(store, ("acme", backend.url), hands=hands) as delivery:
        while not delivery.counts["given_up"]:
            count = len(backend.requests)
            async with asyncio.timeout(5):
                while len(backend.requests) == count:
                    if not await store.outbox_due(hands.now, 1):
                        hands.now += 1 if hands.now < NOW + 1000 else 300
                    await asyncio.sleep(0)
            tries.append(hands.now - NOW)
            await until(lambda: delivery.counts["failed"] == len(backend.requests))
            await asyncio.sleep(0.02)
        await until(lambda: len(backend.requests) > len(tries))
    gaps = [later - earlier for earlier, later in pairwise(tries)]
    assert gaps[0] <= 5
    assert all(gap <= 8000 for gap in gaps)
    assert 86_400 <= tries[-1] <= 86_400 + 8000
    assert set(backend.numbers()[:-1]) == {1}
    assert backend.numbers()[-1] == 2


async def test_a_slow_tenant_does_not_hold_up_another(store: Store, backend: Backend) -> None:
    slow = Backend(hold=asyncio.Event())
    server = await slow.listen()
    await store.commit([hook(number, f"r{number}", "slow") for number in range(100)])
    await store.commit([hook(1), hook(2)])
    async with delivering(store, ("slow", slow.url), ("acme", backend.url)) as delivery:
        await until(lambda: len(backend.requests) == 2)
        assert slow.most == webhooks.LANES_PER_TENANT
        assert slow.hold is not None
        slow.hold.set()
        delivery.wake()
        await until_empty(store)
    assert sorted(map(str, slow.numbers())) == sorted(map(str, range(100)))
    assert slow.most == webhooks.LANES_PER_TENANT
    await slow.close(server)


async def test_nobody_waits_for_an_answer_for_ever(
    store: Store, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "TIMEOUT", 0.1)
    backend.hold = asyncio.Event()
    await store.commit([hook(1)])
    async with delivering(store, ("acme", backend.url)) as delivery:
        await until(lambda: delivery.counts["failed"] == 1)


async def test_nobody_there_is_a_failure_and_no_secret_is_logged(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    await store.commit([hook(1)])
    async with delivering(store, ("acme", "http://127.0.0.1:9/hook?key=s3cr3t")) as delivery:
        await until(lambda: delivery.counts["failed"] == 1)
    told = "".join(capsys.readouterr())
    assert "ConnectError" in told
    assert "s3cr3t" not in told


async def test_what_is_for_nobody_is_dropped(store: Store, backend: Backend) -> None:
    await store.commit([hook(1, tenant="gone"), hook(2)])
    async with delivering(store, ("acme", backend.url)) as delivery:
        await until_empty(store)
        assert delivery.counts == {"delivered": 1, "failed": 0, "given_up": 0, "dropped": 1}


async def test_no_cookie_goes_from_one_delivery_into_another(
    store: Store, backend: Backend
) -> None:
    backend.headers = "Set-Cookie: a=b\r\n"
    await store.commit([hook(1), hook(2)])
    async with delivering(store, ("acme", backend.url)):
        await until_empty(store)
    assert [request.header("cookie") for request in backend.requests] == [None, None]


async def test_what_is_undelivered_survives_and_comes_after_a_restart(
    tmp_path: Path, backend: Backend
) -> None:
    store = make_store(tmp_path / "again.sqlite", "")
    await store.open()
    backend.hold = asyncio.Event()
    await store.commit([hook(1), hook(2)])
    async with delivering(store, ("acme", backend.url)):
        await until(lambda: len(backend.requests) == 1)
    await store.close()
    backend.hold = None
    store = make_store(tmp_path / "again.sqlite", "")
    await store.open()
    async with delivering(store, ("acme", backend.url)):
        await until_empty(store)
    await store.close()
    assert [request.json["id"] for request in backend.requests] == ["h1", "h1", "h2"]


async def test_a_store_that_fails_for_a_while_loses_nothing(
    store: Store, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "POLL", 0.02)
    submit, failures = store.submit, iter([True, True])

    def failing(writes: Sequence[Write]) -> asyncio.Future[None]:
        if next(failures, False):
            raise StoreError("the disk is full")
        return submit(writes)

    await store.commit([hook(1), hook(2)])
    monkeypatch.setattr(store, "submit", failing)
    async with delivering(store, ("acme", backend.url)):
        await until_empty(store)
    assert backend.numbers() == [1, 1, 1, 2]


async def test_a_fault_in_one_room_is_logged_and_stays_there(
    store: Store,
    backend: Backend,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(webhooks, "POLL", 0.02)
    outbox, faults = store.outbox, iter([True])

    async def faulty(tenant: str, room: str, limit: int) -> list[Undelivered]:
        if next(faults, False):
            raise ZeroDivisionError
        return await outbox(tenant, room, limit)

    monkeypatch.setattr(store, "outbox", faulty)
    await store.commit([hook(1), hook(2, "b")])
    async with delivering(store, ("acme", backend.url)):
        await until_empty(store)
    assert sorted(map(str, backend.numbers())) == ["1", "2"]
    assert "ZeroDivisionError" in "".join(capsys.readouterr())
