"""Answers to publishers: captured offers, altered offers."""

import re

import pytest

from sfu.signaling.attributes import bundles
from sfu.signaling.negotiation import (
    Layer,
    NegotiationError,
    PublishedTrack,
    RemoteTransport,
    Source,
    answer_publish,
)
from sfu.signaling.sdp import parse
from tests.signaling.descriptions import CAMERA, CAPTURED, CHROMIUM, LOCAL

THREE = (Layer("q", 0, 0), Layer("h", 0, 0), Layer("f", 0, 0))


def refusal(
    offer: str,
    sources: dict[str, Source] = CAMERA,
    codecs: tuple[str, ...] = (),
    established: RemoteTransport | None = None,
) -> str:
    """The code with which an offer is refused."""
    with pytest.raises(NegotiationError) as caught:
        answer_publish(offer, sources, LOCAL, codecs=codecs, established=established)
    assert caught.value.message
    return caught.value.code


def test_chromium_simulcast() -> None:
    answer = answer_publish(CHROMIUM, CAMERA, LOCAL, version=3)
    microphone, camera = answer.tracks
    assert microphone == PublishedTrack("0", Source.MICROPHONE, "opus", (Layer("", 2808849369, 0),))
    assert camera == PublishedTrack("1", Source.CAMERA, "vp8", THREE)
    negotiated = answer.negotiated
    assert negotiated.remote.ufrag == "iYNr"
    assert negotiated.remote.pwd == "xf1Y4QxPLcKmaJV4xZZp30RX"
    assert [text[:19] for text in negotiated.remote.fingerprints] == ["sha-256 72:4D:2F:2B"]
    assert negotiated.remote.setup == "actpass"
    assert not negotiated.remote.we_are_client
    assert negotiated.payload_types == [(111, "opus", -1), (63, "red", -1), (96, "vp8", 97)]
    assert negotiated.extensions == {
        "audio-level": 1,
        "abs-send-time": 2,
        "transport-cc": 3,
        "mid": 4,
        "video-orientation": 13,
        "rid": 10,
        "repaired-rid": 11,
    }
    assert negotiated.mids == {"0", "1"}


def test_the_answer_mirrors_the_offer() -> None:
    answer = parse(answer_publish(CHROMIUM, CAMERA, LOCAL, version=3).sdp)
    assert answer.version == 3
    assert answer.has("ice-lite")
    assert answer.has("extmap-allow-mixed")
    assert bundles(answer) == [("0", "1")]
    audio, video = answer.media
    assert audio.formats == ("111", "63")
    assert video.formats == ("96", "97")
    assert [a.value for a in video.all("rid")] == ["q recv", "h recv", "f recv"]
    assert video.value("simulcast") == "recv q;h;f"
    assert [a.value for a in video.all("rtcp-fb")] == [
        "96 goog-remb",
        "96 transport-cc",
        "96 ccm fir",
        "96 nack",
        "96 nack pli",
    ]
    for media in answer.media:
        assert media.port == 9
        assert media.has("recvonly")
        assert media.has("rtcp-mux")
        assert media.has("rtcp-rsize")
        assert media.value("setup") == "passive"
        assert media.value("fingerprint") == LOCAL.fingerprint
        assert (media.value("ice-ufrag"), media.value("ice-pwd")) == (LOCAL.ufrag, LOCAL.pwd)
        assert [a.value for a in media.all("candidate")] == [
            "1 1 udp 2130706431 127.0.0.1 7801 typ host",
            "2 1 udp 2130706175 2001:db8::1 7801 typ host",
        ]
        assert media.has("end-of-candidates")


def test_firefox_simulcast() -> None:
    answer = answer_publish(CAPTURED["firefox-vp8-simulcast"], CAMERA, LOCAL)
    assert answer.tracks[1] == PublishedTrack("1", Source.CAMERA, "vp8", THREE)
    assert answer.negotiated.payload_types == [(109, "opus", -1), (120, "vp8", 124)]
    # Directions of extensions are mirrored; what Firefox only receives is not for us.
    video = parse(answer.sdp).media[1]
    extmaps = [attribute.value for attribute in video.all("extmap")]
    assert "9/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id" in extmaps
    assert "playout-delay" not in answer.sdp
    # The session does not allow mixed headers, the sections do: so does the answer.
    assert not parse(answer.sdp).has("extmap-allow-mixed")
    assert all(media.has("extmap-allow-mixed") for media in parse(answer.sdp).media)


