"""The codecs we negotiate; how they read on the wire is the Rust crate in src/."""

from .av1 import AV1
from .codec import Codec, Parameters
from .h264 import H264
from .opus import OPUS, RED
from .vp8 import VP8
from .vp9 import VP9

VIDEO = (VP8, H264, VP9, AV1)
"""In the order of our own offers."""
AUDIO = (OPUS, RED)
BY_NAME = {codec.name: codec for codec in (*AUDIO, *VIDEO)}

__all__ = [
    "AUDIO",
    "AV1",
    "BY_NAME",
    "H264",
    "OPUS",
    "RED",
    "VIDEO",
    "VP8",
    "VP9",
    "Codec",
    "Parameters",
]
