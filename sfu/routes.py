"""Where what is on a slot goes."""

from dataclasses import dataclass, field

from sfu.events import ScreenShown
from sfu.room import Room
from sfu.track import Source, Track


@dataclass(slots=True, eq=False)
class Routes:
    """Where a slot's sound and picture go, and the tracks bound there."""

    audio: int
    video: int
    bound: dict[bool, int | None] = field(default_factory=lambda: {False: None, True: None})

    def of(self, video: bool) -> int:
        """The picture's, or the sound's."""
        return self.video if video else self.audio

    def forget(self, track: int) -> None:
        """It is gone from the worker, which has unbound it."""
        for video in (False, True):
            if self.bound[video] == track:
                self.bound[video] = None


def track_on(room: Room, slot: str, *, video: bool) -> Track | None:
    """What a slot's picture, or its sound, comes from."""
    shown = room.shown(slot)
    if shown is None:
        return None
    if isinstance(shown, ScreenShown):
        source = Source.SCREEN if video else Source.SCREEN_AUDIO
    else:
        source = Source.CAMERA if video else Source.MICROPHONE
    return room.participants[shown.participant].tracks.get(source)
