"""What stands before every REST call: credentials, rate, size. Nothing is read before these."""

import hashlib
import hmac
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import structlog
from fastapi import Depends, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from sfu.clock import Clock
from sfu.config import Settings
from sfu.config.schema import TenantSettings
from sfu.errors import Refusal, SfuError
from sfu.journal import Journal
from sfu.live_room import LiveRoom
from sfu.rooms import Rooms
from sfu.signaling.rest.problems import problem
from sfu.store.records import Idempotent

REQUESTS_PER_SECOND: Final = 500.0
"""Of one tenant, lastingly."""
REQUESTS_AT_ONCE: Final = 1000.0

log = structlog.get_logger()


class Tenants:
    """Who may call, and how often."""

    def __init__(self, tenants: Mapping[str, TenantSettings]) -> None:
        self._digests = [
            (name, _digest(f"{name}:{tenant.secret.get_secret_value()}".encode()))
            for name, tenant in tenants.items()
        ]
        self._buckets: dict[str, tuple[float, float]] = {}

    def authenticate(self, authorization: bytes) -> str | None:
        """The tenant of a header `Bearer <tenant>:<secret>`; None for any other one.

        Takes the same time whatever is wrong with it.
        """
        scheme, _, credentials = authorization.partition(b" ")
        given = _digest(credentials.strip())
        found = None
        for name, digest in self._digests:
            if hmac.compare_digest(given, digest):
                found = name
        return found if scheme.lower() == b"bearer" else None

    def allow(self, tenant: str, now: float) -> float:
        """0 when one more request may be made now, else the seconds to wait."""
        left, at = self._buckets.get(tenant, (REQUESTS_AT_ONCE, now))
        left = min(REQUESTS_AT_ONCE, left + (now - at) * REQUESTS_PER_SECOND)
        if left < 1:
            self._buckets[tenant] = (left, now)
            return (1 - left) / REQUESTS_PER_SECOND
        self._buckets[tenant] = (left - 1, now)
        return 0.0


def _digest(credentials: bytes) -> bytes:
    return hashlib.sha256(credentials).digest()


class Rest:
    """What the routes need of the server."""

    def __init__(
        self,
        settings: Settings,
        rooms: Rooms,
        journal: Callable[[], Journal | None],
        *,
        dev: bool,
    ) -> None:
        self.dev = dev
        self.rooms = rooms
        self.configure(settings)
        self.find_journal = journal
        self.unkept: dict[tuple[str, str], Idempotent] = {}
        """Answers to requests with an Idempotency-Key that the store has yet to take, by tenant
        and key."""

    def configure(self, settings: Settings) -> None:
        """From now on these tenants may call, and these defaults count."""
        self.settings = settings
        self.tenants = Tenants(settings.tenants)

    @property
    def clock(self) -> Clock:
        """The server's."""
        return self.rooms.clock


@dataclass(frozen=True, slots=True)
class Caller:
    """Who has sent a request, and what they may reach."""

    tenant: str
    rest: Rest

    @property
    def rooms(self) -> Rooms:
        """All rooms; only those of `tenant` are the caller's."""
        return self.rest.rooms

    @property
    def journal(self) -> Journal:
        """Raises Refusal while the server is not running."""
        journal = self.rest.find_journal()
        if journal is None:
            raise Refusal("overloaded", "the server is not running")
        return journal

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self.rest.clock.wall()

    def live(self, room: str) -> LiveRoom:
        """Raises Refusal unless the tenant has this room: those of others are not there.

        And while the server is not running: nobody would keep what the room does.
        """
        _ = self.journal
        live = self.rooms.find(self.tenant, room)
        if live is None:
            raise Refusal("room_not_found", "there is no such room")
        return live


class BoundedRequest(Request):
    """A request whose body is read up to a limit and no further."""

    limit = 0

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            length = self.headers.get("content-length", "")
            if length.isdecimal() and int(length[:20]) > self.limit:
                raise self._too_large()
            body = bytearray()
            async for chunk in self.stream():
                body += chunk
                if len(body) > self.limit:
                    raise self._too_large()
            self._body = bytes(body)
        return self._body

    def _too_large(self) -> HTTPException:
        # The framework takes every other exception for a body that cannot be parsed.
        return HTTPException(413, f"a request has {self.limit} bytes at most")


class Guarded(APIRoute):
    """A route that knows its caller before it looks at anything else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            rest: Rest = request.app.state.rest
            authorization = request.headers.get("authorization", "").encode("latin-1")
            tenant = rest.tenants.authenticate(authorization)
            if tenant is None:
                return problem("unauthorized", "the credentials are missing or wrong")
            wait = rest.tenants.allow(tenant, rest.clock.monotonic())
            if wait:
                return _too_many(wait)
            request.state.caller = Caller(tenant, rest)
            bounded = BoundedRequest(request.scope, request.receive)
            bounded.limit = rest.settings.limits.frame_bytes
            try:
                return await handle(bounded)
            except (SfuError, RequestValidationError, HTTPException, ClientDisconnect):
                raise
            except Exception:
                log.exception("request failed", path=self.path, bounded=True)
                return problem("internal", "a fault of the server; it is logged")

        return guarded


def _too_many(wait: float) -> Response:
    seconds = max(1, round(wait + 0.5))
    return problem(
        "rate_limited",
        "too many requests",
        {"Retry-After": str(seconds)},
        retry_after=seconds,
    )


_BEARER = HTTPBearer(auto_error=False, scheme_name="tenant", description="`<tenant>:<secret>`")


def _caller(
    request: Request,
    _: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
) -> Caller:
    caller: Caller = request.state.caller
    return caller


Calling = Annotated[Caller, Depends(_caller)]
"""The parameter of a route that gives its caller."""
