"""Writes the payloads of this folder that Chromium sends, as `<codec>-<what>-chromium.bin`.

Chromium's fake camera is sent to an aiortc connection on this machine, which opens SRTP and
hands the payloads over before it tries to decode them. Run it from the repository's root with
Debian's chromium and playwright; the files are committed, so that tests need not run it.

A file holds records of one stream in the order of their arrival: the length of the payload in
two bytes (network order), the marker bit in one byte, the RTP timestamp in four, the payload.
"""

import asyncio
import struct
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpCodecParameters,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.codecs import CODECS
from aiortc.rtp import RtpPacket
from playwright.async_api import Page, async_playwright

FOLDER = Path(__file__).parent
BROWSER = "/usr/bin/chromium"
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-device-for-media-stream=fps=30",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
]
# (name, codec as in SDP, scalability mode, width, height, kbit/s). Small pictures keep the files
# small, and Chromium scales down what the rate does not allow; three spatial layers need at least
# this height, fragmented keyframes this rate.
STREAMS = [
    ("vp8-l1t3", "VP8", "L1T3", 320, 180, 250),
    ("vp9-l3t3-key", "VP9", "L3T3_KEY", 960, 540, 1500),
    ("vp9-l1t2", "VP9", "L1T2", 320, 180, 250),
    ("av1-l1t3", "AV1", "L1T3", 320, 180, 250),
    ("h264", "H264", "L1T1", 1280, 720, 2500),
]
OFFER = """async ([codec, mode, width, height, rate]) => {
  const media = await navigator.mediaDevices.getUserMedia({video: {width, height}});
  const peer = window.peer = new RTCPeerConnection();
  const sender = peer.addTransceiver(media.getVideoTracks()[0], {
    direction: "sendonly", sendEncodings: [{scalabilityMode: mode, maxBitrate: rate * 1000}]});
  const wanted = RTCRtpSender.getCapabilities("video").codecs.filter(each =>
    each.mimeType === "video/" + codec &&
    (codec !== "H264" || /packetization-mode=1.*42e01f/.test(each.sdpFmtpLine)) &&
    (codec !== "VP9" || /profile-id=0/.test(each.sdpFmtpLine)));
  sender.setCodecPreferences(wanted.slice(0, 1));
  await peer.setLocalDescription();
  await new Promise(done => {
    peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && done();
    if (peer.iceGatheringState === "complete") done();
  });
  return peer.localDescription.sdp;
}"""
ANSWER = "sdp => window.peer.setRemoteDescription({type: 'answer', sdp})"
SECONDS = 2.5
KEPT_BYTES = 24_000


def record(packet: RtpPacket) -> bytes:
    head = struct.pack("!HBI", len(packet.payload), packet.marker, packet.timestamp)
    return head + bytes(packet.payload)


def kept(packets: Sequence[RtpPacket]) -> bytes:
    """The beginning of a stream, in order, without padding and repetitions."""
    first = packets[0].sequence_number
    by_distance = {packet.sequence_number - first & 0xFFFF: packet for packet in packets}
    content = b""
    for _, packet in sorted(by_distance.items()):
        if len(content) + len(packet.payload) > KEPT_BYTES:
            break
        if packet.payload:
            content += record(packet)
    return content


def started_at(sdp: str, rate: int) -> str:
    """The answer, with the bitrate to begin with: else Chromium probes its way up for seconds."""
    number = next(line.split()[3] for line in sdp.splitlines() if line.startswith("m=video"))
    others = [line for line in sdp.splitlines() if not line.startswith(f"a=fmtp:{number} ")]
    own = f"a=fmtp:{number} x-google-start-bitrate={rate}"
    for line in sdp.splitlines():
        if line.startswith(f"a=fmtp:{number} "):
            own = f"{line};x-google-start-bitrate={rate}"
    return "\r\n".join([*others, own, ""])


async def capture(page: Page, codec: str, mode: str, width: int, height: int, rate: int) -> bytes:
    offer = await page.evaluate(OFFER, [codec, mode, width, height, rate])
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    streams: dict[int, list[RtpPacket]] = defaultdict(list)

    async def take(self: RTCRtpReceiver, packet: RtpPacket, arrival_time_ms: int) -> None:
        streams[packet.ssrc].append(packet)

    patch.object(RTCRtpReceiver, "_handle_rtp_packet", take).start()
    await peer.setRemoteDescription(RTCSessionDescription(sdp=offer, type="offer"))
    answer = await peer.createAnswer()
    assert answer is not None
    await peer.setLocalDescription(answer)
    await page.evaluate(ANSWER, started_at(peer.localDescription.sdp, rate))
    await asyncio.sleep(SECONDS)
    await page.evaluate("window.peer.close()")
    await peer.close()
    # The other stream there may be is that of retransmissions.
    return kept(max(streams.values(), key=len))


async def main() -> None:
    for name in ("VP9", "AV1"):
        number = max(codec.payloadType or 0 for codec in CODECS["video"]) + 1
        CODECS["video"].append(
            RTCRtpCodecParameters(
                mimeType=f"video/{name}", clockRate=90_000, payloadType=number, rtcpFeedback=[]
            )
        )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=BROWSER, args=FLAGS, ignore_default_args=["--headless"]
        )
        for name, codec, mode, width, height, rate in STREAMS:
            page = await browser.new_page()
            await page.goto("chrome://version")
            content = await capture(page, codec, mode, width, height, rate)
            (FOLDER / f"{name}-chromium.bin").write_bytes(content)
            print(f"{name}: {len(content)} bytes")
            await page.close()
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
