"""This server, as a user starts it."""

from sfu.bench.clients import Clients
from sfu.bench.daemon import Daemon
from sfu.bench.endpoints import Endpoints
from sfu.bench.shape import Shape

ROOM = "bench"


class Sfu(Daemon):
    """`sfu serve --dev` with room for the shape."""

    def __init__(self, core: int | None, shape: Shape) -> None:
        settings = {
            "SFU_ROOM__ATTENDEES": str(max(1000, shape.attendees)),
            "SFU_ROOM__CAMERAS": str(max(4, shape.cameras)),
            "SFU_ROOM__PRESENTERS": str(max(4, shape.cameras - 1)),
        }
        if shape.workers > 1:
            settings["SFU_MEDIA__WORKERS"] = str(shape.workers)
            # Presenters have a receiving connection as well.
            settings["SFU_MEDIA__SPILL_AFTER"] = str(-(-shape.people // shape.workers))
        super().__init__(core, settings)

    def clients(self, endpoints: Endpoints) -> Clients:
        """Participants of a fresh room."""
        return Clients(self.signaling_url, ROOM, endpoints)
