"""Descriptions of synthetic clients, held against the server's own reading of them."""

import pytest

from sfu.bench.description import (
    SOURCES,
    Credentials,
    DescriptionError,
    publish_offer,
    read_remote,
    receive_answer,
)
from sfu.signaling.negotiation import (
    LocalTransport,
    Slot,
    accept_answer,
    answer_publish,
    offer_receive,
)
from sfu.track import Source

FINGERPRINT = "sha-256 " + ":".join(["AB"] * 32)
OURS = Credentials("client00", "p" * 32)
SERVER = LocalTransport(
    ufrag="server00", pwd="s" * 24, fingerprint=FINGERPRINT, candidates=(("127.0.0.1", 7801),)
)


def test_the_server_takes_the_offer_of_a_presenter() -> None:
    offer = publish_offer(OURS, FINGERPRINT, 1000, 1005)
    sources = {mid: Source(name) for mid, name in SOURCES.items()}
    answer = answer_publish(offer, sources, SERVER)
    tracks = {track.source: track for track in answer.tracks}
    assert {source: track.codec for source, track in tracks.items()} == {
        Source.CAMERA: "vp8",
        Source.MICROPHONE: "opus",
    }
    assert [layer.ssrc for layer in tracks[Source.CAMERA].layers] == [1000]
    assert [layer.ssrc for layer in tracks[Source.MICROPHONE].layers] == [1005]
    wanted = {"audio-level": 1, "abs-send-time": 2, "transport-cc": 3, "mid": 4}
    assert answer.negotiated.extensions == wanted
    remote = read_remote(answer.sdp)
    assert remote.credentials == Credentials("server00", "s" * 24)
    assert remote.fingerprints == (FINGERPRINT,)
    assert (remote.host, remote.port) == ("127.0.0.1", 7801)
    assert "a=setup:passive" in answer.sdp  # the client begins the handshake


def test_the_server_takes_the_answer_of_an_attendee() -> None:
    slots = [
        Slot("seat-0", "a0", "v0", 1, 2, 3),
        Slot("screen", "as", "vs", 4, 5, 6),
    ]
    offer = offer_receive(slots, SERVER, "cname")
    answer = receive_answer(offer, OURS, FINGERPRINT)
    negotiated = accept_answer(answer, slots, "cname")
    assert negotiated.mids == {"a0", "v0", "as", "vs"}
    assert negotiated.remote.ufrag == OURS.ufrag
    assert negotiated.remote.fingerprints == (FINGERPRINT,)
    assert not negotiated.remote.we_are_client
    assert {(96, "vp8", 97), (111, "opus", -1)} <= set(negotiated.payload_types)
    assert negotiated.extensions["transport-cc"] == 3
    assert "candidate" not in answer
    assert "ssrc" not in answer.replace("ssrc-audio-level", "")


def test_a_description_without_a_transport_is_refused() -> None:
    with pytest.raises(DescriptionError, match="candidate"):
        read_remote("v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:efgh\r\n")


def test_credentials_are_fresh_and_the_password_is_not_shown() -> None:
    one, other = Credentials.generate(), Credentials.generate()
    assert one != other
    assert len(one.ufrag) >= 4
    assert len(one.pwd) >= 22
    assert one.pwd not in repr(one)
