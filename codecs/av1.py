"""AV1 (RTP payload format of the Alliance for Open Media): profile 0 (Main) only."""

from .codec import VIDEO_FEEDBACK, Codec, Parameters, number


def _rank(parameters: Parameters) -> int | None:
    return 0 if number(parameters, "profile", 0) == 0 else None


def _answer(parameters: Parameters) -> str:
    # level-idx and tier say what their owner receives; a forwarder takes what was offered.
    names = ("level-idx", "profile", "tier")
    return ";".join(
        f"{name}={number(parameters, name, 0)}"
        for name in names
        if name in parameters and number(parameters, name, 0) >= 0
    )


AV1 = Codec(
    name="av1",
    encoding="AV1",
    kind="video",
    clock_rate=90000,
    channels=1,
    payload_type=45,
    rtx_payload_type=46,
    parameters="level-idx=5;profile=0;tier=0",
    feedback=VIDEO_FEEDBACK,
    rank=_rank,
    answer=_answer,
)
