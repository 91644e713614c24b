"""The answer to a player's offer: all of it or nothing."""

import re

import pytest

from sfu.signaling.negotiation import NegotiationError, answer_play
from sfu.signaling.sdp import parse
from tests.signaling.descriptions import CHROMIUM, LOCAL

PLAYER = re.sub(r"a=(?:msid|ssrc|ssrc-group|rid|simulcast)[: ].*\r\n", "", CHROMIUM).replace(
    "a=sendonly", "a=recvonly"
)


def test_what_is_answered() -> None:
    answer = answer_play(PLAYER, LOCAL, cname="x")
    description = parse(answer.sdp)
    assert [media.kind for media in description.media] == ["audio", "video"]
    assert all(media.has("sendonly") for media in description.media)
    assert {media.value("setup") for media in description.media} == {"passive"}
    assert [line.mid for line in answer.lines] == ["0", "1"]
    assert description.has("ice-lite")
    # Every codec that may be published, under the numbers of the offer.
    codecs = {codec: number for number, codec, _ in answer.negotiated.payload_types}
    assert set(codecs) >= {"opus", "vp8", "h264", "vp9", "av1"}
    assert f"a=rtpmap:{codecs['vp8']} VP8/90000" in answer.sdp
    audio, video = answer.lines
    assert (audio.rtx_ssrc, video.rtx_ssrc > 0) == (0, True)
    assert f"a=ssrc-group:FID {video.ssrc} {video.rtx_ssrc}" in answer.sdp
    assert len({audio.ssrc, video.ssrc, video.rtx_ssrc}) == 3
    assert set(re.findall(r"a=msid:(\S+)", answer.sdp)) == {"stage"}
    assert all(0 < id <= 14 for id in answer.negotiated.extensions.values())


def test_the_other_dtls_role() -> None:
    answer = answer_play(PLAYER.replace("setup:actpass", "setup:passive"), LOCAL)
    assert answer.negotiated.remote.we_are_client
    assert "a=setup:active" in answer.sdp


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("a=recvonly", "a=sendonly", "not_acceptable"),
        ("a=recvonly", "a=inactive", "not_acceptable"),
        ("m=video", "m=application", "not_acceptable"),
        ("opus/48000", "none/48000", "not_acceptable"),
        ("a=rtcp-mux\r\n", "", "rtcp_mux_required"),
        ("a=group:BUNDLE 0 1", "a=group:BUNDLE 0", "bundle_required"),
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP", "dtls_required"),
        ("a=fingerprint:", "a=nothing:", "dtls_required"),
        ("a=ice-pwd:", "a=nothing:", "ice_required"),
        ("v=0", "v=1", "bad_sdp"),
    ],
)
def test_what_is_refused(old: str, new: str, code: str) -> None:
    assert old in PLAYER
    with pytest.raises(NegotiationError) as refused:
        answer_play(PLAYER.replace(old, new), LOCAL)
    assert refused.value.code == code


def test_more_lines_than_there_is_to_see() -> None:
    head, audio, video = re.split(r"(?=m=)", PLAYER)
    lines = [video.replace("a=mid:1", f"a=mid:{number}") for number in (1, 2, 3)]
    for count, fits in ((2, True), (3, False)):
        group = "0 1 2 3"[: 2 * count + 1]
        offer = head.replace("BUNDLE 0 1", f"BUNDLE {group}") + audio + "".join(lines[:count])
        if fits:
            assert len(answer_play(offer, LOCAL).lines) == 3
        else:
            with pytest.raises(NegotiationError, match="2 m-lines of a kind at most"):
                answer_play(offer, LOCAL)
