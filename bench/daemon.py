"""This server under measurement, as a user starts it."""

import contextlib
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, Self

from sfu.bench.process import Process
from sfu.config import DEV_SECRET, DEV_TENANT


class Daemon(Process):
    """`sfu serve --dev` on one core, with a store of its own."""

    module = "sfu"
    """What Python runs."""

    def __init__(self, core: int | None, settings: Mapping[str, str]) -> None:
        """`core` is where all its threads run, None for any; `settings` are SFU_… variables."""
        super().__init__(core)
        self._settings = settings
        self.port = 0
        """Of HTTP, once it is started: the system chooses, so that nobody is faster."""
        self.udp_ports: Sequence[int] = ()
        """Of media, worker by worker, likewise."""

    def __enter__(self) -> Self:
        """Starts it and waits until it takes joins. Raises ProcessError."""
        environment = {
            "SFU_SERVER__HOST": "127.0.0.1",
            "SFU_SERVER__PORT": "0",
            "SFU_MEDIA__UDP_PORT": "0",
            "SFU_STORE__PATH": str(self.folder / "sfu.sqlite"),
            **self._settings,
        }
        command = [sys.executable, "-m", self.module, "serve", "--dev"]
        self.start(command, self._is_ready, environment)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def signaling_url(self) -> str:
        """Of the signaling socket."""
        return f"ws://127.0.0.1:{self.port}/v1/signal"

    def metrics(self) -> str:
        """What it says of itself."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as response:
            return str(response.read().decode())

    def metric(self, name: str) -> int:
        """Sum of a metric over all its labels."""
        samples = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", self.metrics(), re.MULTILINE)
        return sum(int(float(value)) for value in samples)

    def media(self, room: str) -> list[dict[str, Any]]:
        """What each person of a room sends and receives; empty before there is anything."""
        try:
            items: list[dict[str, Any]] = self._ask(f"rooms/{room}/media")["items"]
        except urllib.error.HTTPError:
            return []
        return items

    def usage(self) -> list[dict[str, Any]]:
        """All usage records."""
        records: list[dict[str, Any]] = []
        query = "usage"
        while (page := self._ask(query))["items"]:
            records += page["items"]
            query = f"usage?{urllib.parse.urlencode({'cursor': page['cursor']})}"
        return records

    def _is_ready(self) -> bool:
        """Also learns its ports, from its log."""
        for line in self._log.read_text(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                match json.loads(line):
                    case {"event": "media ready", "ports": [*ports]}:
                        self.udp_ports = ports
                    case {"event": "http ready", "port": int(port)}:
                        self.port = port
        return self.port != 0 and _answers(f"http://127.0.0.1:{self.port}/readyz")

    def _ask(self, path: str) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/{path}",
            headers={"Authorization": f"Bearer {DEV_TENANT}:{DEV_SECRET}"},
        )
        with urllib.request.urlopen(request, timeout=5) as response:
            return json.load(response)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
