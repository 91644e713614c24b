"""/v1/preflight: a client checks its way to this server before it joins.

`POST /v1/preflight` begins a session, `POST …/{id}/answer` takes the answer to its offer,
`GET …/{id}` says what the server sees of it, `DELETE …/{id}` ends it. See docs/preflight.md.
"""

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from sfu.config.budgets import CallType, call_types
from sfu.errors import Refusal
from sfu.signaling.preflight import Preflight
from sfu.signaling.rest.gate import BoundedRequest

Model = TypeVar("Model", bound=BaseModel)

router = APIRouter(prefix="/v1/preflight", include_in_schema=False)


class Begin(BaseModel):
    """`sdp` offers what is to come back; without it the way alone is looked for."""

    sdp: str | None = None


class Answer(BaseModel):
    """To the offer of `Begin`'s answer."""

    sdp: str


def _preflight(request: Request) -> Preflight:
    found: Preflight = request.app.state.preflight
    return found


Found = Annotated[Preflight, Depends(_preflight)]


@router.post("", status_code=201)
async def begin(request: Request, preflight: Found) -> dict[str, Any]:
    """A new session."""
    address = request.client.host if request.client else ""
    person = preflight.admit(address, _token(request))
    body = await _body(request, preflight, Begin)
    probe = preflight.begin(address, person)
    try:
        answer = None if body.sdp is None else probe.publish(body.sdp, preflight.now)
    except BaseException:
        preflight.end(probe)
        raise
    limits = preflight.settings.limits
    return {
        "session": probe.id,
        "offer": probe.offer,
        "answer": answer,
        "ice_servers": preflight.ice_servers(probe),
        "seconds": limits.preflight_timeout,
        "bitrate": limits.preflight_bitrate,
        "call_types": [_call_type(each) for each in call_types()],
    }


def _call_type(each: CallType) -> dict[str, Any]:
    return {
        "name": each.name,
        "download": each.download._asdict(),
        "upload": each.upload._asdict(),
    }


@router.post("/{session}/answer", status_code=204)
async def answer(session: str, request: Request, preflight: Found) -> None:
    """The client's answer."""
    probe = preflight.find(session)
    body = await _body(request, preflight, Answer)
    probe.answer(body.sdp, preflight.now)


@router.get("/{session}")
async def facts(session: str, preflight: Found) -> dict[str, Any]:
    """What the server sees of it."""
    return preflight.find(session).facts()


@router.delete("/{session}", status_code=204)
async def end(session: str, preflight: Found) -> Response:
    """It is over."""
    preflight.end(preflight.find(session))
    return Response(status_code=204)


def _token(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


async def _body(request: Request, preflight: Preflight, model: type[Model]) -> Model:
    bounded = BoundedRequest(request.scope, request.receive)
    bounded.limit = preflight.settings.limits.frame_bytes
    text = await bounded.body()
    try:
        found = model.model_validate(from_json(text or b"{}"), strict=True)
    except (ValidationError, ValueError) as error:
        raise Refusal("bad_request", "the body is not what this path takes") from error
    sdp = getattr(found, "sdp", None)
    if sdp is not None and len(sdp.encode()) > preflight.settings.limits.sdp_bytes:
        raise Refusal("too_large", "the description is larger than this server takes")
    return found
