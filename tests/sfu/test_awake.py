"""Only who has something due is looked at."""

from sfu.awake import Awake


def test_who_sleeps_is_not_looked_at_until_woken() -> None:
    awake: Awake[str] = Awake()
    awake.wake("a")
    awake.wake("b")
    awake.wake("a")
    assert awake.due(0) == ["a", "b"]
    awake.sleep("a")
    awake.sleep("nobody")
    assert awake.due(0) == ["b"]
    awake.wake("a")
    assert awake.due(0) == ["b", "a"]


def test_an_alarm_wakes_when_its_time_has_come() -> None:
    awake: Awake[str] = Awake()
    awake.wake_at(7, "late")
    awake.wake_at(3, "early")
    assert awake.due(2.9) == []
    assert awake.due(3) == ["early"]
    awake.sleep("early")
    assert awake.due(9) == ["late"]
