"""What passes between packet plane and estimator, added up: bytes by what they are for, probes."""

import numpy as np

from sfu.bandwidth.rows import PROBED, START_PROBE, Records


class Tally:
    """Of one worker, since its start."""

    def __init__(self) -> None:
        self.rows = 0
        """Rows of feedback."""
        self.media = 0
        """Bytes sent to subscribers: sound and pictures for the first time, ..."""
        self.repairs = 0
        """... on request again, ..."""
        self.padding = 0
        """... and to find out what paths carry."""
        self.probes = 0
        """Clusters begun, ..."""
        self.answered = 0
        """... of which enough came back, ..."""
        self.failed = 0
        """... or too little."""

    def add(self, feedback: Records, rates: Records) -> None:
        """Takes the rows of one tick, both ways."""
        if len(feedback):
            self.rows += len(feedback)
            self.media += _sum(feedback["sent_bytes"])
            self.repairs += _sum(feedback["sent_rtx_bytes"])
            self.padding += _sum(feedback["sent_padding_bytes"])
            ended = (feedback["flags"] & PROBED) != 0
            if count := int(np.count_nonzero(ended)):
                answered = int(np.count_nonzero(feedback["probe_receive_bps"][ended]))
                self.answered += answered
                self.failed += count - answered
        if len(rates):
            self.probes += int(np.count_nonzero(rates["flags"] & START_PROBE))


def _sum(column: Records) -> int:
    return int(column.sum(dtype=np.int64))