def test_h264_is_packetization_mode_one_and_constrained_baseline() -> None:
    for name, expected in (
        ("chromium-h264-simulcast", (108, 109)),
        ("safari-h264-simulcast", (98, 99)),
    ):
        answer = answer_publish(CAPTURED[name], CAMERA, LOCAL)
        assert answer.tracks[1].codec == "h264"
        assert answer.tracks[1].layers == THREE
        assert (expected[0], "h264", expected[1]) in answer.negotiated.payload_types
        text = re.search(rf"a=fmtp:{expected[0]} (.*)\r", answer.sdp)
        assert text is not None
        assert "packetization-mode=1" in text[1]
        assert "profile-level-id=42e01f" in text[1]


def test_one_stream_is_known_by_its_ssrcs() -> None:
    answer = answer_publish(
        CAPTURED["chromium-screen"], {"0": Source.SCREEN_AUDIO, "1": Source.SCREEN}, LOCAL
    )
    assert answer.tracks[0].layers == (Layer("", 3858264985, 0),)
    assert answer.tracks[1].layers == (Layer("", 2785570703, 2713356277),)
    assert "simulcast" not in answer.sdp


def test_aiortc_offer() -> None:
    answer = answer_publish(CAPTURED["aiortc"], CAMERA, LOCAL)
    assert answer.tracks[1] == PublishedTrack(
        "1", Source.CAMERA, "vp8", (Layer("", 2702715899, 2116180742),)
    )
    algorithms = [text.split(" ")[0] for text in answer.negotiated.remote.fingerprints]
    assert algorithms == ["sha-256", "sha-384", "sha-512"]
    # What was not offered is not answered.
    assert not parse(answer.sdp).has("extmap-allow-mixed")
    assert "rtcp-rsize" not in answer.sdp
    assert "transport-cc" not in answer.sdp


@pytest.mark.parametrize(
    ("codecs", "chosen"),
    [
        ((), "vp8"),
        (("h264", "vp8"), "h264"),
        (("vp9",), "vp9"),
        (("av1", "vp8"), "av1"),
        (("h265", "vp8"), "vp8"),
    ],
)
def test_codec_preference(codecs: list[str], chosen: str) -> None:
    assert answer_publish(CHROMIUM, CAMERA, LOCAL, codecs=codecs).tracks[1].codec == chosen


@pytest.mark.parametrize(("codec", "shown"), [("vp8", False), ("vp9", True), ("av1", True)])
def test_dependency_descriptor_only_where_layers_need_it(codec: str, shown: bool) -> None:
    extensions = answer_publish(CHROMIUM, CAMERA, LOCAL, codecs=[codec]).negotiated.extensions
    assert ("dependency-descriptor" in extensions) == shown


def test_budget_is_said_as_tias() -> None:
    answer = answer_publish(CHROMIUM, CAMERA, LOCAL, budgets={Source.CAMERA: 1_200_000})
    audio, video = parse(answer.sdp).media
    assert not audio.bandwidths
    assert [(b.kind, b.value) for b in video.bandwidths] == [("TIAS", 1_200_000)]


def test_a_picture_s_line_says_the_sum_of_all() -> None:
    """Chromium takes the limit of a picture's line for one of the whole connection."""
    head, audio, video = CHROMIUM.replace("BUNDLE 0 1", "BUNDLE 0 1 2").split("m=")
    screen = video.replace("a=mid:1", "a=mid:2")
    answer = answer_publish(
        "m=".join((head, audio, video, screen)),
        {**CAMERA, "2": Source.SCREEN},
        LOCAL,
        budgets={Source.MICROPHONE: 1_000, Source.CAMERA: 20_000, Source.SCREEN: 300_000},
    )
    limits = [[b.value for b in each.bandwidths] for each in parse(answer.sdp).media]
    assert limits == [[1_000], [321_000], [321_000]]


