"""What a codec is to a negotiation: name, clock, payload types, which formats match.

How the same codecs read on the wire is in src/*.rs, one name for both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Parameters = Mapping[str, str]
"""Format parameters (a=fmtp) by lower-case name; a bare value stands under ""."""

VIDEO_FEEDBACK = ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
# No "nack": a lost packet of speech is covered by in-band FEC before a resent one would come.
AUDIO_FEEDBACK = ("transport-cc",)


@dataclass(frozen=True, slots=True)
class Codec:
    """One row of the table of codecs."""

    name: str
    """The packet plane's name, lower case."""
    encoding: str
    """The encoding name as rtpmap writes it; compared without case (RFC 8866 §6.6)."""
    kind: Literal["audio", "video"]
    clock_rate: int
    channels: int
    """Of audio; 1 for video, where rtpmap does not write it."""
    payload_type: int
    """In our own offers."""
    rtx_payload_type: int | None
    parameters: str
    """The a=fmtp text of our own offers; "" for none."""
    feedback: tuple[str, ...]
    """RTCP feedback that we understand (a=rtcp-fb), in the order we write it."""
    rank: Callable[[Parameters], int | None]
    """How well an offered format suits: 0 best, None not at all."""
    answer: Callable[[Parameters], str]
    """The a=fmtp text with which an offered format that suits is answered; "" for none."""


def bare(parameters: Parameters) -> str:
    """No parameters, whatever was offered."""
    return ""


def always(parameters: Parameters) -> int | None:
    """Every format suits."""
    return 0


def number(parameters: Parameters, name: str, default: int) -> int:
    """A decimal parameter; -1, which matches nothing, if it is no small number."""
    text = parameters.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return int(text)
    return -1
