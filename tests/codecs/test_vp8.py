"""VP8 in negotiation (RFC 7741)."""

from sfu.codecs import VP8


def test_every_format_suits_and_none_is_answered() -> None:
    # Firefox sends max-fs and max-fr, which limit its receiving.
    assert VP8.rank({"max-fs": "12288", "max-fr": "60"}) == 0
    assert VP8.answer({"max-fs": "12288"}) == ""