def test_sections_without_a_source_are_inactive() -> None:
    answer = answer_publish(CHROMIUM, {"0": Source.MICROPHONE}, LOCAL)
    assert [track.mid for track in answer.tracks] == ["0"]
    assert answer.negotiated.mids == {"0"}
    video = parse(answer.sdp).media[1]
    assert video.has("inactive")
    assert video.port == 9  # port 0 would stop the transceiver for good
    assert bundles(parse(answer.sdp)) == [("0", "1")]
    # The table covers it, so that switching it on later changes nothing.
    assert (96, "vp8", 97) in answer.negotiated.payload_types


def test_everything_off_keeps_the_transport() -> None:
    answer = answer_publish(CHROMIUM, {}, LOCAL)
    assert answer.tracks == ()
    assert answer.negotiated.mids == frozenset()
    assert answer.sdp.count("a=inactive") == 2


def test_what_cannot_be_accepted_is_rejected_with_port_zero() -> None:
    data = (
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
        "a=ice-ufrag:iYNr\r\na=ice-pwd:xf1Y4QxPLcKmaJV4xZZp30RX\r\na=mid:2\r\na=sctp-port:5000\r\n"
    )
    answer = parse(
        answer_publish(CHROMIUM.replace("BUNDLE 0 1", "BUNDLE 0 1 2") + data, CAMERA, LOCAL).sdp
    )
    assert [media.port for media in answer.media] == [9, 9, 0]
    assert answer.media[2].formats == ("webrtc-datachannel",)
    assert answer.media[2].value("mid") == "2"
    assert bundles(answer) == [("0", "1")]


def test_a_rejected_first_section_passes_its_part_on() -> None:
    stopped = CHROMIUM.replace("m=audio 51091", "m=audio 0").replace("BUNDLE 0 1", "BUNDLE 1")
    answer = parse(answer_publish(stopped, {"1": Source.CAMERA}, LOCAL).sdp)
    assert [media.port for media in answer.media] == [0, 9]
    assert bundles(answer) == [("1",)]
    assert answer.media[1].has("candidate")
    assert answer.media[1].has("end-of-candidates")


def test_bundle_only_sections_share_the_tagged_transport() -> None:
    head, audio, video = re.split("(?=m=)", CHROMIUM)
    video = re.sub("m=video [0-9]+", "m=video 0", video)
    video = re.sub("a=(ice-ufrag|ice-pwd|fingerprint|setup|candidate).*\r\n", "", video)
    answer = answer_publish(head + audio + video + "a=bundle-only\r\n", CAMERA, LOCAL)
    assert answer.negotiated.remote.ufrag == "iYNr"
    assert [media.port for media in parse(answer.sdp).media] == [9, 9]


def test_transport_at_session_level() -> None:
    lines = re.findall("a=(?:ice-ufrag|ice-pwd|fingerprint|setup):.*\r\n", CHROMIUM)[:4]
    offer = re.sub("a=(ice-ufrag|ice-pwd|fingerprint|setup):.*\r\n", "", CHROMIUM)
    offer = offer.replace("a=group", "".join(lines) + "a=group")
    expected = answer_publish(CHROMIUM, CAMERA, LOCAL)
    assert answer_publish(offer, CAMERA, LOCAL) == expected


@pytest.mark.parametrize(
    ("offered", "answered", "client"),
    [("actpass", "passive", False), ("active", "passive", False), ("passive", "active", True)],
)
def test_dtls_role(offered: str, answered: str, client: bool) -> None:
    answer = answer_publish(CHROMIUM.replace("setup:actpass", f"setup:{offered}"), CAMERA, LOCAL)
    assert answer.negotiated.remote.we_are_client == client
    assert parse(answer.sdp).media[0].value("setup") == answered


def test_republish_keeps_the_role() -> None:
    first = answer_publish(CHROMIUM.replace("setup:actpass", "setup:passive"), CAMERA, LOCAL)
    again = answer_publish(CHROMIUM, CAMERA, LOCAL, version=1, established=first.negotiated.remote)
    assert again.negotiated.remote == first.negotiated.remote
    assert parse(again.sdp).media[0].value("setup") == "active"
    assert parse(again.sdp).session_id == parse(first.sdp).session_id


