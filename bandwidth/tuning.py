"""Which improvements over goog_cc are on."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Tuning:
    """All of them, unless said otherwise."""

    standing_queue: bool = True
    """A queue that stands is overuse though it does not grow; jitter without a queue is none."""
    drain: bool = True
    """After overuse less is sent than arrives, until the queue is gone."""
    step_probing: bool = True
    """Probes ask for the next step of the allocation as soon as the path is stable."""
    uncorrelated_loss: bool = True
    """Loss that comes with neither queue nor rate does not limit."""


CORE: Final = Tuning(False, False, False, False)
"""Nothing but goog_cc, to compare with."""
