"""Credentials, rate, size; and errors that are always problems."""

import hmac
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sfu.config import load
from sfu.errors import CODES
from sfu.server import Server
from sfu.signaling.rest.gate import REQUESTS_AT_ONCE, REQUESTS_PER_SECOND, Tenants
from tests.signaling.rest.backend import OTHER_SECRET, SECRET, Backend, serving

RIGHT = f"Bearer acme:{SECRET}"


@pytest.mark.parametrize(
    "credentials",
    [
        "",
        "Bearer",
        "Bearer acme",
        "Bearer acme:",
        f"Bearer acme:{OTHER_SECRET}",
        f"Bearer globex:{SECRET}",
        f"Bearer :{SECRET}",
        f"Basic acme:{SECRET}",
        f"Bearer acme:{SECRET}x",
        "Bearer acme:ü",
    ],
)
async def test_wrong_credentials(backend: Backend, credentials: str) -> None:
    for method, path in (("GET", "/v1/rooms"), ("POST", "/v1/rooms"), ("GET", "/v1/usage")):
        answer = await backend.http.request(
            method,
            path,
            content=b"{",  # not looked at before the credentials are
            headers={
                b"Authorization": credentials.encode("latin-1"),
                b"Content-Type": b"application/json",
            },
        )
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "unauthorized"


async def test_the_scheme_is_of_any_case(backend: Backend) -> None:
    await backend.ask("GET", "/v1/rooms", Authorization=RIGHT.replace("Bearer", "bearer"))


def test_every_secret_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(
        None,
        {"SFU_TENANTS__ACME__SECRET": SECRET, "SFU_TENANTS__GLOBEX__SECRET": OTHER_SECRET},
    )
    tenants = Tenants(settings.tenants)
    compared: list[int] = []
    compare = hmac.compare_digest

    def counted(one: bytes, other: bytes) -> bool:
        compared.append(len(one))
        return compare(one, other)

    monkeypatch.setattr("sfu.signaling.rest.gate.hmac.compare_digest", counted)
    for header in (b"Bearer acme:" + SECRET.encode(), b"Bearer x", b"", b"Bearer " + b"y" * 999):
        compared.clear()
        tenants.authenticate(header)
        # Digests: the same length and number of comparisons whatever is sent.
        assert compared == [32, 32]


def test_one_tenant_does_not_use_up_what_is_anothers() -> None:
    tenants = Tenants({})
    allowed = sum(tenants.allow("acme", 0.0) == 0 for _ in range(int(REQUESTS_AT_ONCE) + 10))
    assert allowed == REQUESTS_AT_ONCE
    assert tenants.allow("globex", 0.0) == 0
    wait = tenants.allow("acme", 0.0)
    assert 0 < wait <= 1 / REQUESTS_PER_SECOND
    assert tenants.allow("acme", wait * 1.01) == 0


async def test_too_many_requests(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tenants, "allow", lambda *_: 0.3)
    answer = await backend.http.get("/v1/rooms")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.json()["code"] == "rate_limited"


@pytest.mark.parametrize("chunked", [False, True])
async def test_large_bodies(backend: Backend, chunked: bool) -> None:
    size = backend.server.settings.limits.frame_bytes + 1

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(size // 1024 + 1):
            yield b" " * 1024

    answer = await backend.http.post(
        "/v1/rooms",
        content=chunks() if chunked else b" " * size,
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_unknown_paths_and_methods(backend: Backend) -> None:
    assert (await backend.ask("GET", "/v1/nothing", 404))["code"] == "not_found"
    assert (await backend.ask("POST", "/v1/rooms/x/recordings", 404))["code"] == "not_found"
    answer = await backend.http.put("/v1/rooms/hall")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "DELETE, GET, PATCH"


async def test_a_fault_is_a_problem_and_says_nothing(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sfu.signaling.rest.rooms.room_view", lambda *_: 1 / 0)
    await backend.ask("POST", "/v1/rooms", 500, {"room": "hall"})
    problem = await backend.ask("GET", "/v1/rooms", 500)
    assert problem["code"] == "internal"
    assert "division" not in str(problem)


async def test_before_the_server_runs() -> None:
    server = Server(load(None, {"SFU_TENANTS__ACME__SECRET": SECRET}))
    backend = Backend(server, "acme", SECRET)
    assert (await backend.ask("GET", "/v1/usage", 503))["code"] == "overloaded"


async def test_a_store_that_fails_is_told(tmp_path: Path) -> None:
    async with serving(tmp_path / "sfu.sqlite") as backend:
        await backend.journal.store.close()
        assert (await backend.ask("POST", "/v1/rooms", 503, {}))["code"] == "overloaded"
        assert (await backend.ask("GET", "/v1/usage", 503))["code"] == "overloaded"


def test_statuses_are_those_of_errors() -> None:
    assert all(400 <= status < 600 for status, _ in CODES.values())
