"""Sockets that have not joined."""

from sfu.signaling.newcomers import NO_JOIN, PATIENCE, Newcomers
from sfu.signaling.outbox import Outbox


def test_who_only_holds_a_place_gives_it_to_who_comes() -> None:
    waiting = Newcomers(3)
    first, second, third, fourth = (Outbox(10) for _ in range(4))
    for at, outbox in enumerate((first, second, third)):
        assert waiting.refusal(at) is None
        waiting.come(outbox, at)
    waiting.leave(first)
    waiting.leave(first)
    waiting.come(first, 2.5)
    assert waiting.refusal(1 + PATIENCE) is None
    waiting.come(fourth, 1 + PATIENCE)
    assert [each.closing for each in (first, second, third, fourth)] == [False, True, False, False]
    assert second.take() == NO_JOIN
    assert len(waiting) == 3


def test_in_a_storm_nobody_is_closed_for_another_one() -> None:
    waiting = Newcomers(2)
    for at in (10.0, 10.5):
        waiting.come(Outbox(10), at)
    refused = waiting.refusal(11.0)
    assert refused is not None
    assert (refused.limit, refused.status, refused.seconds) == ("unjoined_sockets", 503, 1)
    assert waiting.refusal(10.0 + PATIENCE) is None


def test_who_has_not_come_in_waits_again_where_there_is_a_place() -> None:
    waiting = Newcomers(2)
    first, second, third = (Outbox(10) for _ in range(3))
    for outbox in (first, second):
        waiting.come(outbox, 10.0)
    waiting.again(first, 10.0)
    waiting.leave(first)
    waiting.again(first, 11.0)
    assert len(waiting) == 2
    waiting.again(third, 11.0)
    assert third.take() == NO_JOIN
    waiting.leave(third)
    again = Outbox(10)
    waiting.again(again, 10.0 + PATIENCE)
    assert [each.closing for each in (first, second, again)] == [False, True, False]
