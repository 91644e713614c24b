"""Answers known already: the same outcome as reading them, and never another one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.signaling import known_answers
from sfu.signaling.known_answers import KnownAnswers
from sfu.signaling.negotiation import Negotiated, NegotiationError, accept_answer
from tests.signaling.descriptions import ANSWER, SLOTS

FINGERPRINT = "sha-256 " + ":".join(["ab"] * 32)


def of(number: int, answer: str = ANSWER) -> str:
    """The answer of another person, with the same client."""
    text = re.sub(r"a=ice-ufrag:.*\r\n", f"a=ice-ufrag:user{number}\r\n", answer)
    text = re.sub(r"a=ice-pwd:.*\r\n", f"a=ice-pwd:{number:032}\r\n", text)
    text = re.sub(r"\no=.*\r\n", f"\no=- {number} 2 IN IP4 127.0.0.1\r\n", text)
    return re.sub(r"a=fingerprint:.*\r\n", f"a=fingerprint:{FINGERPRINT}\r\n", text)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The answers that were read as a whole."""
    read: list[str] = []

    def accept(sdp: str, *rest: object) -> Negotiated:
        read.append(sdp)
        return accept_answer(sdp, *rest)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(known_answers, "accept_answer", accept)
    return read


def test_the_second_of_one_kind_is_not_read(reads: list[str]) -> None:
    answers = KnownAnswers()
    for number in range(1, 5):
        assert answers.accept(of(number), SLOTS, "x") == accept_answer(of(number), SLOTS, "x")
    assert reads == [of(1)]
    assert answers.accept(of(9), SLOTS, "other").cname == "other"


def test_candidates_are_personal(reads: list[str]) -> None:
    answers = KnownAnswers()
    line = "a=candidate:1 1 udp 2122260223 192.0.2.{} 50000 typ host\r\n"
    for number in range(1, 4):
        text = of(number) + line.format(number)
        assert answers.accept(text, SLOTS, "x") == accept_answer(text, SLOTS, "x")
    assert len(reads) == 1


def test_what_differs_otherwise_is_read(reads: list[str]) -> None:
    answers = KnownAnswers()
    answers.accept(of(1), SLOTS, "x")
    passive = of(2).replace("setup:active", "setup:passive")
    assert answers.accept(passive, SLOTS, "x").remote.setup == "passive"
    fewer = of(2, re.sub(r"a=rtpmap:96 .*\r\n", "", ANSWER))
    assert answers.accept(fewer, SLOTS, "x") == accept_answer(fewer, SLOTS, "x")
    assert len(reads) == 3
    with pytest.raises(NegotiationError):
        answers.accept(of(3), SLOTS[:2], "x")


def test_sections_that_differ_are_never_remembered(reads: list[str]) -> None:
    answers = KnownAnswers()
    for number in (1, 2):
        text = of(number).replace("a=ice-ufrag:user", "a=ice-ufrag:else", 1)
        assert answers.accept(text, SLOTS, "x") == accept_answer(text, SLOTS, "x")
    assert (len(reads), len(answers)) == (2, 0)


def test_no_more_are_kept_than_allowed() -> None:
    answers = KnownAnswers(most=2)
    for number in range(5):
        answers.accept(of(1) + f"a=x-kind:{number}\r\n", SLOTS, "x")
    assert len(answers) == 2


def outcome(answers: KnownAnswers | None, sdp: str) -> Negotiated | str:
    try:
        return answers.accept(sdp, SLOTS, "x") if answers else accept_answer(sdp, SLOTS, "x")
    except NegotiationError as error:
        return error.code


@given(
    line=st.integers(0, ANSWER.count("\r\n") - 1),
    text=st.sampled_from(
        "a=ice-ufrag:\0|a=ice-ufrag:x|a=ice-ufrag:user3|a=ice-pwd:short|a=x||o=-|m=|"
        f"a=fingerprint:sha-256 AB|a=fingerprint:sha-512 {FINGERPRINT[8:]}".split("|")
    ),
    instead=st.booleans(),
)
def test_a_hostile_answer_gets_what_reading_it_gives(line: int, text: str, instead: bool) -> None:
    answers = KnownAnswers()
    answers.accept(of(1), SLOTS, "x")
    lines = of(3).split("\r\n")
    lines[line : line + instead] = [text]
    for _ in range(2):
        assert outcome(answers, "\r\n".join(lines)) == outcome(None, "\r\n".join(lines))
