"""How sockets end."""

from typing import Final

from sfu.signaling.outbox import Close

CLOSE_CODES: Final = {
    "left": Close(1000, "left"),
    "removed": Close(4000, "removed"),
    "banned": Close(4001, "banned"),
    "replaced": Close(4002, "replaced"),
    "token_revoked": Close(4003, "token revoked"),
    "ended": Close(4004, "ended"),
    "resumed": Close(4005, "resumed on another socket"),
    "stopped": Close(1001, "the server stops"),
}
"""By the reason for which a participant is gone."""

REMOVED: Final = frozenset({"removed", "banned", "replaced", "token_revoked"})
"""Reasons that a `removed` event tells before the close."""
