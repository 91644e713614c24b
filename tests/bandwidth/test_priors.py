"""Start rates that are remembered."""

from sfu.bandwidth.priors import PART, VALID, RatePriors


def test_starts_with_a_part_of_what_was_learnt() -> None:
    priors = RatePriors()
    priors.learn("198.51.100.0/24", 4e6, 10.0)
    assert priors.start("198.51.100.0/24", 20.0, 3e5) == PART * 4e6
    assert priors.start("203.0.113.0/24", 20.0, 3e5) == 3e5


def test_never_starts_lower_than_without() -> None:
    priors = RatePriors()
    priors.learn("key", 1e5, 0.0)
    assert priors.start("key", 1.0, 3e5) == 3e5


def test_forgets_with_time_and_when_there_are_too_many() -> None:
    priors = RatePriors(most_keys=2)
    for number in range(3):
        priors.learn(number, 4e6, float(number))
    assert len(priors) == 2
    assert priors.start(0, 3.0, 3e5) == 3e5
    assert priors.start(2, 3.0 + VALID, 3e5) == 3e5
    assert len(priors) == 1
