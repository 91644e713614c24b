"""What a run reads of the server; whole calls are in tests/calls."""

from sfu.bench.call.run import opinions

METRICS = """\
# HELP sfu_rooms Rooms.
sfu_rooms 1.0
sfu_bandwidth_estimate_bps{kind="receive"} 2500000.0
sfu_bandwidth_loss NaN
"""


def test_what_the_server_thinks_of_its_links() -> None:
    assert opinions(METRICS) == {'sfu_bandwidth_estimate_bps{kind="receive"}': 2_500_000.0}
