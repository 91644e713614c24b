"""Which pages' scripts may talk to this server: the `Origin` of sockets, CORS of REST.

No cookie and no address gives anybody a right here: tokens, passwords and
secrets travel in messages and in `Authorization`. So any page may connect by
default, as embedding needs it; `[server] allowed_origins` narrows that where
open rooms must not be reached from foreign pages.
"""

import re
from collections.abc import Callable, Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE")
_FLAGS = re.IGNORECASE | re.ASCII
EXPOSED = ("Accept-Post", "ETag", "Link", "Location", "Retry-After", "X-Request-Id")


class Origins:
    """Compiled `allowed_origins`: "*", "https://example.com", "https://*.example.com"."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._any = "*" in allowed
        self._allowed = [re.compile(_pattern(each), _FLAGS) for each in allowed]

    def allow(self, origin: str | None, host: str) -> bool:
        """Whether a page of this origin may; `host` is the request's own `Host`.

        Programs that are no browsers send no origin (RFC 6454 §7.3), and may always.
        """
        if origin is None or self._any:
            return True
        _, _, authority = origin.partition("://")
        if host and authority.lower() == host.lower():
            return True
        return any(pattern.fullmatch(origin) for pattern in self._allowed)


class CrossOrigin(CORSMiddleware):
    """CORS for REST, by the origins that count at the moment of a request."""

    def __init__(self, app: ASGIApp, *, origins: Callable[[], Origins]) -> None:
        super().__init__(
            app, allow_methods=METHODS, allow_headers=("*",), expose_headers=EXPOSED, max_age=3600
        )
        self._origins = origins

    def is_allowed_origin(self, origin: str) -> bool:
        """See `CORSMiddleware`. A request to the page's own host needs no leave of ours."""
        return self._origins().allow(origin, "")


def _pattern(allowed: str) -> str:
    scheme, _, authority = allowed.partition("://")
    if authority.startswith("*."):
        return rf"{re.escape(scheme)}://[a-z0-9.-]+{re.escape(authority[1:])}"
    return re.escape(allowed)
