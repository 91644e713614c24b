"""Sources: who may publish which, what ends them, mutes."""

from sfu.errors import Refusal
from sfu.events import Change, TrackMuted, TrackPublished, TrackUnpublished
from sfu.options import Mode
from sfu.participant import Participant
from sfu.room.state import SCREEN, RoomState, slot_of
from sfu.track import Media, Source, Track


def publish(room: RoomState, publisher: Participant, sources: dict[Source, Media]) -> list[Change]:
    """Exactly these sources from now on; nothing changes unless all of them are allowed."""
    for source in sources:
        check(room, publisher, source)
    kept = {s: t for s, t in publisher.tracks.items() if sources.get(s) == t.media}
    ended = [source for source in publisher.tracks if source not in kept]
    muted = {source for source in ended if publisher.tracks[source].muted}
    changes: list[Change] = [TrackUnpublished(publisher.tracks.pop(s)) for s in ended]
    for source, media in sources.items():
        if source not in kept:
            # The same source on another stream is still the same source: a mute stays.
            track = Track(publisher.id, source, media, muted=source in muted)
            publisher.tracks[source] = track
            changes.append(TrackPublished(track))
            if source.is_screen:
                room.sharer = publisher.id
    if not changes:
        return []
    return changes + _settle(room, publisher) + [room.updated(publisher)]


def unpublish(room: RoomState, publisher: Participant, source: Source) -> list[Change]:
    """Ends a source; one that is not published is ended already."""
    if source not in publisher.tracks:
        return []
    return [*end(room, publisher, [source]), room.updated(publisher)]


def end(room: RoomState, publisher: Participant, sources: list[Source]) -> list[Change]:
    """Ends sources, with what follows for the slots."""
    changes: list[Change] = [TrackUnpublished(publisher.tracks.pop(s)) for s in sources]
    return changes + _settle(room, publisher)


def end_forbidden(room: RoomState, publisher: Participant) -> list[Change]:
    """Ends whatever somebody may not publish any longer."""
    forbidden = [s for s in publisher.tracks if refusal(room, publisher, s) is not None]
    if not forbidden:
        return []
    return [*end(room, publisher, forbidden), room.updated(publisher)]


def mute(
    room: RoomState, target: Participant, source: Source, muted: bool, actor: str | None
) -> list[Change]:
    """Mutes or unmutes; what is muted is not forwarded, whatever arrives."""
    if actor != target.id and not muted:
        raise Refusal("not_allowed", "nobody unmutes somebody else")
    track = target.tracks.get(source)
    if track is None:
        raise Refusal("not_published", f"{source} is not published")
    if track.muted == muted:
        return []
    return [*set_muted(room, target, track, muted, actor), room.updated(target)]


def set_muted(
    room: RoomState, target: Participant, track: Track, muted: bool, actor: str | None
) -> list[Change]:
    """Without questions."""
    track.muted = muted
    return [TrackMuted(track, muted, actor), *room.show_all(target)]


def check(room: RoomState, publisher: Participant, source: Source) -> None:
    """Raises Refusal unless somebody may publish this source now."""
    found = refusal(room, publisher, source)
    if found is not None:
        raise found
    if source.is_screen and room.sharer not in (None, publisher.id):
        assert room.sharer is not None
        other = room.participants[room.sharer]
        raise Refusal("screen_busy", f"{other.name} is sharing a screen", participant=other.id)
    if (
        source is Source.CAMERA
        and source not in publisher.tracks
        and room.cameras >= room.camera_limit
    ):
        raise Refusal("no_camera_slot", f"{room.camera_limit} cameras are on already")
    if publisher.place is None and not source.is_screen and _free_place(room) is None:
        raise Refusal("no_seat", "no place of the gallery is free")


def refusal(room: RoomState, publisher: Participant, source: Source) -> Refusal | None:
    """Why somebody has no right to publish a source, whoever else does what."""
    if publisher.blocked:
        return Refusal("blocked", "a presenter has blocked this participant")
    if publisher.can is not None and source not in publisher.can:
        return Refusal("not_allowed", f"the token does not allow {source}")
    if publisher.allowed is not None and source not in publisher.allowed:
        return Refusal("not_allowed", f"presenters do not allow {source}")
    if publisher.seat is not None:
        return None
    if room.mode is not Mode.MEETING:
        if publisher.role.presents:
            return Refusal("no_seat", "no seat is free, and only who has one may publish")
        return Refusal("not_allowed", f"the role {publisher.role} may not publish now")
    if source not in room.options.sources:
        return Refusal("not_allowed", f"the room does not allow {source} without a seat")
    return None


def _settle(room: RoomState, publisher: Participant) -> list[Change]:
    """Screen, gallery and slots after a change of somebody's sources."""
    changes: list[Change] = []
    screens = any(source.is_screen for source in publisher.tracks)
    if room.sharer == publisher.id and not screens:
        room.sharer = None
        changes += room.show(SCREEN)
    changes += _seat_in_gallery(room, publisher)
    return changes + room.show_all(publisher)


def _seat_in_gallery(room: RoomState, publisher: Participant) -> list[Change]:
    """A place of the gallery for who needs one, and none for who does not."""
    shows = any(not source.is_screen for source in publisher.tracks)
    needed = shows and publisher.seat is None
    if needed and publisher.gallery is None:
        place = _free_place(room)
        assert place is not None, "publishing was refused without a free place"
        publisher.gallery = place
        room.gallery[place] = publisher.id
    elif not needed and publisher.gallery is not None:
        place = publisher.gallery
        publisher.gallery = None
        del room.gallery[place]
        return room.show(slot_of(place))
    return []


def clear_seats(room: RoomState) -> list[Change]:
    """Whoever of the gallery is shown where a seat is now gets another place there."""
    changes: list[Change] = []
    for former in sorted(place for place in room.gallery if place < len(room.seats)):
        id = room.gallery.pop(former)
        place = _free_place(room)
        assert place is not None, "there are as many places as people in the gallery"
        room.gallery[place] = id
        room.participants[id].gallery = place
        changes += room.show(slot_of(former)) + room.show(slot_of(place))
    return changes


def _free_place(room: RoomState) -> int | None:
    places = range(len(room.seats), room.places)
    return next((place for place in places if place not in room.gallery), None)
