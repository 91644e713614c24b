"""Which H.264 formats suit (RFC 6184 §8.1)."""

import pytest

from sfu.codecs import H264


def rank(identifier: str | None, mode: str | None = "1") -> int | None:
    offered = {"profile-level-id": identifier, "packetization-mode": mode}
    return H264.rank({name: value for name, value in offered.items() if value is not None})


@pytest.mark.parametrize("identifier", ["42e01f", "42E01F", "42c01f", "42e034", "4de01f", "58f01f"])
def test_constrained_baseline_in_all_its_spellings_is_as_good(identifier: str) -> None:
    # 4D with constraint_set0 and 58 with constraint sets 0 and 1 are the same profile.
    assert rank(identifier) in (0, 1, 2)


def test_nearer_to_constrained_baseline_is_better() -> None:
    ranks = [rank(identifier) for identifier in ("42e01f", "42001f", "4d001f", "640c1f", "64001f")]
    assert ranks == sorted({found for found in ranks if found is not None})


@pytest.mark.parametrize("mode", ["0", "2", None, "", "1 "])
def test_only_packetization_mode_one(mode: str | None) -> None:
    assert rank("42e01f", mode) is None


@pytest.mark.parametrize("identifier", ["6e001f", "f4001f", "42e0", "42e01f0", "zzzzzz", ""])
def test_profiles_that_browsers_do_not_decode_are_refused(identifier: str) -> None:
    assert rank(identifier) is None


def test_absent_profile_is_baseline() -> None:
    assert rank(None) == rank("42000a")


def test_answer_keeps_the_profile() -> None:
    offered = {
        "level-asymmetry-allowed": "1",
        "packetization-mode": "1",
        "profile-level-id": "42e01f",
    }
    assert (
        H264.answer(offered)
        == "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
    )
    assert (
        H264.answer({"packetization-mode": "1"}) == "packetization-mode=1;profile-level-id=420010"
    )
