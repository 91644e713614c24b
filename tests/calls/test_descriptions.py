"""Our descriptions in Chromium: accepted as answers to its offers, and answered as offers."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from sfu.signaling.negotiation import (
    LocalTransport,
    Slot,
    Source,
    accept_answer,
    answer_publish,
    offer_receive,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOCAL = LocalTransport(
    ufrag="sfu1",
    pwd="0123456789abcdefghijklmn",
    fingerprint="sha-256 " + ":".join(["0F"] * 32),
    candidates=(("127.0.0.1", 9),),
)
PUBLISH = """async (codec) => {
  const stream = await navigator.mediaDevices.getUserMedia({audio: true, video: true});
  const pc = globalThis.pc = new RTCPeerConnection();
  pc.addTransceiver(stream.getAudioTracks()[0], {direction: 'sendonly', streams: [stream]});
  const camera = pc.addTransceiver(stream.getVideoTracks()[0], {
    direction: 'sendonly', streams: [stream], sendEncodings: [
      {rid: 'q', scaleResolutionDownBy: 4}, {rid: 'h', scaleResolutionDownBy: 2}, {rid: 'f'}]});
  const codecs = RTCRtpSender.getCapabilities('video').codecs;
  const first = codecs.filter(item => item.mimeType.toLowerCase() === `video/${codec}`);
  camera.setCodecPreferences([...first, ...codecs.filter(item => !first.includes(item))]);
  await pc.setLocalDescription();
  return pc.localDescription.sdp;
}"""
ACCEPT = """async (sdp) => {
  await pc.setRemoteDescription({type: 'answer', sdp});
  return pc.getTransceivers().map(item => {
    const {codecs, encodings, headerExtensions} = item.sender.getParameters();
    return {
      direction: item.currentDirection,
      codecs: codecs.map(codec => codec.mimeType.toLowerCase()),
      rids: encodings.filter(encoding => encoding.active).map(encoding => encoding.rid ?? ''),
      extensions: headerExtensions.map(extension => extension.id),
    };
  });
}"""
RENEGOTIATE = """async (directions) => {
  pc.getTransceivers().forEach((item, index) => { item.direction = directions[index]; });
  await pc.setLocalDescription();
  return pc.localDescription.sdp;
}"""
ANSWER = """async (sdp) => {
  const pc = globalThis.pc ??= new RTCPeerConnection();
  await pc.setRemoteDescription({type: 'offer', sdp});
  await pc.setLocalDescription();
  return {
    sdp: pc.localDescription.sdp,
    tracks: pc.getReceivers().map(item => item.track.kind),
    directions: pc.getTransceivers().map(item => item.currentDirection),
  };
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """An empty page in a secure context, served by nobody."""
    context = await chromium.new_context()
    page = await context.new_page()
    await page.route(
        "http://localhost/", lambda route: route.fulfill(body="", content_type="text/html")
    )
    await page.goto("http://localhost/")
    yield page
    await context.close()


async def publish(page: Page, codec: str) -> None:
    """Offers a camera with three layers, answers, and checks what the browser made of it."""
    offer = await page.evaluate(PUBLISH, codec)
    sources = {"0": Source.MICROPHONE, "1": Source.CAMERA}
    answer = answer_publish(offer, sources, LOCAL, budgets={Source.CAMERA: 2_000_000})
    assert answer.tracks[1].codec == codec
    assert [layer.rid for layer in answer.tracks[1].layers] == ["q", "h", "f"]
    microphone, camera = await page.evaluate(ACCEPT, answer.sdp)
    assert microphone["direction"] == camera["direction"] == "sendonly"
    assert microphone["codecs"][0] == "audio/opus"
    assert camera["codecs"] == [f"video/{codec}", "video/rtx"]
    assert camera["rids"] == ["q", "h", "f"]
    assert set(camera["extensions"]) <= set(answer.negotiated.extensions.values())
    assert {answer.negotiated.extensions[name] for name in ("mid", "rid", "repaired-rid")} <= set(
        camera["extensions"]
    )


async def test_simulcast_vp8_is_accepted(page: Page) -> None:
    await publish(page, "vp8")


async def test_simulcast_h264_is_accepted(page: Page) -> None:
    await publish(page, "h264")


async def test_camera_off_and_on_again_on_one_connection(page: Page) -> None:
    await publish(page, "vp8")
    directions = ["sendonly", "inactive"]
    offer = await page.evaluate(RENEGOTIATE, directions)
    answer = answer_publish(offer, {"0": Source.MICROPHONE}, LOCAL, version=1)
    states = await page.evaluate(ACCEPT, answer.sdp)
    assert [state["direction"] for state in states] == directions
    offer = await page.evaluate(RENEGOTIATE, ["sendonly", "sendonly"])
    answer = answer_publish(
        offer,
        {"0": Source.MICROPHONE, "1": Source.CAMERA},
        LOCAL,
        version=2,
        established=answer.negotiated.remote,
    )
    assert [layer.rid for layer in answer.tracks[1].layers] == ["q", "h", "f"]
    states = await page.evaluate(ACCEPT, answer.sdp)
    assert [state["direction"] for state in states] == ["sendonly", "sendonly"]
    assert states[1]["rids"] == ["q", "h", "f"]


def slots_of(seats: int) -> list[Slot]:
    """Seats and the screen."""
    slots = [Slot(f"seat-{i}", f"a{i}", f"v{i}", 100 + i, 200 + i, 300 + i) for i in range(seats)]
    return [*slots, Slot("screen", "as", "vs", 400, 401, 402)]


async def test_the_offer_of_slots_is_answered_in_full(page: Page) -> None:
    slots = slots_of(25)
    answer = await page.evaluate(ANSWER, offer_receive(slots, LOCAL, "sfu"))
    assert answer["tracks"] == ["audio", "video"] * 26
    assert set(answer["directions"]) == {"recvonly"}
    negotiated = accept_answer(answer["sdp"], slots)
    assert negotiated.mids == {mid for slot in slots for mid in (slot.audio_mid, slot.video_mid)}
    assert negotiated.payload_types == [
        (111, "opus", -1),
        (63, "red", -1),
        (96, "vp8", 97),
        (102, "h264", 103),
        (98, "vp9", 99),
        (45, "av1", 46),
    ]
    assert set(negotiated.extensions) == {
        "audio-level",
        "abs-send-time",
        "transport-cc",
        "mid",
        "playout-delay",
        "video-orientation",
    }
    assert negotiated.remote.setup == "active"


async def test_more_seats_take_one_more_offer(page: Page) -> None:
    few = slots_of(1)
    first = await page.evaluate(ANSWER, offer_receive(few, LOCAL, "sfu"))
    more = [*few, *slots_of(3)[1:3]]
    second = await page.evaluate(ANSWER, offer_receive(more, LOCAL, "sfu", version=1))
    before, after = accept_answer(first["sdp"], few), accept_answer(second["sdp"], more)
    assert before.mids < after.mids
    assert before.remote == after.remote
