"""Whose feedback may wait: receivers that have all they look at, over paths that bear it.

Hearing of them more often would change nothing, and whoever hears many at once works less for each.
The packet plane tells of them once a second, with as many deltas as a slope is fitted to; of a
queue, of losses and of silence it tells at once all the same.
"""

from typing import Final

from sfu.bandwidth.ample_probing import LATE
from sfu.bandwidth.probing import Situation
from sfu.bandwidth.rows import Bools, Floats
from sfu.bandwidth.step_probing import CLIMBED

SETTLED: Final = 3.0
"""Seconds since the rate was last lowered."""
MODEST: Final = 300_000.0
"""bit/s that any path is believed to carry, although it has said nothing yet: sound, say."""


def at_leisure(now: float, at: Situation, heard: Bools, lowered_at: Floats) -> Bools:
    """Where there is no step to take, none to take back, nothing to be asked by probes, and nothing
    waits for long to be sent."""
    modest = (at.wanted > 0.0) & (at.wanted <= MODEST)
    leisurely: Bools = (at.fit | (modest & ~heard)) & (at.next_step <= at.allocated)
    leisurely &= at.allocated <= at.estimate
    leisurely &= at.wanted <= CLIMBED * at.estimate
    leisurely &= at.waited <= LATE
    leisurely &= now - lowered_at > SETTLED
    return leisurely
