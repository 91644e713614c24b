"""What a client gives to take up its session again after its socket was lost.

A token is good once, and for one session only: it finds that session, which
knows its tenant, room and identity. The answer with the next token may get lost
as the socket did: until the client has said something more, the token that it
was given for is good still. The server keeps digests, so that nothing
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
    """`text` is for the client alone; `digest` is what is kept of it, and `former` what is of the
    token that it was given for, if it was for one."""

    text: str
    digest: str
    former: str = ""

    def __repr__(self) -> str:
        return "ResumeToken()"


def make_token(former: str = "") -> ResumeToken:
    """A token that nobody can guess."""
    text = secrets.token_urlsafe(BYTES)
    return ResumeToken(text, digest(text), former)


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
        """This token finds this session, once, and so does its former one until `confirm`."""
        self._sessions[token.digest] = session
        if token.former:
            self._sessions[token.former] = session

    def confirm(self, token: ResumeToken) -> None:
        """The client has it."""
        self._sessions.pop(token.former, None)

    def find(self, digest: str) -> S | None:
        """The session of a token; it stays there until `forget`."""
        return self._sessions.get(digest)

    def forget(self, token: ResumeToken) -> None:
        """The token is used, or the session over."""
        self._sessions.pop(token.digest, None)
        self._sessions.pop(token.former, None)