@pytest.mark.parametrize(("old", "new"), [("iYNr", "NEWu"), ("sha-256 72", "sha-256 73")])
def test_republish_from_another_transport_is_refused(old: str, new: str) -> None:
    first = answer_publish(CHROMIUM, CAMERA, LOCAL)
    changed = CHROMIUM.replace(old, new)
    assert refusal(changed, established=first.negotiated.remote) == "transport_changed"


@pytest.mark.parametrize(
    ("rids", "expected"),
    [
        (["q", "h", "f"], ["q", "h", "f"]),
        (["f", "h", "q"], ["q", "h", "f"]),
        (["h", "m", "l"], ["l", "m", "h"]),
        (["high", "mid", "low"], ["low", "mid", "high"]),
        (["2", "1", "0"], ["0", "1", "2"]),
        (["f", "h"], ["h", "f"]),
        (["b", "a"], ["b", "a"]),  # names of one's own stand lowest first
        (["big max-width=1280", "small max-width=320"], ["small", "big"]),
        (["x max-br=9", "y"], ["x", "y"]),  # no comparison, no reordering
        (["a", "b", "c", "d"], ["b", "c", "d"]),
    ],
)
def test_layers_are_lowest_first(rids: list[str], expected: list[str]) -> None:
    names = [rid.split(" ")[0] for rid in rids]
    lines = "".join(
        f"a=rid:{rid.split(' ')[0]} send{' ' + rid.split(' ')[1] if ' ' in rid else ''}\r\n"
        for rid in rids
    )
    offer = re.sub("a=rid:.*\r\n|a=simulcast.*\r\n", "", CHROMIUM)
    offer += lines + f"a=simulcast:send {';'.join(names)}\r\n"
    answer = answer_publish(offer, CAMERA, LOCAL)
    assert [layer.rid for layer in answer.tracks[1].layers] == expected
    # The answer keeps the order of the offer (RFC 8853 §5.3.2).
    accepted = parse(answer.sdp).media[1].value("simulcast")
    assert accepted == "recv " + ";".join(name for name in names if name in expected)


def test_simulcast_alternatives_pauses_and_formats() -> None:
    offer = re.sub("a=rid:.*\r\n|a=simulcast.*\r\n", "", CHROMIUM)
    offer += (
        "a=rid:one send pt=96,97\r\na=rid:two send pt=98\r\na=rid:three recv\r\na=rid:four send\r\n"
        "a=simulcast:recv three send ~one;two,four;three;gone;one\r\n"
    )
    answer = answer_publish(offer, CAMERA, LOCAL)
    assert [layer.rid for layer in answer.tracks[1].layers] == ["one", "four"]
    assert parse(answer.sdp).media[1].value("simulcast") == "recv one;four"


def test_without_the_rid_extension_there_is_no_simulcast() -> None:
    offer = re.sub("a=extmap:10 .*\r\n", "", CHROMIUM)
    answer = answer_publish(offer, CAMERA, LOCAL)
    assert answer.tracks[1].layers == (Layer("", 0, 0),)
    assert "simulcast" not in answer.sdp


def test_simulcast_by_ssrc_group() -> None:
    offer = re.sub("a=rid:.*\r\n|a=simulcast.*\r\n", "", CHROMIUM)
    offer += (
        "a=ssrc-group:SIM 11 12 13\r\na=ssrc-group:FID 11 21\r\na=ssrc-group:FID 12 22\r\n"
        "a=ssrc-group:FID 13 23\r\na=ssrc-group:FID 0 99999999999\r\n"
    )
    layers = answer_publish(offer, CAMERA, LOCAL).tracks[1].layers
    assert layers == (Layer("", 11, 21), Layer("", 12, 22), Layer("", 13, 23))


