"""Steps up that had to be taken back: when they are tried again."""

from tests.bandwidth.receiver import BARELY, ROW, Path, stairs


def test_a_step_that_had_to_be_undone_is_blocked_twice_as_long_each_time() -> None:
    path = Path(stairs("a"), 700_000)
    path.hold(10)
    waits = []
    for _ in range(6):
        path.hold(2, BARELY)
        assert path.level == 3
        path.hold(1, 700_000)
        assert path.level == 2
        began = path.now
        while path.level == 2:
            path.target = 700_000
            path.tick()
            path.target = BARELY
            path.tick()
        waits.append(path.now - began + 1)
    rounded = [5 * round(wait / 5) for wait in waits]
    assert rounded == [5, 10, 20, 40, 60, 60]


def test_a_probe_lifts_a_block_if_it_shows_the_more_the_longer_that_is() -> None:
    path = Path(stairs("a"), 700_000)
    path.hold(10)
    path.hold(2, BARELY)
    path.hold(1, 700_000)
    assert path.hold(2, BARELY) == 2
    path.hold(1, 700_000)
    for part, level in ((1.11, 3), (1.11, 2), (1.21, 3)):
        path.target = part * float(path.made.cumulative[3])
        path.tick()
        assert path.level == level
        path.hold(1, 700_000)


def test_a_little_more_than_needed_is_enough_where_it_lasts() -> None:
    path = Path(stairs("a"), 700_000)
    path.hold(10)
    path.creep(BARELY)
    assert path.hold(4.5) == 2
    assert path.allocator.demand(ROW, path.now)[1][0] > BARELY, "better ask"
    path.hold(1.0)
    assert path.level == 3


def test_what_lasts_is_not_enough_where_probes_find_less_than_the_step_costs() -> None:
    path = Path(stairs("a"), 700_000)
    path.hold(10)
    path.creep(BARELY)
    path.shown = float(path.made.cumulative[3]) - 1
    assert path.hold(30) == 2
    path.shown += 1
    path.tick()
    assert path.level == 3


def test_a_block_spares_the_levels_below_it_and_is_forgotten_after_a_calm_minute() -> None:
    path = Path(stairs("a", "b"), 3_000_000)
    top = path.made.top
    barely = 1.05 * float(path.made.cumulative[top])
    path.hold(1)
    path.hold(1, 1_400_000)
    assert path.hold(3, barely) == top - 1
    path.hold(90)
    assert path.level == top
    path.hold(1, 2_000_000)
    fallen = path.now
    while path.level < top:
        path.hold(0.5, barely)
    assert path.now - fallen < 5
