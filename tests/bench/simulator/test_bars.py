"""The bars in a short form: few seeds of what starts, rises and drops."""

import pytest

from sfu.bench.simulator.bars import startup
from sfu.bench.simulator.outcome import FALLS_SHORT, Finding, Outcome
from sfu.bench.simulator.run import choose, judge, simulate

pytestmark = pytest.mark.long

NAMES = "startup", "rise, layers", "drop", "SD x 1.15", "4 cameras x 0.40"


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return simulate(choose(NAMES, 33.0), 2)


@pytest.fixture(scope="module")
def findings(outcome: Outcome) -> list[Finding]:
    return judge(outcome)


def test_bars_are_read_from_what_has_run(findings: list[Finding]) -> None:
    assert {each.bar for each in findings} == {"B1", "B2", "B3", "B13", "B14"}
    assert all(len(each.values) for each in findings)


@pytest.mark.parametrize("bar", ["B1", "B2", "B13", "B14"])
def test_a_bar_is_met(findings: list[Finding], bar: str) -> None:
    short = [each.measure for each in findings if each.bar == bar and each.verdict == FALLS_SHORT]
    assert short == []


def test_a_drop_is_noticed_and_spares_the_sound(findings: list[Finding]) -> None:
    by_name = {each.measure: each for each in findings}
    assert by_name["drop: sends less"].median <= 0.5
    assert by_name["drop: queue below 50 ms"].median <= 2.0
    assert by_name["drop: sound lost"].p95 == 0


def test_a_bar_can_be_missed(outcome: Outcome) -> None:
    """With half of its demand delivered nobody has reached 90 %."""
    pictures = outcome.measures("startup 2.5M").pictures
    kept = pictures.copy()
    pictures *= 0.5
    first = next(startup(outcome))
    pictures[:] = kept
    assert first.verdict == FALLS_SHORT
