"""What the adapter reads of a router's words."""

from sfu.bench.description import Credentials
from sfu.bench.peers.mediasoup import audio, read_format, read_remote, video

TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"


def test_the_names_of_consumers() -> None:
    consumers = [
        {
            "rtpParameters": {
                "codecs": [
                    {"mimeType": "video/VP8", "payloadType": 101},
                    {"mimeType": "video/rtx", "payloadType": 102},
                ],
                "headerExtensions": [{"uri": TRANSPORT_CC, "id": 5}],
            }
        },
        {
            "rtpParameters": {
                "codecs": [{"mimeType": "audio/opus", "payloadType": 100}],
                "headerExtensions": [],
            }
        },
    ]
    assert read_format(consumers) == (101, 102, 100, 5)


def test_the_address_of_a_transport() -> None:
    transport = {
        "iceParameters": {"usernameFragment": "abcd", "password": "secret"},
        "iceCandidates": [{"address": "127.0.0.1", "port": 40_000}],
        "dtlsParameters": {
            "fingerprints": [
                {"algorithm": "sha-1", "value": "00"},
                {"algorithm": "sha-256", "value": "AB:CD"},
            ]
        },
    }
    remote = read_remote(transport)
    assert remote.credentials == Credentials("abcd", "secret")
    assert remote.fingerprints == ("sha-256 AB:CD",)
    assert (remote.host, remote.port) == ("127.0.0.1", 40_000)


def test_what_is_produced_is_what_the_load_sends() -> None:
    assert video(7)["encodings"] == [{"ssrc": 7, "rtx": {"ssrc": 8}}]
    assert audio(9)["codecs"][0]["payloadType"] == 111
    ids = {each["id"] for each in audio(9)["headerExtensions"]}
    assert ids == {1, 2, 3, 4}
