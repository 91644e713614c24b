"""The state of a room as clients see it: domain values to message models."""

from collections.abc import Iterable
from typing import Any

from sfu.config.budgets import Video, download, upload
from sfu.events import (
    CongestionChanged,
    ConnectionLost,
    LayersWanted,
    Notice,
    Picture,
    ScreenShown,
    SeatShown,
    Shown,
    UploadExceeded,
)
from sfu.participant import Participant
from sfu.room import Room, doors
from sfu.signaling import answers, events
from sfu.signaling.messages import Message


def person(participant: Participant, *, hidden: bool = False) -> answers.Person:
    """Somebody, as others see them; `hidden`: without their sources."""
    return answers.Person.model_construct(
        id=participant.id,
        identity=participant.identity,
        name=participant.name,
        role=participant.role.value,
        seat=participant.seat,
        sources={
            source.value: {"muted": track.muted}
            for source, track in participant.tracks.items()
            if not hidden
        },
        status=participant.status,
        blocked=participant.blocked,
        allowed=None if participant.allowed is None else sorted(participant.allowed),
        joined_at=round(participant.joined_at, 3),
        metadata=participant.metadata,
    )


def guest(room: Room, participant: Participant) -> answers.Guest:
    """Somebody at the door, as presenters see them."""
    return answers.Guest.model_construct(
        id=participant.id,
        identity=participant.identity,
        name=participant.name,
        role=participant.role.value,
        reason=reason(room, participant),
        since=round(participant.joined_at, 3),
        metadata=participant.metadata,
    )


def reason(room: Room, participant: Participant) -> str:
    """What somebody waits for; who waits for nothing else waits for their turn."""
    return doors.barrier(room, participant) or "queue"


def content(shown: Shown) -> answers.SlotContent:
    """What a slot shows."""
    match shown:
        case None:
            return None
        case SeatShown(participant, camera, microphone):
            return answers.SeatContent(
                participant=participant, camera=camera, microphone=microphone
            )
        case ScreenShown(participant, screen, screen_audio):
            return answers.ScreenContent(
                participant=participant, screen=screen, screen_audio=screen_audio
            )


def slots(room: Room, *, hidden: bool = False) -> dict[str, answers.SlotContent]:
    """All slots; `hidden` for who may see nothing of them."""
    return {slot: None if hidden else content(room.shown(slot)) for slot in room.slots}


def snapshot(
    room: Room,
    participant: Participant,
    people: Iterable[Participant],
    speaker: str | None,
    resume: str,
    ice_servers: list[dict[str, Any]],
) -> dict[str, Any]:
    """The fields of a `Snapshot`; of the room's people and slots only for who is in."""
    inside = participant.id in room.participants
    hidden = not room.sees_stage(participant)
    return {
        "participant": person(participant),
        "room": facts(room),
        "participants": [person(each, hidden=hidden) for each in people] if inside else [],
        "slots": slots(room, hidden=hidden) if inside else {},
        "speaker": speaker if inside and not hidden else None,
        "profiles": profiles(room),
        "ice_servers": ice_servers,
        "resume": resume,
    }


def answer_join(
    room: Room, participant: str, fields: dict[str, Any]
) -> answers.Joined | answers.Waiting:
    """The answer to a join out of a snapshot's fields and more."""
    guest = room.waiting.get(participant)
    if guest is None:
        return answers.Joined.model_construct(**fields)
    place = room.waiting.position(participant)
    return answers.Waiting.model_construct(reason=reason(room, guest), position=place, **fields)


def counts(room: Room) -> dict[str, int]:
    """People by role."""
    return {role.value: count for role, count in room.counts.items()}


def facts(room: Room) -> answers.RoomFacts:
    """Settings and state."""
    options = room.options
    return answers.RoomFacts(
        id=room.id,
        tenant=room.tenant,
        kind=options.kind,
        state=room.state.value,
        mode=room.mode.value,
        locked=room.locked,
        video=options.video,
        screen=options.screen,
        access=options.access,
        messages=options.messages,
        sources=sorted(options.sources),
        permanent=options.permanent,
        starts_at=options.starts_at,
        limits={
            "attendees": options.attendees,
            "presenters": options.presenters,
            "cameras": options.cameras,
            "meeting": options.meeting,
            "viewers": options.viewers,
            "microphones": options.microphones,
        },
        counts=counts(room),
    )


def profiles(room: Room) -> dict[str, dict[str, int]]:
    """Budgets in bit/s: what each source may send, and what this room's call types receive."""
    video: Video = room.options.video
    return {
        "upload": upload(video, room.options.screen),
        "download": {
            "audio": download(0, video).total,
            "camera": download(1, video).total,
            "cameras": download(room.options.cameras, video).total,
            "screen": download(0, video, room.options.screen).screen,
        },
    }


def news(room: Room, participant: str, notice: Notice) -> Message | None:
    """What somebody is told of their own connections and sources; None when it is nothing."""
    match notice:
        case LayersWanted(source, _):
            me = room.participants.get(participant)
            wanted = layers(me, notice) if me is not None else {}
            return events.LayersEvent(layers={source.value: wanted}) if wanted else None
        case CongestionChanged(available, most):
            return events.CongestionEvent(available=available, wanted=most)
        case UploadExceeded(budget, sending, over, held):
            cut = {source.value: count for source, count in held.items()}
            return events.UploadEvent(budget=budget, sending=sending, over=over, held=cut)
        case ConnectionLost(connection, reason, _):
            return events.ConnectionEvent(connection=connection, reason=reason)
    return None


def layers(publisher: Participant, notice: LayersWanted) -> dict[str, bool]:
    """Which layers of a source are wanted, by rid; nothing of a source without simulcast."""
    track = publisher.tracks.get(notice.source)
    streams = () if track is None else track.media.streams
    return {
        stream.rid: wanted
        for stream, wanted in zip(streams, notice.wanted, strict=False)
        if stream.rid
    }


def picture(value: Picture | None) -> events.PictureFacts | None:
    """What a slot's picture is."""
    if value is None:
        return None
    return events.PictureFacts(
        width=value.width, height=value.height, fps=value.fps, reason=value.reason
    )
