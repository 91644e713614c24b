"""What may be sent to whom."""

from sfu.signaling.allowance import MessageTraffic
from sfu.signaling.limits import MESSAGE_BYTES_BURST, MESSAGE_BYTES_PER_SECOND


def test_nobody_is_remembered_but_who_is_here() -> None:
    here = dict.fromkeys(str(number) for number in range(100))
    traffic = MessageTraffic(here)
    for number in range(10_000):
        traffic.take(f"stranger-{number}", 1, 0.0)
    assert len(traffic) == 0
    for number in range(10_000):
        here.pop(str(number), None)
        here[str(number + 100)] = None
        traffic.take(str(number + 100), 1, 0.0)
    assert len(traffic) <= len(here) + 1


def test_groups_share_what_each_person_has_alone() -> None:
    traffic = MessageTraffic({"ann": None, "bob": None})
    assert traffic.take("all", MESSAGE_BYTES_BURST, 0.0) == 0.0
    assert traffic.take("presenters", MESSAGE_BYTES_PER_SECOND, 0.0) == 1.0
    assert traffic.take("ann", MESSAGE_BYTES_BURST, 0.0) == 0.0
    assert traffic.take("ann", MESSAGE_BYTES_PER_SECOND, 0.0) == 1.0
    assert traffic.take("bob", 1, 0.0) == 0.0
    assert traffic.take("ann", MESSAGE_BYTES_PER_SECOND, 1.0) == 0.0
