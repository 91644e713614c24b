"""Staircases: their order, and what they never do."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.bandwidth.staircase import (
    ALL_TEMPORAL,
    HEAVY,
    MOST_HEAVY,
    NOTHING,
    PAUSED,
    REPAIRS,
    Aim,
    Demand,
    End,
    Layer,
    Level,
    Staircase,
    staircase,
)

CAMERA = (Layer(150_000, 180, 3), Layer(450_000, 360, 3), Layer(1_250_000, 720, 3))
PLAIN = (Layer(150_000, 180), Layer(450_000, 360), Layer(1_250_000, 720))
SLIDES = (Layer(500_000, 360), Layer(2_000_000, 1080))
AUDIO = 64_000.0


def stairs(*demands: Demand, ceiling: float = math.inf) -> Staircase:
    return staircase(demands, audio=AUDIO, ceiling=ceiling)


def pictures(made: Staircase) -> list[tuple[str, int, int]]:
    return [step[:3] for step in made.steps]


def test_temporal_layers_are_steps_and_a_camera_above_its_base_is_never_a_slide_show() -> None:
    assert pictures(stairs(Demand("a", CAMERA))) == [
        ("a", 0, 0), ("a", 0, 1), ("a", 0, ALL_TEMPORAL),
        ("a", 1, 1), ("a", 1, ALL_TEMPORAL),
        ("a", 2, 1), ("a", 2, ALL_TEMPORAL),
    ]  # fmt: skip
    steps = stairs(Demand("a", CAMERA)).steps
    assert [step.bps for step in steps[:4]] == [60_000, 30_000, 60_000, 120_000]


def test_without_temporal_layers_there_are_spatial_steps_only() -> None:
    made = stairs(Demand("a", PLAIN))
    assert pictures(made) == [("a", layer, ALL_TEMPORAL) for layer in range(3)]
    spent = np.array([0, 150_000, 450_000, 1_250_000])
    assert made.cumulative == pytest.approx(AUDIO + spent * (1 + REPAIRS))


def test_what_prefers_detail_gets_resolution_before_frame_rate() -> None:
    layers = tuple(layer._replace(temporal=3) for layer in SLIDES)
    assert pictures(stairs(Demand("screen", layers, detail=True))) == [
        ("screen", 0, 0), ("screen", 1, 0), ("screen", 1, 1), ("screen", 1, ALL_TEMPORAL),
    ]  # fmt: skip


def test_the_tiers() -> None:
    made = stairs(
        Demand("other", PLAIN, recency=2),
        Demand("recent", PLAIN, recency=1),
        Demand("speaker", PLAIN, priority=50),
        Demand("screen", SLIDES, priority=100, detail=True),
    )
    assert [step[:2] for step in made.steps] == [
        ("screen", 0), ("speaker", 0), ("recent", 0), ("other", 0),
        ("screen", 1), ("speaker", 1), ("speaker", 2),
        ("recent", 1), ("other", 1), ("recent", 2), ("other", 2),
    ]  # fmt: skip


def test_bases_come_to_their_full_frame_rate_before_anything_else() -> None:
    made = stairs(Demand("a", CAMERA, recency=1), Demand("b", CAMERA, priority=50))
    assert pictures(made)[:6] == [
        ("b", 0, 0), ("a", 0, 0), ("b", 0, 1), ("b", 0, 7), ("a", 0, 1), ("a", 0, 7),
    ]  # fmt: skip


def test_the_view_is_the_end() -> None:
    for height, layer, reason in [
        (90, 0, "view"), (180, 0, "view"), (181, 1, "view"), (361, 2, "full"), (1080, 2, "full"),
    ]:  # fmt: skip
        made = stairs(Demand("a", CAMERA, height))
        assert made.ends == {"a": End(Aim(layer, ALL_TEMPORAL), reason)}  # type: ignore[arg-type]


def test_the_ceiling_is_the_end_too_and_others_go_on_below_it() -> None:
    made = stairs(Demand("a", PLAIN), Demand("b", PLAIN[:2], recency=1), ceiling=1_200_000)
    assert made.ends["a"] == End(Aim(1, ALL_TEMPORAL), "budget")
    assert made.ends["b"] == End(Aim(1, ALL_TEMPORAL), "full")


def test_a_base_that_does_not_fit_is_paused_but_never_the_most_important() -> None:
    single = (Layer(1_500_000, 720),)
    made = stairs(
        Demand("a", single), Demand("b", single, priority=9), Demand("c", PLAIN), ceiling=1_000_000
    )
    assert made.ends["b"] == End(Aim(0, ALL_TEMPORAL), "full")
    assert made.ends["a"].aim.spatial == made.ends["c"].aim.spatial == PAUSED
    assert made.ends["a"].reason == "budget"


def test_a_quiet_source_is_shown_for_what_it_costs_but_paid_for_before_others_climb() -> None:
    quiet = (Layer(50_000, 1080, 1, 2_000_000),)
    made = stairs(Demand("screen", quiet, priority=100, detail=True), Demand("a", PLAIN))
    assert made.steps[0].bps == 50_000
    assert made.steps[2][:2] == ("a", 1)
    assert made.steps[2].bps == 300_000 + 1_350_000
    assert made.steps[3].bps == 800_000


def test_an_upper_layer_is_charged_what_is_expected_of_it() -> None:
    quiet = (Layer(150_000, 180), Layer(200_000, 720, 1, 1_250_000))
    assert stairs(Demand("a", quiet)).steps[1].bps == 875_000 - 150_000


def test_what_costs_no_less_than_something_better_is_left_out() -> None:
    odd = (Layer(600_000, 180), Layer(450_000, 360), Layer(0, 720))
    assert pictures(stairs(Demand("a", odd))) == [("a", 2, ALL_TEMPORAL)]
    assert stairs(Demand("a", odd[:2])).ends["a"] == End(Aim(1, ALL_TEMPORAL), "full")


def test_nothing_to_show_is_a_staircase_without_steps() -> None:
    made = stairs()
    assert made.cumulative.tolist() == [AUDIO]
    assert made.reach.tolist() == [0]
    assert made.aims(0) == {}


layers = st.lists(
    st.builds(
        Layer, st.integers(0, 4_000_000), st.integers(0, 2160), st.integers(1, 3),
        st.integers(0, 3_000_000),
    ),
    min_size=1, max_size=4,
).map(tuple)  # fmt: skip
demands = st.lists(
    st.builds(
        Demand, st.sampled_from("abcdefgh"), layers, st.none() | st.integers(1, 1080),
        st.sampled_from([0, 0, 50, 100]), st.integers(0, 9), st.booleans(),
    ),
    max_size=8, unique_by=lambda demand: demand.slot,
)  # fmt: skip
ceilings = st.just(math.inf) | st.integers(0, 12_000_000)


@given(demands, ceilings)
def test_levels_cost_ever_more_and_never_more_than_the_ceiling(
    wishes: list[Demand], ceiling: float
) -> None:
    made = stairs(*wishes, ceiling=ceiling)
    assert np.all(np.diff(made.cumulative) > 0)
    beyond = [made.levels[level] for level in np.flatnonzero(made.cumulative > ceiling + 1e-6)]
    assert beyond in ([], [Level(1)], [Level(0)], [Level(0), Level(1)])
    assert made.ends.keys() == {demand.slot for demand in wishes}
    top = made.aims(made.top)
    assert {slot: end.aim for slot, end in made.ends.items()} == top


def bases(made: Staircase) -> dict[str, float]:
    """What they cost, the most important one first."""
    costs: dict[str, float] = {}
    for step in made.steps:
        costs.setdefault(step.slot, round(step.bps) * (1 + REPAIRS))
    return costs


def heavy(made: Staircase) -> list[str]:
    """The slots whose bases do not block the way for cheaper ones."""
    costs = bases(made)
    order = list(costs)
    found = [
        slot
        for number, slot in enumerate(order[:-1])
        if costs[slot] >= HEAVY * min(costs[behind] for behind in order[number + 1 :])
    ]
    return sorted(found, key=lambda slot: (costs[slot], slot))[-MOST_HEAVY:]


@given(demands, ceilings)
def test_nothing_is_paused_while_what_others_have_beyond_their_bases_would_pay_for_it(
    wishes: list[Demand], ceiling: float
) -> None:
    made = stairs(*wishes, ceiling=ceiling)
    if wishes:
        first = min(wishes, key=lambda demand: (-demand.priority, demand.recency))
        assert made.steps[0].slot == first.slot
    costs = bases(made)
    base = {step.slot: Aim(*step[1:3]) for step in reversed(made.steps)}
    for level in range(len(made.levels)):
        aims = made.aims(level)
        shown = [slot for slot in costs if aims[slot].spatial != PAUSED]
        paused = [slot for slot in costs if slot not in shown]
        assert all(aims[slot].spatial == base[slot].spatial for slot in shown if paused)
        for slot in paused:
            alone = AUDIO + sum(costs[each] for each in (*shown, slot))
            assert alone > made.cumulative[level] or slot not in heavy(made)


@given(demands, ceilings, st.floats(0, 1))
def test_what_fits_is_shown_the_most_important_first_whatever_does_not(
    wishes: list[Demand], ceiling: float, part: float
) -> None:
    made = stairs(*wishes, ceiling=ceiling)
    costs, dear = bases(made), heavy(made)
    # Costs are hundredths of a bit/s.
    budget = AUDIO + math.floor(part * (float(made.cumulative[-1]) - AUDIO)) + 0.005
    level = int(np.searchsorted(made.cumulative, budget, "right")) - 1
    shown = {slot for slot in costs if made.aims(level)[slot].spatial != PAUSED}
    left, expected = budget - AUDIO, set()
    for slot, cost in costs.items():
        if cost <= left:
            expected.add(slot)
            left -= cost
        elif slot not in dear:
            break
    assert shown == expected


def test_a_dear_base_is_left_out_where_it_does_not_fit_and_comes_first_where_it_does() -> None:
    single = (Layer(900_000, 720),)
    made = stairs(
        Demand("screen", single, priority=100, detail=True),
        Demand("speaker", CAMERA[:2], priority=50), Demand("other", CAMERA[:2]),
    )  # fmt: skip
    shown = [
        [slot for slot, aim in made.aims(level).items() if aim.spatial != PAUSED]
        for level in range(len(made.levels))
    ]
    frame_rates = 4
    assert shown[1] == ["speaker"]
    assert shown[2 : 3 + frame_rates] == [["speaker", "other"]] * (1 + frame_rates)
    assert shown[3 + frame_rates] == ["screen"]
    assert shown[made.bases] == ["screen", "speaker", "other"] == shown[-1]
    assert made.aims(2 + frame_rates)["other"] == Aim(0, ALL_TEMPORAL)
    assert made.aims(3 + frame_rates)["speaker"] == NOTHING


def test_bases_that_cost_about_the_same_do_not_take_turns() -> None:
    a, b, c = ((Layer(bps, 180),) for bps in (160_000, 140_000, 120_000))
    made = stairs(Demand("a", a), Demand("b", b, recency=1), Demand("c", c, recency=2))
    assert made.levels == tuple(Level(number) for number in range(4))


@given(demands, ceilings)
def test_every_step_is_an_improvement_and_reach_is_one_spatial_step(
    wishes: list[Demand], ceiling: float
) -> None:
    made = stairs(*wishes, ceiling=ceiling)
    ladders: dict[str, list[int]] = {}
    best: dict[str, tuple[int, int]] = {}
    for step in made.steps:
        assert step[1:3] > best.get(step.slot, (PAUSED, 0))
        best[step.slot] = step[1:3]
        ladder = ladders.setdefault(step.slot, [PAUSED])
        if step.spatial != ladder[-1]:
            ladder.append(step.spatial)
    for level in range(len(made.levels)):
        reach = int(made.reach[level])
        before = made.aims(level)

        def climb(upto: int, before: dict[str, Aim] = dict(before)) -> int:  # noqa: B006
            after = made.aims(upto)
            rungs = ((ladders[slot].index(aim.spatial), slot) for slot, aim in after.items()
                     if slot in ladders)  # fmt: skip
            return max((to - ladders[slot].index(before[slot].spatial) for to, slot in rungs),
                       default=0)  # fmt: skip

        assert climb(reach) <= 1
        assert reach == made.top or climb(reach + 1) > 1
