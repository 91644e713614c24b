"""AV1 in negotiation."""

import pytest

from sfu.codecs import AV1


def test_main_profile_suits() -> None:
    assert AV1.rank({}) == 0
    assert AV1.rank({"profile": "0", "tier": "0"}) == 0


@pytest.mark.parametrize("profile", ["1", "2", "x"])
def test_other_profiles_do_not(profile: str) -> None:
    assert AV1.rank({"profile": profile}) is None


def test_answer_repeats_level_and_tier() -> None:
    offered = {"level-idx": "5", "profile": "0", "tier": "0"}
    assert AV1.answer(offered) == "level-idx=5;profile=0;tier=0"
    assert AV1.answer({}) == ""
    assert AV1.answer({"level-idx": "x"}) == ""
