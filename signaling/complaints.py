"""What one client says of its call: how long picture or sound was no good."""

from sfu.live_room import LiveRoom


class Complaints:
    """`now` is monotonic, in seconds."""

    def __init__(self, now: float) -> None:
        self._since = now
        """When the client told last how it is, or came in."""

    def begin(self, now: float) -> None:
        """It is in the room: what was before does not count."""
        self._since = now

    def note(self, live: LiveRoom | None, participant: str, spoilt: float, now: float) -> None:
        """So many seconds were no good, says the client: of those that have passed, at most."""
        if live is None:
            return
        if account := live.accounts.get(participant):
            account.spoil(min(spoilt, now - self._since))
        self._since = now
