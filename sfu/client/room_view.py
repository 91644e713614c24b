"""What a client knows of its room: told on joining, kept up to date by events."""

from typing import Any, Final

from sfu.client.shapes import Frame, Guest, Holder, Participant

PRESENTING: Final = ("organizer", "presenter")


class RoomView:
    """Read freely; only the server's frames change it."""

    def __init__(self) -> None:
        self.participant: Participant | None = None
        """The own entry, from joining on."""
        self.participants: dict[str, Participant] = {}
        """Everybody told about, by id."""
        self.slots: dict[str, Holder | None] = {}
        """Who is on each slot: `seat-0` and up, and `screen`."""
        self.room: dict[str, Any] = {}
        """The room's settings and state."""
        self.profiles: dict[str, dict[str, int]] = {}
        """Budgets in bit/s, by source."""
        self.speaker: str | None = None
        """Who speaks now."""
        self.quality: dict[str, dict[str, Any] | None] = {}
        """What each slot's picture is now: `{width, height, fps, reason}`."""
        self.waiting: list[Guest] = []
        """The first of those at the door; told to presenters only."""
        self.waiting_count = 0
        self.queue: dict[str, Any] | None = None
        """Why one waits, and one's place in the line, while one does."""

    @property
    def seat(self) -> str | None:
        """The slot of the own seat."""
        seat = None if self.participant is None else self.participant.get("seat")
        return None if seat is None else f"seat-{seat}"

    @property
    def presents(self) -> bool:
        """Whether this person runs the event."""
        return self.participant is not None and self.participant.get("role") in PRESENTING

    @property
    def may_publish(self) -> bool:
        """Whether role, seat and mode let this person publish now."""
        own = self.participant
        if own is None or own.get("blocked"):
            return False
        return own.get("seat") is not None or (
            self.room.get("mode") == "meeting" and own.get("role") != "viewer"
        )

    def _begin(self, snapshot: Frame) -> None:
        self.participant = snapshot["participant"]
        self.room = snapshot.get("room") or {}
        self.profiles = snapshot.get("profiles") or {}
        self.participants = {each["id"]: each for each in snapshot.get("participants") or []}
        self.slots = snapshot.get("slots") or {}
        self.speaker = snapshot.get("speaker")
        if not snapshot.get("resumed"):  # told anew where there is anything to tell
            self.quality = {}
            self.waiting, self.waiting_count = [], 0
        waits = snapshot.get("status") == "waiting"
        self.queue = {name: snapshot[name] for name in ("reason", "position")} if waits else None

    def _follow(self, frame: Frame) -> None:
        match frame["type"]:
            case "participant":
                self._people(frame)
            case "slots":
                self.slots.update(frame["slots"])
            case "quality":
                self.quality.update(frame["slots"])
            case "speaker":
                self.speaker = frame["participant"]
            case "mode":
                self.room["mode"] = frame["mode"]
            case "locked":
                self.room["locked"] = frame["locked"]
            case "started":
                self.room["state"] = "live"
            case "room":
                self.room.update(frame["room"])
            case "waiting":
                self.waiting = frame.get("participants") or []
                self.waiting_count = frame.get("count", len(self.waiting))
            case "queue":
                self.queue = {"reason": frame["reason"], "position": frame.get("position")}

    def _people(self, frame: Frame) -> None:
        for each in [*(frame.get("joined") or []), *(frame.get("updated") or [])]:
            self.participants[each["id"]] = {**self.participants.get(each["id"], {}), **each}
        for id in frame.get("left") or []:
            self.participants.pop(id, None)
        if counts := frame.get("counts"):
            self.room["counts"] = counts
        if self.participant is not None:
            self.participant = self.participants.get(self.participant["id"], self.participant)
