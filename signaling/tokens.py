"""Join tokens: JWT (RFC 7519), HS256, signed with the tenant's secret.

The backend mints them, the server checks them. Only HS256 is accepted, whatever
a token's header says (RFC 8725 §3.1), and a token without `exp` is refused.
Time is an argument: seconds since the epoch.
"""

import json
import math
import uuid
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import jwt
from jwt.types import Options
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from sfu.participant import Role
from sfu.track import Source

TokenCode = Literal[
    "invalid_token", "token_expired", "token_not_yet_valid", "unknown_tenant", "wrong_room"
]

ROOM_ID = r"^[A-Za-z0-9._-]{1,64}$"


_Source = Annotated[Source, Field(strict=False)]


class TokenError(Exception):
    """A token that does not let its bearer in; `code` is for the client."""

    def __init__(self, code: TokenCode, message: str) -> None:
        super().__init__(message)
        self.code: TokenCode = code
        self.message = message


class JoinClaims(BaseModel):
    """What a token says. Claims that are not listed here are ignored (RFC 7519 §4)."""

    model_config = ConfigDict(frozen=True, strict=True, validate_by_name=True)

    tenant: Annotated[str, Field(alias="iss", min_length=1, max_length=64)]
    identity: Annotated[str, Field(alias="sub", min_length=1, max_length=256)]
    room: Annotated[str, Field(pattern=ROOM_ID)]
    role: Annotated[Role, Field(strict=False)]
    expires_at: Annotated[float, Field(alias="exp", allow_inf_nan=False)]
    name: Annotated[str, Field(max_length=256)] = ""
    not_before: Annotated[float | None, Field(alias="nbf", allow_inf_nan=False)] = None
    jti: Annotated[str | None, Field(min_length=1, max_length=128)] = None
    metadata: Any = None
    """Opaque, shown to others."""

    can: Annotated[frozenset[_Source], Field(strict=False)] | None = None
    """Sources the person may publish; None is what the role gives."""

    @field_validator("metadata")
    @classmethod
    def _small(cls, value: object) -> object:
        # What JSON cannot carry on (NaN, lone surrogates) is a ValueError here.
        if len(json.dumps(value, allow_nan=False, ensure_ascii=False).encode()) > MAX_METADATA:
            raise ValueError(f"metadata is larger than {MAX_METADATA} bytes of JSON")
        if _depth(value) > MAX_DEPTH:
            raise ValueError(f"metadata is nested more than {MAX_DEPTH} deep")
        return value


def _depth(value: object) -> int:
    """How deep lists and objects are nested, counted no further than matters."""
    depth, level = 0, [value]
    while level and depth <= MAX_DEPTH:
        nested = [each for each in level if isinstance(each, list | dict)]
        level = [i for each in nested for i in (each.values() if isinstance(each, dict) else each)]
        depth += bool(nested)
    return depth


def mint(
    secret: str | SecretStr,
    *,
    tenant: str,
    room: str,
    identity: str,
    role: Role,
    now: float,
    ttl: float,
    name: str = "",
    jti: str | None = None,
    not_before: float | None = None,
    metadata: Any = None,
    can: Iterable[Source] | None = None,
) -> str:
    """A token that is valid for `ttl` seconds from `now`; `jti` is made up when not given.

    Raises `ValueError` for values that `verify` would refuse.
    """
    try:
        claims = JoinClaims(
            tenant=tenant,
            room=room,
            identity=identity,
            role=role,
            name=name,
            expires_at=float(math.ceil(now + ttl)),
            not_before=not_before,
            jti=jti or uuid.uuid4().hex,
            metadata=metadata,
            can=None if can is None else frozenset(can),
        )
    except ValidationError as error:
        raise ValueError(_reason(error)) from None
    payload = claims.model_dump(mode="json", by_alias=True, exclude_none=True)
    payload |= {"exp": int(claims.expires_at), "iat": int(now)}
    token = jwt.encode(payload, _plain(secret), algorithm=ALGORITHM, json_encoder=_Utf8)
    if len(token) > MAX_TOKEN:
        raise ValueError(f"metadata: makes the token longer than {MAX_TOKEN} characters")
    return token


class _Utf8(json.JSONEncoder):
    """Letters as they are: escaped, a text in Chinese would take twice the room."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "ensure_ascii": False})


def verify(
    token: str,
    secrets: Mapping[str, str | SecretStr],
    *,
    now: float,
    room: str | None = None,
) -> JoinClaims:
    """The claims of a good token, or `TokenError`.

    `secrets` holds each tenant's; `room`, when given, must be the token's.
    """
    tenant = _issuer(token)
    if tenant not in secrets:
        raise TokenError("unknown_tenant", "the token's issuer is no tenant of this server")
    try:
        payload = jwt.decode(
            token, _plain(secrets[tenant]), algorithms=[ALGORITHM], options=_SIGNATURE_ONLY
        )
        claims = JoinClaims.model_validate(payload, by_alias=True, by_name=False)
    except ValidationError as error:
        raise TokenError("invalid_token", _reason(error)) from None
    except _UNREADABLE:
        raise TokenError("invalid_token", "the token's signature or form is wrong") from None
    if now >= claims.expires_at + LEEWAY:
        raise TokenError("token_expired", "the token has expired")
    if claims.not_before is not None and now < claims.not_before - LEEWAY:
        raise TokenError("token_not_yet_valid", "the token is not valid yet")
    if room is not None and claims.room != room:
        raise TokenError("wrong_room", "the token is for another room")
    return claims


def _issuer(token: str) -> str:
    """Whom the token says it is from; only a hint which key to check it with."""
    if len(token) > MAX_TOKEN:
        raise TokenError("invalid_token", f"the token is longer than {MAX_TOKEN} characters")
    try:
        issuer = jwt.decode(token, options={"verify_signature": False})["iss"]
    except KeyError:
        raise TokenError("invalid_token", "iss: Field required") from None
    except _UNREADABLE:
        raise TokenError("invalid_token", "the token is no JWT") from None
    if not isinstance(issuer, str):
        raise TokenError("invalid_token", "iss: Input should be a valid string")
    return issuer


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _plain(secret: str | SecretStr) -> str:
    return secret.get_secret_value() if isinstance(secret, SecretStr) else secret


ALGORITHM = "HS256"
LEEWAY = 1.0
"""Seconds by which the clocks of backend and server may differ."""
MAX_TOKEN = 8192
MAX_METADATA = 4096
MAX_DEPTH = 32

# Only the signature: the claims are checked by `JoinClaims`, the times against `now`.
_SIGNATURE_ONLY: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_sub": False,
    "verify_jti": False,
}

# PyJWT lets a few plain errors through for hostile headers and payloads.
_UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError, RecursionError)
