"""Layers that nobody watches."""

from sfu.watched import UNWATCHED_AFTER, WATCHED_AFTER, Watched

ALL = (True, True, True)


def test_a_layer_is_wanted_while_anybody_watches_and_a_while_longer() -> None:
    watched = Watched()
    watched.begin("a", 0)
    watched.move("a", -1, 2, 1)
    watched.move("a", -1, 2, 2)
    assert watched.wanted("a", ALL, 5) == (True, True, True), "too early to tell"
    assert watched.wanted("a", ALL, 31) == (True, False, True)
    watched.move("a", 2, 1, 32)
    assert watched.wanted("a", ALL, 100) == (True, True, True), "one still watches"
    watched.move("a", 2, -1, 100)
    assert watched.wanted("a", ALL, 100 + UNWATCHED_AFTER - 0.1) == (True, True, True)
    assert watched.wanted("a", ALL, 100 + UNWATCHED_AFTER) == (True, True, False)
    watched.move("a", -1, 2, 200)
    assert watched.due == 200 + WATCHED_AFTER
    assert watched.wanted("a", ALL, watched.due)[2]


def test_who_only_passes_a_layer_does_not_watch_it() -> None:
    watched = Watched()
    for now in range(100, 150, 5):
        watched.move("a", -1, 1, now)
        watched.move("a", 1, 2, now + 0.2)
        assert watched.wanted("a", (True, False, False), now + 1) == (True, False, True)
        watched.move("a", 2, -1, now + 2)


def test_the_lowest_layer_is_always_wanted() -> None:
    assert Watched().wanted("a", ALL[:2], 1000) == (True, False)


def test_a_new_picture_begins_as_if_watched() -> None:
    watched = Watched()
    assert watched.wanted("a", ALL[:2], 50) == (True, False)
    watched.begin("a", 50)
    assert watched.wanted("a", ALL[:2], 59) == (True, True)


def test_what_was_not_wanted_before_a_mute_is_not_wanted_after_it() -> None:
    watched = Watched()
    watched.begin("a", 50)
    assert watched.wanted("a", (True, False, True), 51) == (True, False, True)


def test_going_nowhere_counts_for_nothing() -> None:
    watched = Watched()
    watched.move("a", 1, 1, 5)
    assert watched.wanted("a", ALL[:2], 6) == (True, False)
