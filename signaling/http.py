"""The HTTP application: health, metrics, the page, and the signaling socket."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from fastapi import FastAPI, WebSocket
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from sfu.signaling.websocket import Sockets

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; connect-src 'self' ws: wss:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)


class Health(Protocol):
    """Who knows whether this server takes participants."""

    def unready(self) -> str | None:
        """Why it does not, None when it does."""


class Page(StaticFiles):
    """The page's files, always asked for anew: they change with the server."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def make_app(
    health: Health, sockets: Sockets, metrics: Callable[[], bytes], *, page: bool
) -> FastAPI:
    """The application, to be served or mounted; `page` adds the demo page."""
    app = FastAPI(title="Open SFU", openapi_url="/v1/openapi.json", docs_url=None, redoc_url=None)

    @app.get("/healthz", summary="Alive")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", summary="Ready to take participants")
    async def readyz() -> JSONResponse:
        reason = health.unready()
        if reason is not None:
            return JSONResponse({"status": "unready", "reason": reason}, status_code=503)
        return JSONResponse({"status": "ready"})

    @app.get("/metrics", summary="Prometheus metrics", response_class=Response)
    async def prometheus() -> Response:
        return Response(metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.websocket("/v1/signal")
    async def signal(socket: WebSocket) -> None:
        await sockets.serve(socket)

    if page:
        _add_page(app, Path(str(files("sfu.signaling") / "static")))
    return app


def _add_page(app: FastAPI, folder: Path) -> None:
    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def index() -> FileResponse:
        return FileResponse(
            folder / "index.html",
            headers={
                "Content-Security-Policy": PAGE_POLICY,
                "Cache-Control": "no-cache",
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
            },
        )

    app.mount("/static", Page(directory=folder), name="static")
