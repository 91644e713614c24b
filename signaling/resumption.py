"""What a client gives to take up its session again after its socket was lost.

A token is good once, and for one session only: it finds that session, which
knows its tenant, room and identity. The server keeps digests, so that nothing
it stores lets anybody in. A session that has ended is not found any more.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

S = TypeVar("S")

BYTES: Final = 24
"""Of randomness in a token."""


@dataclass(frozen=True, slots=True)
class ResumeToken:
    """`text` is for the client alone; `digest` is what is kept of it."""

    text: str
    digest: str

    def __repr__(self) -> str:
        return "ResumeToken()"


def make_token() -> ResumeToken:
    """A token that nobody can guess."""
    text = secrets.token_urlsafe(BYTES)
    return ResumeToken(text, digest(text))


def digest(text: str) -> str:
    """What is kept of a token, or of what a client gives for one."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


class Resumption(Generic[S]):
    """The sessions that can be taken up again, by the digest of their token."""

    def __init__(self) -> None:
        self._sessions: dict[str, S] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def keep(self, token: ResumeToken, session: S) -> None:
        """This token finds this session, once."""
        self._sessions[token.digest] = session

    def find(self, digest: str) -> S | None:
        """The session of a token; it stays there until `forget`."""
        return self._sessions.get(digest)

    def forget(self, token: ResumeToken) -> None:
        """The token is used, or the session over."""
        self._sessions.pop(token.digest, None)
