"""Who publishes over which transport, and how much each may send."""

from collections.abc import Iterable

from sfu.config.budgets import upload
from sfu.forwarder import Forwarder
from sfu.room import Room
from sfu.transport import Transport


class Uplinks:
    """Of one room's publishers, by participant.

    A ceiling is the sum of the budgets of what somebody publishes. It is told
    to the client (REMB), not enforced: what comes beyond is seen in the rates.
    """

    def __init__(self, forwarder: Forwarder, room: Room) -> None:
        self.forwarder = forwarder
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

    def limit(self, participants: Iterable[str] | None = None) -> None:
        """What these publish, or may, has changed (None: of everybody)."""
        options = self._room.options
        budgets = upload(options.video, options.screen)
        for id in self._transports if participants is None else participants:
            transport, publisher = self._transports.get(id), self._room.participants.get(id)
            if transport is None or publisher is None:
                continue
            ceiling = sum(budgets[source.value] for source in publisher.tracks)
            if self._ceilings.get(id, 0) != ceiling:
                self._ceilings[id] = ceiling
                self.forwarder.order(self.forwarder.worker.set_upload, transport.id, ceiling)
