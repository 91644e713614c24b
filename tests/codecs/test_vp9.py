"""VP9 in negotiation (RFC 9628)."""

import pytest

from sfu.codecs import VP9


@pytest.mark.parametrize("parameters", [{}, {"profile-id": "0"}, {"max-fs": "12288"}])
def test_profile_zero_suits(parameters: dict[str, str]) -> None:
    assert VP9.rank(parameters) == 0
    assert VP9.answer(parameters) == "profile-id=0"


@pytest.mark.parametrize("profile", ["1", "2", "x", ""])
def test_other_profiles_do_not(profile: str) -> None:
    assert VP9.rank({"profile-id": profile}) is None
