"""Samples of what subscribers' paths carry, what they are given, and what publishers send."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from sfu.bandwidth.paths import Paths, spread, together
from sfu.forwarder import Forwarder
from sfu.live_room import LiveRoom
from sfu.media import sending

Sample = tuple[str, tuple[str, ...], float]
"""Metric, values of its labels, value."""

FULL = 0.99
"""Who is given this part of what they want lacks nothing."""


def samples(forwarders: Sequence[Forwarder], rooms: Iterable[LiveRoom]) -> Iterator[Sample]:
    """All of them, as of now; no label names anybody."""
    yield from _paths(together([each.subscribers.paths() for each in forwarders]))
    for forwarder in forwarders:
        yield from _passed(forwarder)
    yield from _rooms(rooms)


def _paths(paths: Paths) -> Iterator[Sample]:
    short = (paths.share < FULL) & ~paths.silent
    states = {
        "full": len(short) - int(short.sum()) - int(paths.silent.sum()),
        "short": int(short.sum()),
        "silent": int(paths.silent.sum()),
    }
    for state, count in states.items():
        yield "sfu_subscribers", (state,), count
    for rate, bps in paths.sums().items():
        yield "sfu_subscriber_bps", (rate,), bps
    spreads = {
        "sfu_subscriber_share": paths.share,
        "sfu_subscriber_round_trip_seconds": paths.round_trip_us / 1e6,
        "sfu_subscriber_queue_seconds": paths.queue_us / 1e6,
        "sfu_subscriber_loss": paths.loss,
    }
    for name, column in spreads.items():
        for quantile, value in spread(column):
            yield name, (str(quantile),), value


def _passed(forwarder: Forwarder) -> Iterator[Sample]:
    """What one worker's rows have come to; the collector adds workers up."""
    tally = forwarder.subscribers.tally
    yield "sfu_subscriber_bytes", ("media",), tally.media
    yield "sfu_subscriber_bytes", ("repair",), tally.repairs
    yield "sfu_subscriber_bytes", ("padding",), tally.padding
    yield "sfu_probes", ("begun",), tally.probes
    yield "sfu_probes", ("answered",), tally.answered
    yield "sfu_probes", ("failed",), tally.failed
    yield "sfu_subscribers_paced", (), forwarder.subscribers.paced
    yield "sfu_level_changes", (), forwarder.subscribers.level_changes
    yield "sfu_picture_pauses", (), forwarder.pauses


def _rooms(rooms: Iterable[LiveRoom]) -> Iterator[Sample]:
    watching: Counter[int] = Counter()
    sent = ceiling = over = held = 0
    for live in rooms:
        if live.stage is None:
            continue
        watching.update(live.stage.allocation.watching())
        held += live.stage.uplinks.overspending.held
        for publisher in live.stage.uplinks.participants:
            found = sending(live, publisher)
            if found is not None:
                sent += found.bps
                ceiling += found.ceiling
                over += found.bps > found.ceiling
    for layer, count in sorted(watching.items()):
        yield "sfu_pictures", (str(layer),), count
    yield "sfu_upload_bps", ("sent",), sent
    yield "sfu_upload_bps", ("budget",), ceiling
    yield "sfu_uploads_over_budget", (), over
    yield "sfu_uploads_held", (), held
