"""What of a room's media goes where, as it is now: for operators who look on."""

from collections.abc import Mapping
from dataclasses import dataclass

from sfu.bandwidth.paths import Path, Paths, together
from sfu.events import Picture
from sfu.forwarder import Forwarder
from sfu.live_room import LiveRoom
from sfu.sent import Frame, Sent
from sfu.track import Source


@dataclass(frozen=True, slots=True)
class Layer:
    """One simulcast layer of a source, over the last second; all zero while it is not sent."""

    rid: str
    bps: int
    fps: int
    width: int
    height: int
    wanted: bool
    """Whether anybody watches it."""
    forwarded: bool
    """Whether it may be: false where the publisher's budget does not bear it."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What somebody publishes; lowest layers first."""

    ceiling: int
    """bit/s that they were told they may send in all."""
    sources: Mapping[Source, tuple[Layer, ...]]

    @property
    def bps(self) -> int:
        """Of everything together."""
        return sum(layer.bps for layers in self.sources.values() for layer in layers)


@dataclass(frozen=True, slots=True)
class Receiving:
    """What somebody is sent; `path` None before anything is known of it."""

    path: Path | None
    pictures: Mapping[str, Picture]
    """By slot, as their client was told."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Of a whole room."""

    publishers: int
    bps: int
    """That they send."""
    ceiling: int
    """That they may send."""
    over: int
    """How many send more than that."""
    paths: Paths
    """To those who receive."""
    quality: float | None
    """Mean score of those who are in it."""


def sending(live: LiveRoom, participant: str) -> Sending | None:
    """None of somebody who publishes nothing."""
    if live.stage is None:
        return None
    published = live.stage.published(participant)
    if not published:
        return None
    layers = {sent.track.source: _layers(sent) for sent in published}
    return Sending(live.stage.uplinks.ceiling(participant), layers)


def receiving(live: LiveRoom, participant: str) -> Receiving | None:
    """None of somebody without a receiving connection."""
    stage = live.stage
    receiver = stage.receivers.get(participant) if stage is not None else None
    if stage is None or receiver is None:
        return None
    path = receiver.transport.forwarder.subscribers.path(receiver.transport.id)
    return Receiving(path, {slot: seen for slot, seen in receiver.told.items() if seen})


def overview(live: LiveRoom) -> Overview:
    """Looks at every connection of the room once."""
    people = live.room.participants
    sent = [found for id in people if (found := sending(live, id)) is not None]
    scores = [account.quality for id in people if (account := live.accounts.get(id)) is not None]
    known = [score for score in scores if score is not None]
    stage = live.stage
    receivers: dict[Forwarder, list[int]] = {}
    for receiver in () if stage is None else stage.receivers.values():
        transport = receiver.transport
        receivers.setdefault(transport.forwarder, []).append(transport.id)
    paths = [each.subscribers.paths(transports) for each, transports in receivers.items()]
    return Overview(
        publishers=len(sent),
        bps=sum(each.bps for each in sent),
        ceiling=sum(each.ceiling for each in sent),
        over=sum(each.bps > each.ceiling for each in sent),
        paths=together(paths),
        quality=sum(known) / len(known) if known else None,
    )


def _layers(sent: Sent) -> tuple[Layer, ...]:
    streams = sent.track.media.streams
    seen = [frame or Frame(0, 0, 0) for frame in sent.frames]
    rows = zip(streams, sent.bps, seen, sent.wanted, strict=True)
    return tuple(
        Layer(stream.rid, bps, frame.fps, frame.width, frame.height, wanted, at < sent.forwarded)
        for at, (stream, bps, frame, wanted) in enumerate(rows)
    )
