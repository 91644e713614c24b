"""The HTTP application: health, metrics, REST, pages, and the signaling socket."""

import json
from collections.abc import Callable, Collection
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI, WebSocket
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from sfu.signaling.origins import CrossOrigin
from sfu.signaling.preflight import Preflight
from sfu.signaling.rest import events, media, participants, rooms, tokens, usage, whip
from sfu.signaling.rest import preflight as checks
from sfu.signaling.rest.gate import Rest
from sfu.signaling.rest.http_sessions import HttpSessions
from sfu.signaling.rest.pages import add_pages
from sfu.signaling.rest.problems import Problem, add_handlers
from sfu.signaling.rest.views import HealthView
from sfu.signaling.tracing import Tracing
from sfu.signaling.websocket import Sockets

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; connect-src 'self' ws: wss:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)


PREFLIGHT = frozenset({"preflight-page.js", "preflight.css"})
"""What the page of the check before joining needs besides the client."""


class Health(Protocol):
    """Who knows whether this server takes participants."""

    def unready(self) -> str | None:
        """Why it does not, None when it does."""


class Scripts(StaticFiles):
    """Files for browsers, always asked for anew: they change with the server."""

    def __init__(self, directory: Path, only: Collection[str] | None) -> None:
        """`only` are those that may be had, as paths; None is all of them."""
        super().__init__(directory=directory)
        self._only = only

    async def get_response(self, path: str, scope: Scope) -> Response:
        if self._only is not None and path not in self._only:
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def make_app(
    health: Health, sockets: Sockets, metrics: Callable[[], bytes], rest: Rest, *, page: bool
) -> FastAPI:
    """The application, to be served or mounted; `page` adds the demo page.

    The browser client is served in any case: pages elsewhere load it from here.
    """
    app = Application(
        title="Open SFU",
        version="1",
        summary="REST for backends: rooms, join tokens, moderation, usage.",
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    app.state.rest = rest
    app.state.http_sessions = HttpSessions(sockets.admission, sockets.addresses, rest)
    app.state.preflight = Preflight(rest, sockets.admission, sockets.addresses, dev=page)
    add_handlers(app)
    app.add_middleware(CrossOrigin, origins=lambda: sockets.origins)
    app.add_middleware(Tracing)
    _add_health(app, health, metrics)
    routers = (
        rooms.router,
        events.router,
        participants.router,
        media.router,
        tokens.router,
        usage.router,
        whip.router,
        checks.router,
    )
    app.state.routes = [*app.routes, *(route for router in routers for route in router.routes)]
    for router in routers:
        app.include_router(router)
    add_pages(app)

    async def signal(scope: Scope, receive: Receive, send: Send) -> None:
        await sockets.serve(WebSocket(scope, receive, send))

    app.signal = Tracing(signal)
    folder = Path(str(files("sfu.signaling") / "static"))
    if page:
        _add_page(app, "/", folder / "index.html")
    _add_page(app, "/preflight", folder / "preflight.html")
    app.mount(
        "/static",
        Scripts(folder, None if page else client_files(folder) | PREFLIGHT),
        name="static",
    )
    return app


def client_files(folder: Path) -> frozenset[str]:
    """What package.json says to be the browser client, as paths."""
    package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    found = (path for each in package["files"] for path in folder.glob(each))
    return frozenset(path.relative_to(folder).as_posix() for path in found) | {"package.json"}


class Application(FastAPI):
    """With an OpenAPI document that describes problems, too, and a short way to the socket: in a
    storm of joins, all that routes and middlewares do for requests costs more than a socket."""

    signal: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] == "websocket" and _path(scope) == Sockets.PATH:
            await self.signal(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """See `FastAPI.openapi`."""
        if self.openapi_schema is None:
            document = super().openapi()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = Problem.model_json_schema(mode="serialization")
            self.openapi_schema = document
        return self.openapi_schema


def _path(scope: Scope) -> str:
    """Within this application, wherever it is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _add_health(app: FastAPI, health: Health, metrics: Callable[[], bytes]) -> None:
    unready = {503: {"description": "Starting, draining, or broken", "model": HealthView}}

    @app.get("/healthz", summary="Alive", tags=["health"], response_model=HealthView)
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @app.get(
        "/readyz",
        summary="Ready to take participants",
        tags=["health"],
        response_model=HealthView,
        responses=unready,  # type: ignore[arg-type]
    )
    async def readyz() -> JSONResponse:
        reason = health.unready()
        if reason is not None:
            return JSONResponse({"status": "unready", "reason": reason}, status_code=503)
        return JSONResponse({"status": "ready"})

    @app.get(
        "/metrics", summary="Prometheus metrics", tags=["health"], response_class=PlainTextResponse
    )
    async def prometheus() -> Response:
        return Response(metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _add_page(app: FastAPI, path: str, file: Path) -> None:
    @app.api_route(path, methods=["GET", "HEAD"], include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(
            file,
            headers={
                "Content-Security-Policy": PAGE_POLICY,
                "Cache-Control": "no-cache",
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
            },
        )
