"""Who waits longest gives way."""

from sfu.unfinished import PATIENCE, Unfinished


class Connection:
    """Knows whether it had to go."""

    gone = False

    def give_way(self) -> None:
        self.gone = True


def test_who_has_waited_longest_goes_and_nobody_before_their_time() -> None:
    unfinished = Unfinished()
    first, second, third = Connection(), Connection(), Connection()
    for number, each in enumerate((first, second, third)):
        unfinished.begin(each, float(number))
    assert not unfinished.make_room(PATIENCE - 0.1)
    unfinished.end(first)
    assert not unfinished.make_room(PATIENCE)
    assert unfinished.make_room(PATIENCE + 1.0)
    assert [each.gone for each in (first, second, third)] == [False, True, False]
    assert len(unfinished) == 1
    unfinished.end(third)
    unfinished.end(third)
    assert not unfinished.make_room(100.0)
