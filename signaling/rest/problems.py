"""Errors as problem documents (RFC 9457), with the codes of `sfu.errors.CODES`."""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from sfu.errors import CODES, Refusal
from sfu.signaling import tracing
from sfu.store import StoreError

log = structlog.get_logger()

MEDIA_TYPE: Final = "application/problem+json"


class Problem(BaseModel):
    """What went wrong: `code` is stable and for programs, `detail` is for people."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    type: str = "about:blank"
    title: str
    """The name of the status."""
    status: int = Field(ge=400, le=599)
    detail: str
    code: str = Field(json_schema_extra={"enum": [*sorted(CODES)]})
    path: str | None = Field(default=None, exclude_if=lambda path: path is None)
    """The field that is to blame, such as `limits.attendees`."""
    trace: str | None = Field(default=None, exclude_if=lambda trace: trace is None)
    """The request's id, as in `X-Request-Id` and in the server's log."""


class ProblemResponse(JSONResponse):
    """A problem document."""

    media_type = MEDIA_TYPE


def problem(
    code: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> ProblemResponse:
    """The response for a code, with further members of the document."""
    status = CODES[code][0]
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    if (trace := tracing.current()) is not None:
        document["trace"] = trace
    headers = dict(headers or {})
    if status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", "Bearer")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers.setdefault("Retry-After", "1")
    return ProblemResponse(document, status, headers)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI: these statuses, and those that every request may get, are problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in sorted({401, 413, 422, 429, 500, 503, *statuses})
    }


def add_handlers(app: FastAPI) -> None:
    """Makes a problem of everything that goes wrong in the application."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(StoreError, _store)


async def _refused(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, Refusal)
    wait = error.details.get("retry_after")
    headers = {"Retry-After": str(math.ceil(wait))} if isinstance(wait, float) else None
    return problem(error.code, error.message, headers, **error.details)


async def _invalid(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)
    errors = [{"path": _path(each["loc"]), "message": each["msg"]} for each in error.errors()] or [
        {"path": "", "message": "the request is not valid"}
    ]
    first = errors[0]
    detail = f"{first['path']}: {first['message']}" if first["path"] else first["message"]
    return problem("bad_request", detail, path=first["path"], errors=errors)


async def _http(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)
    headers = error.headers
    match error.status_code:
        case 404:
            return problem("not_found", "there is nothing at this path")
        case 405:
            allow = {"Allow": ", ".join(sorted(_methods(request)))}
            return problem("method_not_allowed", "this path does not take this method", allow)
        case 413:
            return problem("too_large", str(error.detail))
        case 400:  # a body that cannot be read as JSON at all
            return problem("bad_request", str(error.detail), path="")
    return problem("internal", str(error.detail), headers)


def _methods(request: Request) -> set[str]:
    """What this path takes: each method has a route of its own."""
    found: set[str] = set()
    for route in request.app.state.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return found


async def _store(request: Request, error: Exception) -> ProblemResponse:
    return problem("overloaded", "what was asked for could not be kept")


def _path(location: tuple[int | str, ...]) -> str:
    """The field as people write it: where it was found (body, query …) is left out."""
    return ".".join(str(part) for part in location[1:] if not isinstance(part, int) or part < 1000)
