"""The wall clock is set, forward and back, under a daemon at work."""

import datetime
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from sfu.bench.chaos.line import Line
from sfu.bench.daemon import Daemon
from sfu.bench.errors import ClientError
from sfu.config import DEV_SECRET, DEV_TENANT
from sfu.participant import Role
from sfu.signaling.tokens import mint
from tests.sfu.hook_receiver import WEBHOOK_SECRET, receiving

HOUR = 3600
STRANGE = 10**6
"""More webhooks than there will ever be."""


class Wall:
    """The wall clock of one program, which sees `variables`."""

    def __init__(self, folder: Path) -> None:
        library = folder / "clock.so"
        source = Path(__file__).with_name("clock.c")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
        self._step = folder / "step"
        self._step.write_bytes(bytes(8))
        self.variables = {"LD_PRELOAD": str(library), "CLOCK_STEP": str(self._step)}

    def set(self, seconds: int) -> None:
        """So far from the right time."""
        with self._step.open("r+b") as file:
            file.write(seconds.to_bytes(8, "little", signed=True))


async def joined(server: Daemon, name: str, ends: float) -> Line:
    """In the room by a token; raises ClientError."""
    token = mint(
        DEV_SECRET, tenant=DEV_TENANT, room="here", identity=name, role=Role.ORGANIZER,
        now=time.time() - 9 * HOUR, ttl=ends + 9 * HOUR,
    )  # fmt: skip
    line = await Line.open(server.signaling_url, name)
    try:
        await line.request("join", room="here", token=token)
    except ClientError:
        await line.close()
        raise
    return line


def seconds(record: dict[str, Any], begin: str, end: str) -> float:
    """What a record says how long something was."""
    began, ended = (datetime.datetime.fromisoformat(record[name]) for name in (begin, end))
    return (ended - began).total_seconds()


async def test_a_clock_that_is_set_costs_nobody_anything(tmp_path: Path) -> None:
    wall = Wall(tmp_path)
    async with receiving() as receiver:
        webhooks = {
            "SFU_TENANTS__DEV__WEBHOOK_URL": f"http://127.0.0.1:{receiver.port}/hook",
            "SFU_TENANTS__DEV__WEBHOOK_SECRET": WEBHOOK_SECRET,
        }
        with Daemon(None, {**wall.variables, **webhooks}) as server:
            receiver.failures = STRANGE
            anna = await joined(server, "anna", HOUR)
            ben = await joined(server, "ben", HOUR)

            wall.set(8 * HOUR)
            with pytest.raises(ClientError, match="expired"):
                await joined(server, "chiara", HOUR)
            chiara = await joined(server, "chiara", 9 * HOUR)
            assert (await anna.request("ping"))["type"] == "ok"
            await ben.close()  # and may come back for a while yet

            wall.set(-4 * HOUR)
            dario = await joined(server, "dario", -HOUR)

            wall.set(4 * HOUR)
            receiver.failures = 0
            # What was to be tried again eight hours later by the first time.
            await receiver.until("participant.joined", 4)
            await anna.request("end")
            await receiver.until("usage", 5)
            usage = server.usage()
            for line in (anna, chiara, dario):
                await line.close()
    stays = {each["identity"]: each for each in usage if each["kind"] == "participant"}
    assert stays.keys() == {"anna", "ben", "chiara", "dario"}
    for stay in stays.values():
        assert 0 <= seconds(stay, "joined_at", "left_at") < 60, stay
        assert 0 <= sum(stay["seconds_by_role"].values()) < 60, stay
    (event,) = (each for each in usage if each["kind"] == "event")
    assert 0 <= seconds(event, "started_at", "ended_at") < 60, event
