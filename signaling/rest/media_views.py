"""What operators are shown of media: rates in bit/s, times in milliseconds."""

from typing import Literal

from sfu.events import Picture
from sfu.live_room import LiveRoom
from sfu.media import Layer, Overview, Receiving, Sending, receiving, sending
from sfu.participant import Participant
from sfu.room import Room
from sfu.signaling.rest.views import Role, View

SHORT = 0.99
"""Who is given less than this part of what they want is short."""


class PathView(View):
    """What one receiver's path carries, and what is made of it."""

    estimate: int
    """What the path is believed to carry."""
    target: int
    """What is to be spent on it: no more than the room's budget."""
    given: int
    """What the layers cost that it is given."""
    wanted: int
    """What all would cost that the person looks at, within the budget."""
    arriving: int
    """What arrives."""
    round_trip: float
    queue: float
    """What stands in the path's queue."""
    loss: float
    """Part of the bytes that do not arrive, 0 to 1."""
    silent: bool
    """Whether no reports come though media is sent."""
    freezes: int
    """How often pictures stood still for want of the path or of a keyframe, since it is up, ..."""
    frozen: float
    """... and for how many seconds together."""


class PictureView(View):
    """What a slot shows; reasons as in the event `quality`."""

    width: int
    height: int
    fps: int
    reason: str


class ReceiveView(View):
    """What somebody is sent; `path` is null before anything is known of it."""

    path: PathView | None
    pictures: dict[str, PictureView]
    """By slot."""


class LayerView(View):
    """One layer of a source; all zero while it is not sent."""

    rid: str
    bps: int
    fps: int
    width: int
    height: int
    wanted: bool
    """Whether anybody watches it."""
    forwarded: bool
    """Whether it may be: false where the publisher's budget does not bear it."""


class SendView(View):
    """What somebody publishes."""

    bps: int
    budget: int
    """What they were told they may send in all."""
    sources: dict[str, list[LayerView]]
    """Lowest layer first."""


class MediaView(View):
    """One person's media."""

    id: str
    identity: str
    name: str
    role: Role
    quality: float | None
    """Mean score of what they have received, 1 to 5."""
    send: SendView | None
    receive: ReceiveView | None


class MediaList(View):
    """A page of people."""

    items: list[MediaView]
    cursor: str | None
    """Of the next page; null when this is the last one."""


class RatesView(View):
    """Sums over all receivers, as in `PathView`."""

    estimate: int
    target: int
    given: int
    wanted: int
    arriving: int


class RoomMediaView(View):
    """A room's media."""

    room: str
    state: Literal["preparing", "live", "ended"]
    mode: Literal["presenters-only", "webinar", "meeting"]
    people: int
    publishers: int
    sent: int
    """What publishers send, together."""
    budget: int
    """What they may send, together."""
    over_budget: int
    """How many of them send more than they may."""
    receivers: int
    """Whose path is up."""
    short: int
    """Receivers who are given less than they want."""
    silent: int
    """Receivers from whom no reports come."""
    freezes: int
    """Of the receivers, as in `PathView`, ..."""
    frozen: float
    """... and its seconds."""
    rates: RatesView
    quality: float | None
    """Mean of the people's scores, 1 to 5."""


class RoomMediaList(View):
    """A page of rooms."""

    items: list[RoomMediaView]
    cursor: str | None
    """Of the next page; null when this is the last one."""


def room_media_view(room: Room, seen: Overview) -> RoomMediaView:
    """A room."""
    return RoomMediaView(
        room=room.id,
        state=room.state.value,
        mode=room.mode.value,
        people=len(room.participants),
        publishers=seen.publishers,
        sent=seen.bps,
        budget=seen.ceiling,
        over_budget=seen.over,
        receivers=len(seen.paths.silent),
        short=int((seen.paths.share < SHORT).sum()),
        silent=int(seen.paths.silent.sum()),
        freezes=int(seen.paths.freezes.sum()),
        frozen=round(float(seen.paths.frozen.sum()), 1),
        rates=RatesView(**{name: round(bps) for name, bps in seen.paths.sums().items()}),
        quality=_score(seen.quality),
    )


def media_view(live: LiveRoom, participant: Participant) -> MediaView:
    """Somebody inside."""
    id = participant.id
    account = live.accounts.get(id)
    return MediaView(
        id=id,
        identity=participant.identity,
        name=participant.name,
        role=participant.role.value,
        quality=None if account is None else _score(account.quality),
        send=_send(sending(live, id)),
        receive=_receive(receiving(live, id)),
    )


def _send(found: Sending | None) -> SendView | None:
    if found is None:
        return None
    sources = {
        source.value: [_layer(layer) for layer in layers]
        for source, layers in found.sources.items()
    }
    return SendView(bps=found.bps, budget=found.ceiling, sources=sources)


def _layer(layer: Layer) -> LayerView:
    return LayerView(
        rid=layer.rid,
        bps=layer.bps,
        fps=layer.fps,
        width=layer.width,
        height=layer.height,
        wanted=layer.wanted,
        forwarded=layer.forwarded,
    )


def _receive(found: Receiving | None) -> ReceiveView | None:
    if found is None:
        return None
    pictures = {slot: _picture(seen) for slot, seen in found.pictures.items()}
    return ReceiveView(path=_path(found), pictures=pictures)


def _picture(seen: Picture) -> PictureView:
    return PictureView(width=seen.width, height=seen.height, fps=seen.fps, reason=seen.reason)


def _path(found: Receiving) -> PathView | None:
    path = found.path
    if path is None:
        return None
    return PathView(
        estimate=round(path.estimate),
        target=round(path.target),
        given=round(path.given),
        wanted=round(path.wanted),
        arriving=round(path.arriving),
        round_trip=round(path.round_trip_us / 1000, 1),
        queue=round(path.queue_us / 1000, 1),
        loss=round(path.loss, 4),
        silent=path.silent,
        freezes=round(path.freezes),
        frozen=round(path.frozen, 1),
    )


def _score(quality: float | None) -> float | None:
    return None if quality is None else round(quality, 2)
