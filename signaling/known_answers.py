"""Answers that say what another client's has said already: read once, patched per person.

In a storm of joins a thousand clients of few kinds answer offers of the same slots. Their answers
are the same but for who they are: ICE credentials, fingerprint, origin, candidates. Reading one
costs milliseconds, comparing it with one that is known a tenth of that.
"""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Final, NamedTuple

from sfu.signaling.agreement import Negotiated, RemoteTransport, Slot
from sfu.signaling.receiving import accept_answer

MOST: Final = 256
"""Answers remembered: kinds of clients times kinds of rooms."""

# As strict as `attributes`: what is no such line there stays, and makes the answer another one.
_UFRAG: Final = re.compile(r"\na=ice-ufrag:([0-9A-Za-z+/=_-]{4,256})\r\n")
_PWD: Final = re.compile(r"\na=ice-pwd:([0-9A-Za-z+/=_-]{22,256})\r\n")
_FINGERPRINT: Final = re.compile(
    r"\na=fingerprint:([Ss][Hh][Aa]-256 (?:[0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2})\r\n"
)
_ORIGIN: Final = re.compile(r"\no=[!-~]+ [0-9]{1,19} [0-9]{1,19} IN IP4 [!-~]+\r\n")
_CANDIDATE: Final = re.compile(r"\na=candidate:[ -~]+(?=\r\n)")
_MASK: Final = "\0"
"""In no description, so nobody can write one that looks like a mask."""


class KnownAnswers:
    """A memory of `accept_answer`; gives what that gives."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: OrderedDict[bytes, Negotiated] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def accept(self, sdp: str, slots: Sequence[Slot], cname: str) -> Negotiated:
        """See `accept_answer`. Raises NegotiationError."""
        person = _person(sdp)
        if person is None:
            return accept_answer(sdp, slots, cname)
        key = _key(sdp, person, slots)
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            return _patched(known, person, cname)
        negotiated = accept_answer(sdp, slots, cname)
        if _patched(negotiated, person, cname) == negotiated:
            self._known[key] = negotiated
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        return negotiated


class _Person(NamedTuple):
    """What an answer says in all sections alike of who sends it, as it is written there."""

    ufrag: str
    pwd: str
    fingerprint: str


def _person(sdp: str) -> _Person | None:
    """None where sections differ, or something is missing or unusual."""
    if _MASK in sdp:
        return None
    found = [set(pattern.findall(sdp)) for pattern in (_UFRAG, _PWD, _FINGERPRINT)]
    if any(len(values) != 1 for values in found):
        return None
    return _Person(*(values.pop() for values in found))


def _key(sdp: str, person: _Person, slots: Sequence[Slot]) -> bytes:
    """Of the answer without the person, and of the offer that it is for."""
    names = ("ice-ufrag", "ice-pwd", "fingerprint")
    for name, value in zip(names, person, strict=True):
        sdp = sdp.replace(f"\na={name}:{value}\r\n", f"\na={name}:{_MASK}\r\n")
    sdp = _ORIGIN.sub(f"\no={_MASK}\r\n", sdp, count=1)
    sdp = _CANDIDATE.sub(f"\na=candidate:{_MASK}", sdp)
    offered = _MASK.join(f"{slot.audio_mid} {slot.video_mid}" for slot in slots)
    return blake2b(f"{offered}{_MASK}{sdp}".encode(errors="surrogatepass")).digest()


def _patched(known: Negotiated, person: _Person, cname: str) -> Negotiated:
    algorithm, digits = person.fingerprint.split(" ")
    fingerprint = f"{algorithm.lower()} {digits.upper()}"
    remote = RemoteTransport(person.ufrag, person.pwd, (fingerprint,), known.remote.setup)
    return replace(known, remote=remote, cname=cname)
