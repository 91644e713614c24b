"""/v1/rooms/{room}/tokens: join tokens, minted and revoked."""

import math
import uuid

from fastapi import APIRouter, Response

from sfu.commands import Leave
from sfu.errors import Refusal
from sfu.participant import Role
from sfu.signaling.rest import bodies
from sfu.signaling.rest.gate import Calling, Guarded
from sfu.signaling.rest.problems import responses
from sfu.signaling.rest.views import TokenView
from sfu.signaling.tokens import mint
from sfu.store.records import rfc3339
from sfu.track import Source

router = APIRouter(prefix="/v1/rooms/{room}/tokens", route_class=Guarded, tags=["tokens"])


@router.post(
    "",
    status_code=201,
    response_model=TokenView,
    summary="Mint a join token",
    responses=responses(404),
)
async def mint_token(room: str, body: bodies.MintToken, caller: Calling) -> TokenView:
    """For one person and this room. Backends may as well sign tokens themselves."""
    live = caller.live(room)
    jti = uuid.uuid4().hex
    ttl = float(body.ttl)
    now = caller.now
    try:
        token = mint(
            caller.rest.settings.tenants[caller.tenant].secret,
            tenant=caller.tenant,
            room=live.room.id,
            identity=body.identity,
            role=Role(body.role),
            name=body.name,
            now=now,
            ttl=ttl,
            jti=jti,
            metadata=body.metadata,
            can=None if body.can is None else map(Source, body.can),
        )
    except ValueError as error:
        field, _, message = str(error).partition(": ")
        raise Refusal("bad_request", message, path=field) from None
    return TokenView(token=token, jti=jti, expires_at=rfc3339(math.ceil(now + ttl)))


@router.delete(
    "/{jti}",
    status_code=204,
    response_class=Response,
    summary="Revoke a join token",
    responses=responses(404),
)
async def revoke_token(room: str, jti: str, caller: Calling) -> None:
    """Whoever came with it is disconnected, and it lets nobody in any more."""
    caller.live(room)
    with caller.journal.together():
        caller.journal.revoke(caller.tenant, jti)
        for live in caller.rooms.of(caller.tenant):
            people = [*live.room.participants.values(), *live.room.waiting.values()]
            for id in [each.id for each in people if each.jti == jti]:
                live.execute(Leave(id, "token_revoked"), None)
    await caller.journal.durable()
