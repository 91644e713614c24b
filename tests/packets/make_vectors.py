"""Writes the .bin files of this folder: messages and payloads made by other implementations.

STUN by aioice, RTCP by aiortc, video payloads by aiortc's packetisers around libvpx and x264.
Run it from the repository's root; the files are committed, so that tests need not run it.
"""

from fractions import Fraction
from pathlib import Path

from aioice import stun
from aiortc import rtp
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from av import VideoFrame

FOLDER = Path(__file__).parent
KEY = b"a-password-of-22-chars"


def write(name: str, content: bytes) -> None:
    (FOLDER / f"{name}.bin").write_bytes(content)


def stun_request() -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, transaction_id=b"123456789012")
    message.attributes["USERNAME"] = "ours:theirs"
    message.attributes["PRIORITY"] = 0x6E0001FF
    message.attributes["ICE-CONTROLLING"] = 0x1122334455667788
    message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(KEY)
    message.add_fingerprint()
    return bytes(message)


def stun_answer(address: tuple[str, int]) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=b"123456789012")
    message.attributes["XOR-MAPPED-ADDRESS"] = address
    message.add_message_integrity(KEY)
    return bytes(message)


def stun_refusal() -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.ERROR, transaction_id=b"123456789012")
    message.attributes["ERROR-CODE"] = (487, "Role Conflict")
    message.add_message_integrity(KEY)
    return bytes(message)


def rtcp_compound() -> bytes:
    block = rtp.RtcpReceiverInfo(
        ssrc=7, fraction_lost=64, packets_lost=-3, highest_sequence=70_000, jitter=5, lsr=6, dlsr=8
    )
    info = rtp.RtcpSenderInfo(
        ntp_timestamp=0x0102030405060708, rtp_timestamp=9, packet_count=10, octet_count=11
    )
    chunk = rtp.RtcpSourceInfo(ssrc=1, items=[(1, b"a-name")])
    remb = rtp.pack_remb_fci(1_500_000, [21, 22])
    packets: list[rtp.AnyRtcpPacket] = [
        rtp.RtcpSrPacket(ssrc=1, sender_info=info, reports=[block]),
        rtp.RtcpRrPacket(ssrc=2, reports=[block]),
        rtp.RtcpSdesPacket(chunks=[chunk]),
        rtp.RtcpRtpfbPacket(
            fmt=rtp.RTCP_RTPFB_NACK, ssrc=3, media_ssrc=4, lost=[100, 101, 116, 200]
        ),
        rtp.RtcpPsfbPacket(fmt=rtp.RTCP_PSFB_PLI, ssrc=5, media_ssrc=6),
        rtp.RtcpPsfbPacket(fmt=rtp.RTCP_PSFB_APP, ssrc=5, media_ssrc=0, fci=remb),
        rtp.RtcpByePacket(sources=[1, 2]),
    ]
    return b"".join(bytes(packet) for packet in packets)


def picture() -> VideoFrame:
    frame = VideoFrame(width=320, height=240, format="yuv420p")
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.pts = 0
    frame.time_base = Fraction(1, 90_000)
    return frame


def main() -> None:
    write("stun-request-aioice", stun_request())
    write("stun-answer-v4-aioice", stun_answer(("192.0.2.1", 32853)))
    write("stun-answer-v6-aioice", stun_answer(("2001:db8::1", 4000)))
    write("stun-refusal-aioice", stun_refusal())
    write("rtcp-compound-aiortc", rtcp_compound())
    for name, encoder in (("vp8", Vp8Encoder()), ("h264", H264Encoder())):
        payloads, _ = encoder.encode(picture(), force_keyframe=True)
        write(f"{name}-keyframe-aiortc", payloads[0])
        frame = picture()
        frame.pts = 3000
        payloads, _ = encoder.encode(frame)
        write(f"{name}-interframe-aiortc", payloads[0])


if __name__ == "__main__":
    main()