def test_red_only_around_the_opus_we_take() -> None:
    offer = CHROMIUM.replace("fmtp:63 111/111", "fmtp:63 110/110")
    assert parse(answer_publish(offer, CAMERA, LOCAL).sdp).media[0].formats == ("111",)


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("bad_sdp", "v=0", "v=9"),
        ("bad_sdp", "a=mid:1", "a=mid:0"),
        ("bad_sdp", "a=extmap:13 urn", "a=extmap:1 urn"),
        ("bad_sdp", "a=rtpmap:111 opus/48000/2", "a=rtpmap:111 opus"),
        ("bad_sdp", "setup:actpass", "setup:holdconn"),
        ("bad_sdp", "a=ice-ufrag:iYNr", "a=ice-ufrag:x"),
        ("bad_sdp", "a=fingerprint:sha-256 72", "a=fingerprint:sha-256 7"),
        ("unknown_mid", "a=mid:1", "a=mid:video"),
        ("not_sending", "a=sendonly", "a=recvonly"),
        ("not_sending", "m=video 55311", "m=video 0"),
        ("no_common_codec", "opus/48000/2", "opus/16000/2"),
        ("bundle_required", "BUNDLE 0 1", "BUNDLE 0"),
        ("bundle_required", "BUNDLE 0 1", "LS 0 1"),
        ("rtcp_mux_required", "a=rtcp-mux", "a=rtcp-muc"),
        ("dtls_required", "UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        ("dtls_required", "a=fingerprint", "a=thumbprint"),
        ("dtls_required", "a=fingerprint:sha-256", "a=fingerprint:md5"),
        ("ice_required", "a=ice-pwd", "a=ice-password"),
    ],
)
def test_refusals(code: str, old: str, new: str) -> None:
    assert old in CHROMIUM
    assert refusal(CHROMIUM.replace(old, new)) == code


def test_refusals_of_the_sources() -> None:
    assert refusal(CHROMIUM, {"7": Source.CAMERA}) == "unknown_mid"
    assert refusal(CHROMIUM, {"0": Source.CAMERA}) == "wrong_source_kind"
    assert refusal(CHROMIUM, {"1": Source.MICROPHONE}) == "wrong_source_kind"
    assert refusal(CHROMIUM, codecs=("h265",)) == "no_common_codec"
    twice = CHROMIUM.replace("BUNDLE 0 1", "BUNDLE 0 1 2") + CHROMIUM[
        CHROMIUM.index("m=video") :
    ].replace("a=mid:1", "a=mid:2")
    assert refusal(twice, {"1": Source.CAMERA, "2": Source.CAMERA}) == "duplicate_source"
    assert len(answer_publish(twice, {"1": Source.CAMERA, "2": Source.SCREEN}, LOCAL).tracks) == 2


def test_two_meanings_of_one_number_are_refused() -> None:
    second = CHROMIUM[CHROMIUM.index("m=video") :].replace("a=mid:1", "a=mid:2")
    offer = CHROMIUM.replace("BUNDLE 0 1", "BUNDLE 0 1 2")
    sources = {"1": Source.CAMERA, "2": Source.SCREEN}
    assert refusal(offer + second.replace("apt=96", "apt=98"), sources) == "bad_sdp"
    swapped = second.replace(":96 VP8", ":96 X").replace(":97 rtx", ":97 VP8")
    assert refusal(offer + swapped, sources) == "bad_sdp"
    other = second.replace(":96 VP8", ":96 VP9").replace(":98 VP9", ":98 X")
    assert refusal(offer + other, sources) == "bad_sdp"
    same = second + "a=ssrc:2808849369 cname:x\r\n"
    same = re.sub("a=rid:.*\r\n|a=simulcast.*\r\n", "", same)
    assert refusal(offer + same, {"0": Source.MICROPHONE, **sources}) == "bad_sdp"


def test_single_section_needs_no_bundle() -> None:
    head, audio, _ = re.split("(?=m=)", CHROMIUM)
    offer = re.sub("a=group.*\r\n", "", head) + audio
    answer = answer_publish(offer, {"0": Source.MICROPHONE}, LOCAL)
    assert answer.tracks[0].codec == "opus"
    assert not bundles(parse(answer.sdp))
