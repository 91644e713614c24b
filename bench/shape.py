"""The shape of a room under load: who sends what, and to how many."""

from dataclasses import dataclass
from typing import Final

BITRATE: Final = 1_200_000
"""Of a single camera, bit/s; one of several has to fit the 1 Mbit/s that a room gives each."""
BITRATE_OF_MANY: Final = 900_000
FPS: Final = 30


@dataclass(frozen=True, slots=True)
class Shape:
    """Every attendee gets every camera and every microphone."""

    attendees: int
    cameras: int = 1
    microphones: int | None = None
    """The first so many of the presenters speak; all of them if None."""
    fps: int = FPS
    workers: int = 1
    """Of this server; the attendees are spread over all of them."""

    @property
    def speakers(self) -> int:
        """How many microphones there are."""
        return self.cameras if self.microphones is None else min(self.microphones, self.cameras)

    @property
    def people(self) -> int:
        """Attendees and presenters."""
        return self.attendees + self.cameras

    @property
    def bitrate(self) -> int:
        """Of each camera, bit/s."""
        return BITRATE if self.cameras == 1 else BITRATE_OF_MANY

    def __str__(self) -> str:
        cameras = "1 camera" if self.cameras == 1 else f"{self.cameras} cameras"
        return f"{self.attendees} attendees, {cameras}, {self.speakers} speaking"
