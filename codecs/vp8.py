"""VP8 (RFC 7741): one format, no parameters that matter to a forwarder."""

from .codec import VIDEO_FEEDBACK, Codec, always, bare

VP8 = Codec(
    name="vp8",
    encoding="VP8",
    kind="video",
    clock_rate=90000,
    channels=1,
    payload_type=96,
    rtx_payload_type=97,
    parameters="",
    feedback=VIDEO_FEEDBACK,
    rank=always,
    answer=bare,
)
