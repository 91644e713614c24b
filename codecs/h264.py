"""H.264 (RFC 6184): packetization mode 1; baseline is what every receiver decodes."""

import re

from .codec import VIDEO_FEEDBACK, Codec, Parameters

_PROFILE_LEVEL_ID = re.compile(r"[0-9A-Fa-f]{6}")

# RFC 6184 table 5: (profile_idc, bits of profile_iop that count, their value), best first.
# Receivers are offered constrained baseline, so the nearer to it the better.
_PROFILES = (
    (0x42, 0x4F, 0x40),  # constrained baseline, three spellings
    (0x4D, 0x8F, 0x80),
    (0x58, 0xCF, 0xC0),
    (0x42, 0x4F, 0x00),  # baseline, two spellings
    (0x58, 0xCF, 0x80),
    (0x4D, 0xAF, 0x00),  # main
    (0x64, 0xFF, 0x0C),  # constrained high
    (0x64, 0xFF, 0x00),  # high
)
_DEFAULT = "420010"
"""What an absent profile-level-id means: baseline, level 1 (RFC 6184 §8.1)."""


def _rank(parameters: Parameters) -> int | None:
    # Mode 0 forbids the fragments that carry every larger frame; an absent mode is mode 0.
    if parameters.get("packetization-mode") != "1":
        return None
    identifier = parameters.get("profile-level-id", _DEFAULT)
    if _PROFILE_LEVEL_ID.fullmatch(identifier) is None:
        return None
    idc, iop = int(identifier[:2], 16), int(identifier[2:4], 16)
    for rank, (profile, mask, value) in enumerate(_PROFILES):
        if idc == profile and iop & mask == value:
            return rank
    return None


def _answer(parameters: Parameters) -> str:
    # The profile must be the offer's; the level may stay as it is, for we only forward.
    identifier = parameters.get("profile-level-id", _DEFAULT)
    asymmetry = "level-asymmetry-allowed=1;" if "level-asymmetry-allowed" in parameters else ""
    return f"{asymmetry}packetization-mode=1;profile-level-id={identifier}"


H264 = Codec(
    name="h264",
    encoding="H264",
    kind="video",
    clock_rate=90000,
    channels=1,
    payload_type=102,
    rtx_payload_type=103,
    parameters="level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    feedback=VIDEO_FEEDBACK,
    rank=_rank,
    answer=_answer,
)
