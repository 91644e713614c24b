"""Both negotiations against aiortc, and against hostile text."""

import re

import aiortc
import aiortc.sdp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.config import SLOTS as MOST_SLOTS
from sfu.config import LimitSettings
from sfu.signaling.negotiation import (
    NegotiationError,
    Slot,
    accept_answer,
    answer_publish,
    offer_receive,
)
from sfu.signaling.sdp import parse
from tests.signaling.descriptions import (
    ANSWER,
    CAMERA,
    CAPTURED,
    LOCAL,
    OFFER,
    SLOTS,
    answer_to,
)


async def test_aiortc_takes_our_answer() -> None:
    publisher = aiortc.RTCPeerConnection()
    try:
        publisher.addTransceiver(aiortc.AudioStreamTrack(), "sendonly")
        publisher.addTransceiver(aiortc.VideoStreamTrack(), "sendonly")
        await publisher.setLocalDescription(await publisher.createOffer())
        answer = answer_publish(publisher.localDescription.sdp, CAMERA, LOCAL)
        read = aiortc.sdp.SessionDescription.parse(answer.sdp)
        assert [media.direction for media in read.media] == ["recvonly", "recvonly"]
        assert all(media.ice is not None and media.ice.iceLite for media in read.media)
        assert [c.port for c in read.media[0].ice_candidates] == [7801, 7801]
        await publisher.setRemoteDescription(aiortc.RTCSessionDescription(answer.sdp, "answer"))
        assert publisher.signalingState == "stable"
        directions = [item.currentDirection for item in publisher.getTransceivers()]
        assert directions == ["sendonly", "sendonly"]
    finally:
        await publisher.close()


async def test_aiortc_answers_our_offer() -> None:
    receiver = aiortc.RTCPeerConnection()
    try:
        await receiver.setRemoteDescription(aiortc.RTCSessionDescription(OFFER, "offer"))
        await receiver.setLocalDescription(await receiver.createAnswer())
        negotiated = accept_answer(receiver.localDescription.sdp, SLOTS)
        assert negotiated.mids == {"a0", "v0", "a1", "v1", "as", "vs"}
        assert [entry[:2] for entry in negotiated.payload_types] == [
            (111, "opus"),
            (96, "vp8"),
            (102, "h264"),
        ]
        assert negotiated.remote.setup == "active"
    finally:
        await receiver.close()


def mutated(data: st.DataObject, text: str) -> str:
    lines = text.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "repeat", "move", "number", "splice"])):
            case "drop":
                del lines[at]
            case "repeat":
                lines.insert(data.draw(st.integers(0, len(lines))), lines[at])
            case "move":
                lines.insert(data.draw(st.integers(0, len(lines) - 1)), lines.pop(at))
            case "number":
                number = str(data.draw(st.integers(0, 2**33)))
                lines[at] = re.sub("[0-9]+", number, lines[at], count=1)
            case "splice":
                cut = data.draw(st.integers(0, len(lines[at])))
                lines[at] = lines[at][:cut] + data.draw(st.text(max_size=8)) + lines[at][cut:]
        lines = lines or ["v=0\r\n"]
    return "".join(lines)


@settings(max_examples=300)
@given(st.data())
def test_mutated_offers_get_an_answer_or_a_typed_refusal(data: st.DataObject) -> None:
    offer = mutated(data, CAPTURED[data.draw(st.sampled_from(sorted(CAPTURED)))])
    try:
        answer = answer_publish(offer, CAMERA, LOCAL)
    except NegotiationError:
        return
    ours, theirs = parse(answer.sdp), parse(offer)
    assert [m.kind for m in ours.media] == [m.kind for m in theirs.media]
    assert {track.source for track in answer.tracks} == set(CAMERA.values())
    numbers = [entry[0] for entry in answer.negotiated.payload_types]
    assert len(set(numbers)) == len(numbers)
    assert all(1 <= track_id <= 255 for track_id in answer.negotiated.extensions.values())
    assert all(1 <= len(track.layers) <= 3 for track in answer.tracks)


@settings(max_examples=300)
@given(st.data())
def test_mutated_answers_are_accepted_or_refused_with_a_code(data: st.DataObject) -> None:
    try:
        negotiated = accept_answer(mutated(data, ANSWER), SLOTS)
    except NegotiationError:
        return
    assert negotiated.mids <= {"a0", "v0", "a1", "v1", "as", "vs"}
    assert {entry[0] for entry in negotiated.payload_types} <= {111, 63, 96, 102, 98, 45}


@given(st.text())
def test_arbitrary_text_is_refused(text: str) -> None:
    with pytest.raises(NegotiationError) as caught:
        answer_publish(text, CAMERA, LOCAL)
    assert caught.value.code == "bad_sdp"
    with pytest.raises(NegotiationError):
        accept_answer(text, SLOTS)


def test_as_many_slots_as_there_may_be_can_be_answered() -> None:
    slots = [
        Slot(f"seat-{n}", f"a{n}", f"v{n}", 100 + n, 200 + n, 300 + n) for n in range(MOST_SLOTS)
    ]
    answer = answer_to(offer_receive(slots, LOCAL, "x"))
    assert len(answer) < LimitSettings().sdp_bytes
    assert len(accept_answer(answer, slots).mids) == 2 * MOST_SLOTS
