"""The outbox is bounded, and ends in order."""

import asyncio

from sfu.signaling.outbox import MAX_BYTES, TOO_SLOW, Close, Outbox


def test_frames_leave_in_order_and_the_close_last() -> None:
    outbox = Outbox(10)
    woken: list[int] = []
    outbox.wake = lambda: woken.append(1)
    assert outbox.take() is None
    outbox.push("a")
    outbox.push("b")
    outbox.close(Close(1000))
    outbox.push("too late")
    outbox.close(Close(1001))
    assert [outbox.take() for _ in range(4)] == ["a", "b", Close(1000), Close(1000)]
    assert len(woken) == 3
    assert outbox.closing
    assert not outbox.overflowed


def test_a_slow_reader_is_closed_not_buffered() -> None:
    outbox = Outbox(3)
    for _ in range(5):
        outbox.push("x")
    assert outbox.overflowed
    assert outbox.take() == TOO_SLOW


def test_bytes_are_bounded_too() -> None:
    outbox = Outbox(1000)
    outbox.push("x" * (MAX_BYTES // 2))
    outbox.push("x" * (MAX_BYTES // 2))
    assert not outbox.overflowed
    outbox.take()
    outbox.push("x" * (MAX_BYTES // 2))
    assert not outbox.overflowed
    outbox.push("x")
    assert outbox.overflowed


async def test_an_outbox_is_held_until_something_is_done() -> None:
    outbox = Outbox(10)
    outbox.hold(None)
    assert outbox.held is None
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    outbox.hold(done)
    outbox.push("a")
    assert outbox.held is done


def test_events_are_kept_for_who_comes_back() -> None:
    former, outbox = Outbox(3), Outbox(3)
    former.push("one")
    former.answer("an answer")
    former.push("an offer", again=False)
    former.take()
    former.leave_off()
    former.push("two")
    assert outbox.go_on_from(former, None) == (["two"], 0)
    assert outbox.events == 3
    outbox.repeat("two")
    outbox.push("three")
    assert [outbox.take(), outbox.take(), outbox.take()] == ["two", "three", None]
    # The oldest go first.
    last = Outbox(3)
    assert last.go_on_from(outbox, 0) == (["two", "three"], 1)
    assert last.go_on_from(outbox, 99) == ([], 0)
