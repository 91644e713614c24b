"""Layers by view and budget."""

from hypothesis import given
from hypothesis import strategies as st

from sfu.bandwidth.layers import (
    PAUSED,
    Choice,
    Demand,
    Layer,
    PlannedRate,
    assumed_layers,
    choose,
)

CAMERA = (Layer(150_000, 180), Layer(450_000, 360), Layer(1_250_000, 720))
PLENTY = 10_000_000


def test_the_view_decides_while_the_budget_allows() -> None:
    for height, expected in [(90, 0), (180, 0), (181, 1), (360, 1), (361, 2), (720, 2), (1080, 2)]:
        chosen = choose([Demand("a", CAMERA, height)], PLENTY)["a"]
        assert chosen == Choice(expected, "full" if expected == 2 else "view")
    assert choose([Demand("a", CAMERA)], PLENTY) == {"a": Choice(2, "full")}
    assert choose([], PLENTY) == {}


def test_the_sum_stays_within_the_budget() -> None:
    demands = [Demand(name, CAMERA) for name in "abcd"]
    chosen = choose(demands, 2_000_000)
    # Equals climb side by side: nobody has the highest while another one has the lowest.
    assert [chosen[name].spatial for name in "abcd"] == [1, 1, 1, 1]
    assert chosen["b"] == Choice(1, "budget")
    chosen = choose(demands, 2_700_000)
    assert [chosen[name].spatial for name in "abcd"] == [2, 1, 1, 1]


def test_the_higher_priority_steps_down_later() -> None:
    demands = [Demand("a", CAMERA), Demand("b", CAMERA, priority=1)]
    assert choose(demands, 1_400_000) == {"a": Choice(0, "budget"), "b": Choice(2, "full")}


def test_what_does_not_fit_at_all_is_paused_but_never_the_most_important() -> None:
    single = (Layer(1_500_000, 720),)
    demands = [Demand("a", single), Demand("b", single, priority=9), Demand("c", single)]
    assert choose(demands, 1_000_000) == {
        "a": Choice(PAUSED, "budget"),
        "b": Choice(0, "full"),
        "c": Choice(PAUSED, "budget"),
    }


rates = st.lists(st.integers(1_000, 4_000_000), min_size=1, max_size=3).map(sorted)


@given(
    st.lists(st.tuples(rates, st.integers(0, 3), st.one_of(st.none(), st.integers(1, 1080)))),
    st.integers(0, 12_000_000),
)
def test_never_beyond_the_budget(
    wishes: list[tuple[list[int], int, int | None]], budget: int
) -> None:
    demands = [
        Demand(
            str(index),
            tuple(Layer(bps, 180 << level) for level, bps in enumerate(ladder)),
            height,
            priority,
        )
        for index, (ladder, priority, height) in enumerate(wishes)
    ]
    chosen = choose(demands, budget)
    assert chosen.keys() == {demand.slot for demand in demands}
    spent = {
        demand.slot: demand.layers[chosen[demand.slot].spatial].bps
        for demand in demands
        if chosen[demand.slot].spatial != PAUSED
    }
    first = max(demands, key=lambda demand: demand.priority, default=None)
    if first is not None:
        assert first.slot in spent
        assert sum(spent.values()) <= max(budget, first.layers[0].bps)
    for demand in demands:
        choice = chosen[demand.slot]
        if choice.reason == "view":
            assert demand.max_height is not None
            assert demand.layers[choice.spatial].height >= demand.max_height


def test_a_planned_rate_goes_up_at_once_and_down_slowly() -> None:
    rate = PlannedRate(450_000)
    assert rate.observe(300_000)  # the first one counts: until now it was an assumption
    assert rate.bps == 300_000
    assert not rate.observe(305_000)
    assert rate.observe(600_000)
    assert 380_000 < rate.bps < 400_000
    quiet = [rate.observe(100_000) for _ in range(12)]
    assert not any(quiet[:4])
    assert any(quiet)


def test_a_layer_that_stops_keeps_its_rate() -> None:
    rate = PlannedRate(450_000)
    rate.observe(500_000)
    assert not any(rate.observe(0) for _ in range(60))
    assert rate.bps == 500_000


def test_a_rate_that_wavers_does_not_change_plans() -> None:
    rate = PlannedRate(1_000_000)
    rate.observe(1_000_000)
    assert not any(rate.observe(bps) for bps in [950_000, 1_050_000] * 30)


def test_assumed_layers_are_those_of_a_camera() -> None:
    assert [layer.height for layer in assumed_layers(3)] == [180, 360, 720]
    assert [layer.height for layer in assumed_layers(1)] == [720]
    assert len(assumed_layers(5)) == 5


def test_the_first_keyframe_is_not_taken_for_the_rate() -> None:
    rate = PlannedRate(1_250_000)
    rate.observe(2_600_000)
    assert rate.bps < 1_800_000
    for _ in range(10):
        rate.observe(2_600_000)
    assert rate.bps > 2_300_000, "what lasts is believed"
