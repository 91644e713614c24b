"""VP9 (RFC 9628): profile 0 only, which every receiver decodes."""

from .codec import VIDEO_FEEDBACK, Codec, Parameters, number


def _rank(parameters: Parameters) -> int | None:
    return 0 if number(parameters, "profile-id", 0) == 0 else None


def _answer(parameters: Parameters) -> str:
    return "profile-id=0"


VP9 = Codec(
    name="vp9",
    encoding="VP9",
    kind="video",
    clock_rate=90000,
    channels=1,
    payload_type=98,
    rtx_payload_type=99,
    parameters="profile-id=0",
    feedback=VIDEO_FEEDBACK,
    rank=_rank,
    answer=_answer,
)
