"""The rows that packet plane and estimator exchange: feedback and delay variations up, rates down.

Little endian and packed, exactly as `_plane` describes them; a test holds both equal. Times of the
plane are CLOCK_MONOTONIC in microseconds, rates bit/s.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Records = NDArray[np.void]

FEEDBACK: Final[np.dtype[Any]] = np.dtype(
    [
        ("transport", "<u4"),
        ("flags", "<u2"),
        ("reports", "<u2"),
        ("time_us", "<i8"),
        ("last_sent_us", "<i8"),
        ("acked_bytes", "<u4"),
        ("acked", "<u4"),
        ("lost_bytes", "<u4"),
        ("lost", "<u4"),
        ("unlost_bytes", "<u4"),
        ("unlost", "<u4"),
        ("sent_bytes", "<u4"),
        ("sent_rtx_bytes", "<u4"),
        ("sent_padding_bytes", "<u4"),
        ("throughput_bps", "<u4"),
        ("round_trip_us", "<u4"),
        ("delay_min_us", "<u4"),
        ("delay_max_us", "<u4"),
        ("in_flight_bytes", "<u4"),
        ("queued_us", "<u4"),
        ("probe", "<u2"),
        ("probe_packets", "<u2"),
        ("probe_bytes", "<u4"),
        ("probe_send_bps", "<u4"),
        ("probe_receive_bps", "<u4"),
        ("marks", "<u2"),
        ("remb_bps", "<u4"),
        ("report_loss", "<u2"),
        ("nacked", "<u2"),
        ("deltas", "<u2"),
        ("freezes", "<u2"),
        ("frozen_ms", "<u2"),
        ("freezes_keyframe", "<u2"),
        ("frozen_keyframe_ms", "<u2"),
        ("freezes_publisher", "<u2"),
        ("frozen_publisher_ms", "<u2"),
    ]
)
"""News of one transport since the last call. Delays are above the base, losses net of `unlost`;
`deltas` entries of the second array belong to the row, in order."""

DELTA: Final[np.dtype[Any]] = np.dtype(
    [
        ("send_delta_us", "<i4"),
        ("arrival_delta_us", "<i4"),
        ("arrival_us", "<i8"),
        ("size", "<u4"),
    ]
)
"""Two successive groups of packets, 5 ms of sending each: how far apart they left and came in
(goog_cc inter_arrival_delta); `arrival_us` is on the receiver's clock."""

RATES: Final[np.dtype[Any]] = np.dtype(
    [
        ("transport", "<u4"),
        ("flags", "<u2"),
        ("probe", "<u2"),
        ("target_bps", "<u4"),
        ("pacing_bps", "<u4"),
        ("padding_bps", "<u4"),
        ("probe_bps", "<u4"),
        ("probe_bytes", "<u4"),
        ("probe_packets", "<u2"),
        ("reserved", "<u2"),
        ("ceiling_bps", "<u4"),
    ]
)
"""What one transport may send; `padding_bps` is the total rate that padding fills up to,
`ceiling_bps` the budget that repairs have to fit into (0 without one)."""


def within(values: Floats, least: float | Floats, most: float | Floats) -> Floats:
    """No less and no more than that; on few rows several times as fast as numpy.clip."""
    found: Floats = np.minimum(np.maximum(values, least), most)
    return found


# Flags of FEEDBACK.
TRANSPORT_WIDE: Final = 1
REMB: Final = 2
REPORT: Final = 4
SILENT: Final = 8
"""Sending, but no feedback for 500 ms or more."""
RESET: Final = 16
"""Path or receiver's clock changed: deltas start anew."""
PROBED: Final = 32
PARTIAL: Final = 64
"""Some sent media carries no transport-wide number."""

# Flags of RATES.
START_PROBE: Final = 1
ABORT_PROBES: Final = 2
AT_LEISURE: Final = 4
"""Nothing is to be gained by hearing of it soon: once a second will do, but for what is urgent."""
