"""The microphones of one room on its worker: a few are forwarded at a time, the loudest."""

from sfu.forwarder import Forwarder


class Microphones:
    """Which tracks compete, and for how many places."""

    def __init__(self, forwarder: Forwarder, most: int) -> None:
        self._forwarder = forwarder
        self._group = forwarder.new_id()
        self._most = most
        self._tracks: dict[int, None] = {}

    def add(self, track: int) -> None:
        """One more competes, until its track ends."""
        self._tracks[track] = None
        self._order(track)

    def forget(self, track: int) -> None:
        """A track has ended, if it was one of these."""
        self._tracks.pop(track, None)

    def set_most(self, most: int) -> None:
        """How many are forwarded from now on."""
        if most != self._most:
            self._most = most
            for track in self._tracks:
                self._order(track)

    def _order(self, track: int) -> None:
        worker = self._forwarder.worker
        self._forwarder.order(worker.compete, track, self._group, self._most)
