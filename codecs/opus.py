"""Opus (RFC 7587) and its redundancy format RED (RFC 2198)."""

import re

from .codec import AUDIO_FEEDBACK, Codec, Parameters, always

_ECHOED = ("usedtx", "maxaveragebitrate", "cbr")
"""Wishes about the sender that the publisher states for itself."""

_RED_BLOCKS = re.compile(r"(?:[0-9]{1,3}(?:/[0-9]{1,3}){0,9})?")
"""Payload types of the blocks, "111/111" (RFC 2198 §5)."""


def _answer(parameters: Parameters) -> str:
    answer = {"minptime": "10", "useinbandfec": "1"}
    for name in _ECHOED:
        value = parameters.get(name, "")
        if value.isascii() and value.isdigit() and len(value) <= 9:
            answer[name] = value
    # An encoder sends two channels only to a receiver that says stereo=1. What the offer says
    # of its own sending is sprop-stereo; its stereo is about receiving (RFC 7587 §6.1).
    if parameters.get("sprop-stereo") == "1":
        answer["stereo"] = "1"
    return ";".join(f"{name}={value}" for name, value in answer.items())


OPUS = Codec(
    name="opus",
    encoding="opus",
    kind="audio",
    clock_rate=48000,
    channels=2,
    payload_type=111,
    rtx_payload_type=None,
    parameters="minptime=10;useinbandfec=1",
    feedback=AUDIO_FEEDBACK,
    rank=always,
    answer=_answer,
)


def _red_rank(parameters: Parameters) -> int | None:
    return 0 if _RED_BLOCKS.fullmatch(parameters.get("", "")) else None


def _red_answer(parameters: Parameters) -> str:
    return parameters.get("", "")


RED = Codec(
    name="red",
    encoding="red",
    kind="audio",
    clock_rate=48000,
    channels=2,
    payload_type=63,
    rtx_payload_type=None,
    parameters=f"{OPUS.payload_type}/{OPUS.payload_type}",
    feedback=AUDIO_FEEDBACK,
    rank=_red_rank,
    answer=_red_answer,
)
