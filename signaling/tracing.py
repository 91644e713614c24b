"""One id for each request and each socket: in every line of the log, in answers, in errors.

A caller's own is taken, so that a trace goes on through this server: the trace
id of `traceparent` (W3C Trace Context §3.2.2), else `X-Request-Id`, if they are
well-formed. Whatever is logged in the same context carries it as `trace`.
"""

import re
import secrets
import time
from collections.abc import Iterable
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER: Final = "X-Request-Id"

log = structlog.get_logger()


def current() -> str | None:
    """The id of the request or socket that this is done for; None outside of any."""
    trace: str | None = structlog.contextvars.get_contextvars().get("trace")
    return trace


def trace_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The caller's id, or a new one; `headers` are as in ASGI, names in lower case."""
    given = {name: value for name, value in headers if name in _NAMES}
    if found := _TRACEPARENT.fullmatch(given.get(b"traceparent", b"")):
        return found[1].decode()
    if _REQUEST_ID.fullmatch(id := given.get(b"x-request-id", b"")):
        return id.decode()
    return secrets.token_hex(16)


class Tracing:
    """The ASGI middleware, outside of all others."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        trace = trace_of(scope["headers"])
        begun = time.perf_counter()

        async def answer(message: Message) -> None:
            if message["type"] in _HEADS:
                head = (HEADER.lower().encode(), trace.encode())
                message = {**message, "headers": [*message.get("headers", ()), head]}
            await send(message)
            if message["type"] == "http.response.start":
                took = round(1000 * (time.perf_counter() - begun), 1)
                status = message["status"]
                path, method = scope["path"], scope["method"]
                log.debug("request", method=method, path=path, status=status, ms=took)

        with structlog.contextvars.bound_contextvars(trace=trace):
            await self._app(scope, receive, answer)


_NAMES = (b"traceparent", b"x-request-id")
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-.{2,}")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")
_HEADS = ("http.response.start", "websocket.accept")
