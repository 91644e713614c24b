"""SDP fragments of trickle ICE (application/trickle-ice-sdpfrag, RFC 8840 §9)."""

import re
from typing import NamedTuple

from sfu.signaling.agreement import LocalTransport, candidates
from sfu.signaling.sdp import SdpError

_LINE = re.compile(r"[a-z]=[^\r\n]*")
_CREDENTIALS = {
    "ufrag": re.compile(r"a=ice-ufrag:([0-9A-Za-z+/=_-]{4,256})"),
    "pwd": re.compile(r"a=ice-pwd:([0-9A-Za-z+/=_-]{22,256})"),
}


class Fragment(NamedTuple):
    """The peer's credentials, where the fragment has some. Its candidates are nothing to a lite
    agent (RFC 8445 §2.5)."""

    ufrag: str | None
    pwd: str


def parse_fragment(text: str) -> Fragment:
    """Raises SdpError for what is no fragment, and for two transports in one: all is bundled."""
    found: dict[str, set[str]] = {"ufrag": set(), "pwd": set()}
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if line and not _LINE.fullmatch(line):
            raise SdpError(number, "no line of a fragment")
        for name, values in found.items():
            if line.startswith(f"a=ice-{name}:"):
                match = _CREDENTIALS[name].fullmatch(line)
                if match is None:
                    raise SdpError(number, f"no ice-{name}")
                values.add(match[1])
    ufrags, pwds = found["ufrag"], found["pwd"]
    if len(ufrags) != len(pwds) or len(ufrags) > 1:
        raise SdpError(0, "a fragment has one ice-ufrag and one ice-pwd, or neither")
    return Fragment(next(iter(ufrags), None), next(iter(pwds), ""))


def write_fragment(local: LocalTransport, kind: str, mid: str) -> str:
    """Our end after a restart: credentials and all candidates, for the m-line that stands for the
    whole bundle."""
    lines = [
        "a=ice-lite",
        f"m={kind} 9 UDP/TLS/RTP/SAVPF 0",
        f"a=mid:{mid}",
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.pwd}",
        *(f"a=candidate:{line}" for line in candidates(local)),
        "a=end-of-candidates",
    ]
    return "".join(f"{line}\r\n" for line in lines)
