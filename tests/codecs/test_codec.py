"""The table of codecs."""

import pytest

from sfu import codecs
from sfu.codecs.codec import number


def test_our_payload_types_are_distinct() -> None:
    numbers = [codec.payload_type for codec in codecs.BY_NAME.values()]
    numbers += [c.rtx_payload_type for c in codecs.BY_NAME.values() if c.rtx_payload_type]
    assert len(set(numbers)) == len(numbers)
    # RFC 5761 §4: 64 to 95 would be taken for RTCP.
    assert all(96 <= n <= 127 or 35 <= n <= 63 for n in numbers)


def test_every_video_codec_is_retransmitted_and_no_audio_codec() -> None:
    assert all(codec.rtx_payload_type is not None for codec in codecs.VIDEO)
    assert all(codec.rtx_payload_type is None for codec in codecs.AUDIO)


@pytest.mark.parametrize("codec", codecs.BY_NAME.values(), ids=lambda codec: codec.name)
def test_we_would_accept_our_own_offer(codec: codecs.Codec) -> None:
    pairs = (item.partition("=") for item in codec.parameters.split(";") if item)
    offered = {name if equals else "": value if equals else name for name, equals, value in pairs}
    assert codec.rank(offered) == 0


@pytest.mark.parametrize(
    ("text", "value"), [(None, 7), ("12", 12), ("-1", -1), ("", -1), ("²", -1), ("9" * 10, -1)]
)
def test_numbers_in_parameters(text: str | None, value: int) -> None:
    assert number({} if text is None else {"n": text}, "n", 7) == value
