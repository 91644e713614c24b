"""The offer of slots, and answers to it."""

import re

import pytest

from sfu.signaling.attributes import bundles
from sfu.signaling.negotiation import NegotiationError, accept_answer, offer_receive
from sfu.signaling.sdp import parse
from tests.signaling.descriptions import ANSWER, LOCAL, OFFER, SLOTS, answer_to


def test_the_offer_of_slots() -> None:
    text = offer_receive(SLOTS, LOCAL, "sfu-cname", version=4)
    offer = parse(text)
    assert offer.version == 4
    assert offer.has("ice-lite")
    assert offer.has("extmap-allow-mixed")
    assert bundles(offer) == [("a0", "v0", "a1", "v1", "as", "vs")]
    assert offer.value("fingerprint") == LOCAL.fingerprint
    for slot, audio, video in zip(SLOTS, offer.media[0::2], offer.media[1::2], strict=True):
        assert (audio.value("mid"), video.value("mid")) == (slot.audio_mid, slot.video_mid)
        assert audio.value("msid") == f"{slot.name} {slot.audio_mid}"
        assert video.value("msid") == f"{slot.name} {slot.video_mid}"
        assert audio.value("ssrc") == f"{slot.audio_ssrc} cname:sfu-cname"
        assert video.value("ssrc-group") == f"FID {slot.video_ssrc} {slot.video_rtx_ssrc}"
        assert audio.formats == ("111", "63")
        assert video.formats == ("96", "97", "102", "103", "98", "99", "45", "46")
        assert all(media.value("setup") == "actpass" for media in (audio, video))
        assert all(media.has("sendonly") for media in (audio, video))
    assert all(len(list(media.all("candidate"))) == 2 for media in offer.media)


def test_no_slots_is_a_description_too() -> None:
    assert parse(offer_receive([], LOCAL, "x")).media == ()


def test_a_full_answer() -> None:
    negotiated = accept_answer(ANSWER, SLOTS, "x")
    assert negotiated.cname == "x"
    assert negotiated.mids == {"a0", "v0", "a1", "v1", "as", "vs"}
    assert negotiated.payload_types == [
        (111, "opus", -1),
        (63, "red", -1),
        (96, "vp8", 97),
        (102, "h264", 103),
        (98, "vp9", 99),
        (45, "av1", 46),
    ]
    assert negotiated.extensions == {
        "audio-level": 1,
        "abs-send-time": 2,
        "transport-cc": 3,
        "mid": 4,
        "playout-delay": 5,
        "video-orientation": 13,
    }
    assert negotiated.remote.setup == "active"
    assert not negotiated.remote.we_are_client
    assert accept_answer(
        ANSWER.replace("setup:active", "setup:passive"), SLOTS
    ).remote.we_are_client


def test_an_answer_may_take_less() -> None:
    negotiated = accept_answer(answer_to(OFFER, "102", "103", "97", "63"), SLOTS)
    assert negotiated.payload_types == [
        (111, "opus", -1),
        (96, "vp8", -1),
        (98, "vp9", 99),
        (45, "av1", 46),
    ]
    sections = re.split("(?=m=)", ANSWER)
    sections[2] = re.sub("m=video 9", "m=video 0", sections[2])
    sections[3] = sections[3].replace("a=recvonly", "a=inactive")
    negotiated = accept_answer("".join(sections), SLOTS)
    assert negotiated.mids == {"a0", "v1", "as", "vs"}


def test_red_without_opus_is_no_audio() -> None:
    assert accept_answer(answer_to(OFFER, "111"), SLOTS).mids == {"v0", "v1", "vs"}


def test_an_extension_under_another_id_is_not_ours() -> None:
    answer = ANSWER.replace("a=extmap:4 urn", "a=extmap:7 urn")
    assert "mid" not in accept_answer(answer, SLOTS).extensions


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("bad_sdp", "v=0", "v=9"),
        ("bad_sdp", "setup:active", "setup:actpass"),
        ("answer_mismatch", "a=mid:v1", "a=mid:v7"),
        ("answer_mismatch", "m=video 9", "m=audio 9"),
        ("answer_mismatch", "m=", "a=x:"),
        ("bundle_required", "BUNDLE a0 ", "BUNDLE "),
        ("rtcp_mux_required", "a=rtcp-mux", "a=rtcp-muc"),
        ("ice_required", "a=ice-ufrag", "a=ice-ufrak"),
        ("dtls_required", "a=fingerprint", "a=thumbprint"),
    ],
)
def test_refused_answers(code: str, old: str, new: str) -> None:
    assert old in ANSWER
    with pytest.raises(NegotiationError) as caught:
        accept_answer(ANSWER.replace(old, new), SLOTS)
    assert caught.value.code == code


def test_an_answer_that_rejects_everything_is_refused() -> None:
    answer = re.sub("m=(audio|video) 9", r"m=\1 0", ANSWER)
    with pytest.raises(NegotiationError) as caught:
        accept_answer(answer, SLOTS)
    assert caught.value.code == "answer_mismatch"
