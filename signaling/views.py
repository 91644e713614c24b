"""The state of a room as clients see it: domain values to message models."""

from sfu.config.budgets import Video, download, upload
from sfu.events import Picture, ScreenShown, SeatShown, Shown
from sfu.participant import Participant
from sfu.room import Room
from sfu.signaling import answers, events


def person(participant: Participant) -> answers.Person:
    """Somebody, as others see them."""
    return answers.Person.model_construct(
        id=participant.id,
        identity=participant.identity,
        name=participant.name,
        role=participant.role.value,
        seat=participant.seat,
        sources={
            source.value: {"muted": track.muted} for source, track in participant.tracks.items()
        },
        joined_at=round(participant.joined_at, 3),
        metadata=participant.metadata,
    )


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


def slots(room: Room) -> dict[str, answers.SlotContent]:
    """All slots."""
    return {slot: content(room.shown(slot)) for slot in room.slots}


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
        limits={
            "attendees": options.attendees,
            "presenters": options.presenters,
            "cameras": options.cameras,
            "meeting": options.meeting,
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


def picture(value: Picture | None) -> events.PictureFacts | None:
    """What a slot's picture is."""
    if value is None:
        return None
    return events.PictureFacts(
        width=value.width, height=value.height, fps=value.fps, reason=value.reason
    )
