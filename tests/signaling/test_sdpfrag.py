"""Fragments of trickle ICE, as clients send them and as we answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.signaling.sdp import SdpError
from sfu.signaling.sdpfrag import parse_fragment, write_fragment
from tests.signaling.descriptions import LOCAL

TRICKLE = (
    "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\n"
    "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
    "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n"
)
"""RFC 9725 §4.3.2."""


def test_the_credentials_are_read_wherever_they_stand() -> None:
    expected = ("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1")
    assert parse_fragment(TRICKLE) == expected
    assert parse_fragment(TRICKLE.replace("\r\n", "\n")) == expected
    assert parse_fragment(TRICKLE + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" + TRICKLE) == expected
    assert parse_fragment("a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n").ufrag is None
    assert parse_fragment("").ufrag is None


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "a=ice-ufrag:EsAw",
        "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
        "a=ice-ufrag:x\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
        "a=ice-ufrag:EsAw\na=ice-pwd:short",
        TRICKLE + TRICKLE.replace("EsAw", "Other"),
    ],
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(SdpError):
        parse_fragment(text)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = parse_fragment(text)
    except SdpError:
        return
    assert (read.ufrag is None) == (read.pwd == "")


def test_ours_can_be_read() -> None:
    text = write_fragment(LOCAL, "audio", "0")
    assert parse_fragment(text) == (LOCAL.ufrag, LOCAL.pwd)
    assert text.count("a=candidate:") == len(LOCAL.candidates)
