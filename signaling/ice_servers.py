"""What a client is told of STUN and TURN servers, with credentials of its own.

The scheme that TURN servers know as "TURN REST API" (draft-uberti-behave-turn-rest): the user name
is when it expires and who it is for, the password is its HMAC-SHA1 under a secret that only we and
the TURN servers know.
"""

import base64
import hashlib
import hmac
import math
from typing import Any, Final

from sfu.config import TurnSettings
from sfu.participant import Participant

LONGEST: Final = 128
"""Of an identity in a user name; RFC 8489 §14.3 allows 508 bytes in all."""


def ice_servers(turn: TurnSettings, participant: Participant, now: float) -> list[dict[str, Any]]:
    """Those of a participant."""
    return servers_for(turn, _name(participant), now)


def servers_for(
    turn: TurnSettings, name: str, now: float, ttl: float = math.inf
) -> list[dict[str, Any]]:
    """As RTCPeerConnection takes them; `now` in seconds since the epoch. Credentials expire after
    the settings' time, or `ttl` seconds where that is less."""
    relays = [url for url in turn.urls if url.startswith("turn")]
    others = [url for url in turn.urls if not url.startswith("turn")]
    servers: list[dict[str, Any]] = [{"urls": others}] if others else []
    if relays:
        username = f"{int(now + min(ttl, turn.ttl))}:{name}"
        key = turn.secret.get_secret_value().encode()
        password = base64.b64encode(hmac.digest(key, username.encode(), hashlib.sha1)).decode()
        servers.append({"urls": relays, "username": username, "credential": password})
    return servers


def _name(participant: Participant) -> str:
    """The identity, where every TURN server reads it the same; else the id."""
    identity = participant.identity
    plain = identity.isascii() and identity.isprintable() and ":" not in identity
    return (
        identity if plain and " " not in identity and len(identity) <= LONGEST else participant.id
    )
