"""Descriptions that the tests of negotiation share."""

import pathlib
import re

from sfu.signaling.negotiation import LocalTransport, Slot, Source, offer_receive

PACKETS = pathlib.Path(__file__).parents[1] / "packets"
CAPTURED = {path.stem: path.read_bytes().decode() for path in sorted(PACKETS.glob("*.sdp"))}
CHROMIUM = CAPTURED["chromium-vp8-simulcast"]
CAMERA = {"0": Source.MICROPHONE, "1": Source.CAMERA}
LOCAL = LocalTransport(
    ufrag="sfu1",
    pwd="0123456789abcdefghijklmn",
    fingerprint="sha-256 " + ":".join(["0F"] * 32),
    candidates=(("127.0.0.1", 7801), ("2001:db8::1", 7801)),
)
SLOTS = [
    Slot("seat-0", "a0", "v0", 100, 200, 300),
    Slot("seat-1", "a1", "v1", 101, 201, 301),
    Slot("screen", "as", "vs", 102, 202, 302),
]


def answer_to(offer: str, *drop: str) -> str:
    """What a browser would answer: the offer mirrored, without the formats in `drop`."""
    text = offer.replace("a=sendonly", "a=recvonly").replace("setup:actpass", "setup:active")
    text = re.sub("a=(msid|ssrc|ssrc-group|candidate|ice-lite)[: ].*\r\n", "", text)
    for number in drop:
        text = re.sub(rf"(m=.*) {number}\b", r"\1", text)
        text = re.sub(rf"a=(rtpmap|fmtp|rtcp-fb):{number} .*\r\n", "", text)
    return text


OFFER = offer_receive(SLOTS, LOCAL, "x")
ANSWER = answer_to(OFFER)
