"""How far up receivers are, and when that changes."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.bandwidth.allocator import Allocator
from sfu.bandwidth.estimator import NORMAL, OVERUSE
from sfu.bandwidth.staircase import NOTHING, Aim, Demand, Layer, Staircase, staircase
from tests.bandwidth.receiver import BARELY, CAMERA, ROW, TICK, Path, stairs


def test_who_is_new_climbs_layer_by_layer_to_what_fits() -> None:
    path = Path(stairs("a"), 600_000)
    assert path.level == 0
    assert path.tick().tolist() == [0]
    assert path.level == 1, "the base comes first, whatever the path carries"
    assert path.hold(0.5) == 2
    assert path.hold(60) == 2


def test_what_grows_by_itself_is_believed_after_a_second_with_a_margin() -> None:
    path = Path(stairs("a"), 700_000)
    assert path.hold(5) == 2
    cost = float(path.made.cumulative[3])
    assert path.creep(1.02 * cost) == 2
    assert path.hold(10) == 2, "nor does waiting help"
    path.creep(1.11 * cost)
    assert path.hold(0.8) == 2
    assert path.hold(0.3) == 3


def test_a_probe_is_believed_at_once() -> None:
    path = Path(stairs("a"), 700_000)
    path.hold(10)
    path.target = 1.05 * float(path.made.cumulative[3])
    path.tick()
    assert path.level == 3


def test_layers_that_cost_much_come_one_after_another() -> None:
    """Their keyframes would hold each other up."""
    path = Path(stairs("a", "b"), 1_000_000)
    path.hold(10)
    before, made = path.level, path.made
    path.target = 1.05 * float(made.cumulative[made.top])
    assert path.target < 3 * (made.cumulative[made.top] - made.cumulative[before])
    climbed = []
    for _ in range(20):
        if path.tick().tolist():
            climbed.append(float(made.cumulative[path.level] - made.cumulative[before]))
            before = path.level
    assert before == made.top
    assert max(climbed) <= path.target / 3
    assert len(climbed) < 4


def test_a_probe_that_shows_no_more_than_the_cost_is_not_enough() -> None:
    path = Path(stairs("a"), 700_000)
    path.hold(10)
    assert path.hold(10, 1.01 * float(path.made.cumulative[3])) == 2


def test_the_ceiling_needs_no_margin() -> None:
    made = stairs("a", ceiling=64_000 + 1.03 * 1_250_000 + 10)
    path = Path(made, 700_000)
    path.hold(10)
    path.creep(made.ceiling)
    assert path.hold(3) == 3


def test_the_most_important_base_is_granted_even_beyond_the_ceiling() -> None:
    path = Path(stairs("a", layers=CAMERA[2:], ceiling=1_000_000), 1_000_000)
    assert path.hold(0.1) == 1
    assert path.hold(1.6, 900_000) == 0


def test_a_level_that_does_not_fit_is_left_after_a_third_of_a_second() -> None:
    path = Path(stairs("a", "b"), 3_000_000)
    full = path.made.top
    assert path.hold(10) == full
    cost = float(path.made.cumulative[full])
    assert path.hold(0.2, 0.99 * cost) == full
    path.target = cost
    path.tick()
    assert path.hold(0.25, 0.99 * cost) == full, "the time begins anew"
    assert path.hold(0.15) == full - 1


def test_a_level_that_probes_have_just_found_to_fit_outlives_a_burst_and_jitter() -> None:
    path = Path(stairs("a"), 3_000_000)
    path.hold(10)
    path.shown = float(path.made.cumulative[3])
    assert path.hold(7.9, 0.95 * path.shown) == 3
    assert path.hold(0.2) == 2
    path = Path(stairs("a"), 3_000_000)
    path.hold(10)
    path.shown = float(path.made.cumulative[3])
    path.queue_us = 110_000.0
    assert path.hold(0.1, 0.95 * path.shown) == 2, "not while a queue stands"


def test_overuse_far_below_and_a_standing_queue_do_not_wait() -> None:
    for state, queue_us, part in [(OVERUSE, 0.0, 0.84), (NORMAL, 110_000.0, 0.99)]:
        path = Path(stairs("a"), 3_000_000)
        path.hold(10)
        path.state, path.queue_us = state, queue_us
        path.target = part * float(path.made.cumulative[3])
        path.tick()
        assert path.level == 2
        assert path.hold(20, 5_000_000) == 2, "and nobody climbs meanwhile"


def test_down_goes_to_the_bases_at_once_and_beyond_only_when_it_lasts() -> None:
    path = Path(stairs("a", "b"), 3_000_000)
    path.hold(10)
    path.state = OVERUSE
    assert path.hold(0.05, 10_000) == 2, "a queue that drains ends no picture"
    assert path.hold(1.0) == 2
    assert path.hold(0.6) == 0, "sound alone"
    path.state = NORMAL
    path.hold(10, 3_000_000)
    path.state = OVERUSE
    path.hold(1.0, 230_000)
    path.state = NORMAL
    assert path.hold(0.5, 400_000) == 2


def test_no_picture_is_given_up_while_less_arrives_than_the_path_carries() -> None:
    path = Path(stairs("a", "b"), 3_000_000)
    path.hold(10)
    path.arriving = 200_000
    assert path.hold(5, 300_000) == 2, "both bases, whatever they were planned to cost"
    path.queue_us = 110_000.0
    assert path.hold(2) < 2, "but not when they stand in a queue"
    path.queue_us = 0.0
    path.hold(10, 3_000_000)
    path.arriving = None
    assert path.hold(2, 300_000) < 2


def test_the_end_of_a_drain_is_no_probe() -> None:
    path = Path(stairs("a", "b"), 3_000_000)
    path.hold(15)
    path.state = OVERUSE
    fallen = path.hold(1.0, 1_000_000)
    path.state = NORMAL
    assert path.hold(0.9, 3_000_000) == fallen < path.made.top
    assert path.hold(0.2) > fallen, "but what is carried is carried"


def test_after_a_breakdown_bases_are_back_soon_and_nothing_is_blocked() -> None:
    path = Path(stairs("a", "b"), 3_000_000)
    path.hold(5)
    path.state = OVERUSE
    assert path.hold(2.0, 30_000) == 0
    path.state = NORMAL
    assert path.hold(0.2, 300_000) == 0
    assert path.hold(0.2) == 1
    assert path.hold(0.7, 800_000) >= 2, "nor does the second wait for long"
    assert path.hold(3, 1.05 * float(path.made.cumulative[-1])) == path.made.top


def test_costs_that_move_do_not_move_levels() -> None:
    path = Path(stairs("a", "b"), 1_500_000)
    level = path.hold(10)
    dearer = tuple(layer._replace(bps=layer.bps * 104 // 100) for layer in CAMERA)
    path.allocator.assign(ROW, stairs("a", "b", layers=dearer))
    assert path.level == level
    assert path.allocator.cost[0] > path.made.cumulative[level]


def test_another_stage_is_given_for_what_the_former_cost() -> None:
    path = Path(stairs("a"), 1_400_000)
    assert path.hold(10) == 3
    other = stairs("a", "b", "c")
    path.allocator.assign(ROW, other)
    assert path.level == int(np.searchsorted(other.cumulative, 64_000 + 1_287_500, "right")) - 1
    assert path.allocator.staircase_of(0) is other


def test_a_step_that_was_undone_long_ago_costs_nobody_time_who_comes_back() -> None:
    path = Path(stairs("a"), 700_000)
    path.hold(10)
    path.hold(2, BARELY)
    path.hold(1, 700_000)
    for away, least in ((1.0, 0), (10.0, 3)):
        path.allocator.assign(ROW, stairs())
        path.hold(away, 3_000_000)
        path.allocator.assign(ROW, path.made)
        assert path.level == least


def shared(screen: int) -> Staircase:
    wishes = [Demand("screen", (Layer(screen, 720),), priority=100), Demand("a", CAMERA[:2])]
    return staircase(wishes, audio=64_000, ceiling=4_000_000)


def test_a_screen_that_does_not_fit_any_more_leaves_cameras_their_bases_and_comes_back() -> None:
    path = Path(shared(80_000), 560_000)
    path.hold(5)
    both = path.made.aims(path.level)
    assert both["screen"] != NOTHING != both["a"]
    dear = shared(900_000)
    path.allocator.assign(ROW, dear)
    assert dear.aims(path.level) == both, "what is shown stays, whatever it costs by now"
    path.hold(2)
    alone = {"screen": NOTHING, "a": both["a"]}
    assert dear.aims(path.level) == alone
    path.hold(5, 1.03 * (64_000 + 1.03 * 900_000) + 1)
    assert dear.aims(path.level) == {"screen": Aim(0, 7), "a": NOTHING}
    path.hold(5, 1_300_000)
    assert dear.aims(path.level) == both
    path.allocator.assign(ROW, shared(80_000))
    assigned = path.allocator.staircase_of(0)
    assert assigned is not None
    assert assigned.aims(path.level) == both


def test_a_block_stays_with_what_it_is_about_when_levels_get_other_numbers() -> None:
    path = Path(shared(80_000), 400_000)
    path.hold(5)
    barely = 1.05 * float(path.made.cumulative[path.made.top])
    path.hold(2, barely)
    assert path.level == path.made.top
    path.hold(1, 400_000)
    fallen = path.level
    more = shared(240_000)
    assert len(more.levels) > len(path.made.levels)
    path.allocator.assign(ROW, more)
    assert int(path.allocator.blocked_level[0]) == more.top
    assert path.level == fallen + len(more.levels) - len(path.made.levels)


def test_stages_that_come_and_go_leave_nothing_behind() -> None:
    def stage(bps: int) -> Staircase:
        return staircase([Demand("a", (Layer(bps, 720),))], audio=64_000, ceiling=3_000_000)

    path = Path(stage(100_000), 300_000)
    for _ in range(20):
        path.hold(2)
        assert path.level == 1
        path.allocator.assign(ROW, staircase([], audio=64_000, ceiling=3_000_000))
        path.hold(0.2)
        # What a camera costs is assumed first, then known: a step that is taken by itself then.
        path.allocator.assign(ROW, stage(1_250_000))
        path.hold(0.2)
        path.allocator.assign(ROW, stage(100_000))


def test_what_is_asked_of_the_estimator() -> None:
    path = Path(stairs("a", ceiling=3_000_000), 700_000)
    path.hold(10)
    cost, upwards, wanted, ceiling = (
        float(column[0]) for column in path.allocator.demand(ROW, path.now)
    )
    assert cost == path.made.cumulative[2]
    assert path.made.cumulative[3] < upwards == wanted < 1.05 * path.made.cumulative[3]
    assert ceiling == 3_000_000
    path.hold(1, BARELY)
    path.hold(1, 700_000)
    asked = path.allocator.demand(ROW, path.now)[1][0]
    assert asked > 1.09 * path.made.cumulative[3], "more, to lift a block"
    path.hold(3, 3_000_000)
    path.hold(5)
    top = path.allocator.demand(ROW, path.now)
    assert top[0][0] == top[1][0]


def test_rows_that_are_released_are_used_again_from_the_foot() -> None:
    path = Path(stairs("a"), 3_000_000)
    path.hold(10)
    path.allocator.release(ROW)
    assert path.allocator.staircase_of(0) is None
    assert path.tick().tolist() == []
    path.allocator.assign(ROW, stairs("b"))
    assert path.level == 0


def test_many_rows_share_a_staircase_and_each_has_its_level() -> None:
    allocator = Allocator(4)
    rows = np.arange(100)
    made = stairs("a", "b", "c")
    allocator.assign(rows, made)
    allocator.assign(rows[::3], stairs("x"))
    target = np.linspace(100_000, 4_000_000, 100)
    now = 5.0
    for _ in range(100):
        now += TICK
        state, queue, shown = np.zeros(100, dtype=np.int64), np.zeros(100), np.full(100, math.inf)
        allocator.tick(now, target, target, state, queue, shown)
    for row in rows.tolist():
        costs = allocator.staircase_of(row).cumulative  # type: ignore[union-attr]
        assert allocator.level[row] == max(
            0, np.searchsorted(costs * 1.03, target[row], "right") - 1
        )


events = st.lists(
    st.tuples(
        st.floats(0.01, 3.0),  # seconds
        st.floats(0, 6_000_000),  # target
        st.sampled_from([NORMAL, NORMAL, NORMAL, OVERUSE]),
        st.sampled_from([0.0, 0.0, 150_000.0]),
        st.sampled_from([None, None, "a", "ab", "abcd"]),  # another stage
    ),
    max_size=40,
)


@settings(max_examples=30, deadline=None)
@given(events)
def test_never_more_than_fits_and_one_spatial_layer_at_a_time(
    course: list[tuple[float, float, int, float, str | None]],
) -> None:
    path = Path(stairs("a", "b"), 300_000)
    allocator = path.allocator
    misfit_since = math.inf
    for seconds, target, state, queue_us, stage in course:
        if stage is not None:
            allocator.assign(ROW, stairs(*stage))
            misfit_since = math.inf
        path.target, path.state, path.queue_us = target, state, queue_us
        for _ in range(math.ceil(seconds / TICK)):
            before = path.level
            path.tick()
            made = allocator.staircase_of(0)
            assert made is not None
            if path.level > before:
                assert path.level <= made.reach[before]
                assert made.cumulative[path.level] <= target
            fits = path.level == 0 or made.cumulative[path.level] <= target
            misfit_since = math.inf if fits else min(misfit_since, path.now)
            most = 0.3 if path.level > made.bases else 2.0
            assert path.now - misfit_since <= most + TICK
            assert allocator.cost[0] == made.cumulative[path.level]
