"""Who publishes over which transport, and how much each may send."""

from collections.abc import Callable, Iterable, Sequence

from sfu.config.budgets import AUDIO, upload
from sfu.events import Notice
from sfu.overspending import Overspending
from sfu.room import Room
from sfu.sent import Sent
from sfu.sites import Sites
from sfu.track import Source
from sfu.transport import Transport


class Uplinks:
    """Of one room's publishers, by participant.

    A ceiling is the sum of the budgets of what somebody publishes. It is told
    to the client (REMB, b=TIAS), and held (`sfu.overspending`).
    """

    def __init__(
        self,
        sites: Sites,
        room: Room,
        published: Callable[[str], Sequence[Sent]],
        notify: Callable[[str, Notice], None],
    ) -> None:
        self.overspending = Overspending(published, self._cap, notify)
        self._sites = sites
        self._room = room
        self._transports: dict[str, Transport] = {}
        self._ceilings: dict[str, int] = {}

    def get(self, participant: str) -> Transport | None:
        """The transport that somebody publishes over, while it lives."""
        return self._transports.get(participant)

    def put(self, participant: str, transport: Transport) -> None:
        """Publishing goes over this transport from now on."""
        self._transports[participant] = transport
        self._ceilings.pop(participant, None)

    def pop(self, participant: str) -> Transport | None:
        """Nobody publishes for this participant any more."""
        self._ceilings.pop(participant, None)
        self.overspending.forget(participant)
        return self._transports.pop(participant, None)

    def owner(self, transport: Transport) -> str | None:
        """Who publishes over this transport."""
        for participant, uplink in self._transports.items():
            if uplink is transport:
                return participant
        return None

    def all(self) -> list[Transport]:
        """Every transport that somebody publishes over."""
        return list(self._transports.values())

    @property
    def participants(self) -> list[str]:
        """Who has a transport to publish over."""
        return list(self._transports)

    def ceiling(self, participant: str) -> int:
        """bit/s that somebody may send, of all that they publish; 0 while that is nothing."""
        return self._ceilings.get(participant, 0)

    def exceeded(self, transport: Transport, now: float) -> None:
        """What comes over it is more than its publisher may send."""
        if (publisher := self.owner(transport)) is not None:
            budgets = {Source(name): bps for name, bps in self._budgets().items()}
            self.overspending.exceeded(publisher, self.ceiling(publisher), budgets, now)

    def tick(self, now: float) -> None:
        """What is due by time alone."""
        self.overspending.tick(self.ceiling, now)

    def limit(self, participants: Iterable[str] | None = None) -> None:
        """What these publish, or may, has changed (None: of everybody)."""
        budgets = self._budgets()
        for id in self._transports if participants is None else participants:
            transport, publisher = self._transports.get(id), self._room.participants.get(id)
            if transport is None or publisher is None:
                continue
            ceiling = sum(budgets[source.value] for source in publisher.tracks)
            if self._ceilings.get(id, 0) != ceiling:
                self._ceilings[id] = ceiling
                home = self._sites.home
                home.order(home.worker.set_upload, transport.id, ceiling, AUDIO)

    def _budgets(self) -> dict[str, int]:
        options = self._room.options
        return upload(options.video, options.screen)

    def _cap(self, sent: Sent, layers: int) -> None:
        self._sites.cap(sent.id, layers)
