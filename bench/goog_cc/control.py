"""goog_cc for one transport, fed with the rows of the packet plane."""

import math
from dataclasses import dataclass

import numpy as np

from sfu.bandwidth.rows import DELTA, PROBED, RESET, SILENT, TRANSPORT_WIDE, Records
from sfu.bench.goog_cc.delay import NORMAL, OVERUSE, UNDERUSE, Aimd, Trendline
from sfu.bench.goog_cc.loss import BY_DELAY, INCREASING, Loss
from sfu.bench.goog_cc.probing import ApplicationLimited, Cluster, ProbeController, probe_result


@dataclass(frozen=True, slots=True)
class Decision:
    """What may be sent from now on, bit/s; `padding` is the rate that padding fills up to."""

    target: float
    pacing: float
    padding: float
    probe: Cluster | None


class GoogCc:
    """One transport's congestion control; time in seconds, rates bit/s."""

    def __init__(self, now: float, *, start: float = 300_000.0, ceiling: float = math.inf) -> None:
        self.ceiling = ceiling
        self.wanted = 0.0
        self.estimate = start
        self.trendline = Trendline()
        self.aimd = Aimd(start, now)
        self.loss = Loss()
        self.application = ApplicationLimited()
        self.probing = ProbeController()
        self.heard_at: float | None = None
        self.state = NORMAL
        self.throughput = 0.0
        self.recovered = False
        self.cut = math.inf
        self.cut_at = -math.inf

    @property
    def target(self) -> float:
        return min(self.estimate, self.ceiling)

    def tick(self, now: float, row: Records | None, deltas: Records | None = None) -> Decision:
        """`row` is the transport's one FEEDBACK record of the tick, if there is one."""
        if row is not None:
            heard_at = self.heard_at
            if int(row["flags"]) & TRANSPORT_WIDE:
                self.hear(now, row, np.zeros(0, DELTA) if deltas is None else deltas)
                self.heard_at = now
            elif int(row["flags"]) & PROBED and self.state != OVERUSE:
                found = self.probed(row)
                if found > 0.0:
                    self.aimd.set_rate(found, now)
            if self.heard_at is not None:
                self.back_off(now, row, heard_at)
                rate = min(self.aimd.rate, self.loss.result(), self.cut)
                self.estimate = min(max(rate, 30_000.0), 4e9)
        fit = (
            self.heard_at is not None
            and self.state == NORMAL
            and self.loss.state == BY_DELAY
            and math.isinf(self.cut)
        )
        self.probing.process(
            now,
            self.estimate,
            fit,
            self.recovered,
            self.application,
            self.wanted,
            self.ceiling,
        )
        self.recovered = False
        target = self.target
        padded = self.loss.state == INCREASING and self.state == NORMAL
        pacing = (2.5 if self.heard_at is None else 1.1) * target
        return Decision(target, pacing, target if padded else 0.0, self.probing.next_cluster())

    def hear(self, now: float, row: Records, deltas: Records) -> None:
        throughput = float(row["throughput_bps"])
        if row["round_trip_us"]:
            self.aimd.round_trip = int(row["round_trip_us"]) / 1e6
        sent = int(row["sent_bytes"]) + int(row["sent_rtx_bytes"]) + int(row["sent_padding_bytes"])
        self.application.update(now, 8.0 * sent, self.estimate)
        silent = self.heard_at is not None and now - self.heard_at > 2.0
        if silent or int(row["flags"]) & RESET:
            self.trendline = Trendline()
        for each in deltas:
            self.trendline.update(
                int(each["send_delta_us"]) / 1000.0,
                int(each["arrival_delta_us"]) / 1000.0,
                int(each["arrival_us"]) / 1000.0,
            )
        state = self.trendline.state
        self.recovered = self.state == UNDERUSE and state == NORMAL
        self.state = state
        self.throughput = throughput or self.throughput
        probed = self.probed(row)
        self.aimd.update(now, state, throughput, probed)
        lost = int(row["lost_bytes"]) - int(row["unlost_bytes"])
        self.loss.update(
            int(row["last_sent_us"]),
            int(row["acked_bytes"]),
            lost,
            self.aimd.rate,
            throughput,
            self.application.limited,
            self.ceiling,
        )

    def probed(self, row: Records) -> float:
        """What a cluster found that came to an end with this row, 0 for none."""
        if not int(row["flags"]) & PROBED:
            return 0.0
        found = probe_result(int(row["probe_send_bps"]), int(row["probe_receive_bps"]))
        return max(found, min(self.aimd.rate, 0.85 * self.throughput)) if found > 0.0 else 0.0

    def back_off(self, now: float, row: Records, heard_at: float | None) -> None:
        """rtt_based_backoff: four fifths each second of a path that answers late or never."""
        late = int(row["round_trip_us"]) > 3_000_000
        if int(row["flags"]) & SILENT and heard_at is not None and self.heard_at == heard_at:
            late |= now - heard_at > 3.0
        if not late:
            self.cut = math.inf
        elif now - self.cut_at >= 1.0:
            self.cut = max(0.8 * min(self.estimate, self.cut), 5_000.0)
            self.cut_at = now
