"""Opus and RED in negotiation (RFC 7587, 2198)."""

import pytest

from sfu.codecs import OPUS, RED


def test_answer_asks_for_forward_error_correction() -> None:
    assert OPUS.answer({}) == "minptime=10;useinbandfec=1"


def test_answer_repeats_what_the_publisher_wishes_to_send() -> None:
    assert "usedtx=1" in OPUS.answer({"usedtx": "1"})
    assert "maxaveragebitrate=64000" in OPUS.answer({"maxaveragebitrate": "64000"})
    assert "stereo=1" in OPUS.answer({"sprop-stereo": "1"})


def test_stereo_is_about_receiving_and_not_repeated() -> None:
    assert "stereo" not in OPUS.answer({"stereo": "1"})


def test_nothing_but_numbers_is_repeated() -> None:
    assert OPUS.answer({"usedtx": "1 a=evil"}) == OPUS.answer({})
    assert OPUS.answer({"cbr": "1" * 100}) == OPUS.answer({})


@pytest.mark.parametrize("blocks", ["111/111", "111", ""])
def test_red_blocks(blocks: str) -> None:
    assert RED.rank({"": blocks}) == 0
    assert RED.answer({"": blocks}) == blocks


@pytest.mark.parametrize("blocks", ["111/", "x/y", "111/111 ", "1111", "/".join(["1"] * 11)])
def test_red_blocks_that_are_no_payload_types(blocks: str) -> None:
    assert RED.rank({"": blocks}) is None
