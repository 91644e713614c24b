"""Killed at random moments, a store holds all it said it has, nothing twice, nothing half.

Commits are carried out in order, each as a whole: so what is found must be what
the first so many of them make, and so many are at least those that were told of.
"""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sfu.store import make_store
from tests.sfu.store.model import ROOMS, Model, check, commit_of, progress, waiting
from tests.sfu.store.redis_server import RedisServer

pytestmark = pytest.mark.long

ROUNDS = 25
ROOT = Path(__file__).parents[3]


class Trial:
    """One place where a store is, and what is known of it."""

    def __init__(self, path: Path, url: str, seed: int) -> None:
        self.place = (str(path), url)
        self.seed = seed
        self.model = Model()
        self.commits = 0
        self.delivered: dict[str, list[str]] = {room: [] for room in ROOMS}

    def run(self, seconds: float, *, at_work: bool, kill: Callable[[], None]) -> int:
        """Lets a process work, then kills it; gives how many commits it told of in all."""
        command = [sys.executable, "-m", "tests.sfu.store.committer", *self.place, str(self.seed)]
        worker = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
        assert worker.stdout is not None
        told = worker.stdout.readline() if at_work else b""
        time.sleep(seconds)
        kill()
        worker.kill()
        told += worker.stdout.read()
        worker.stdout.close()
        worker.wait()
        committed = self.commits
        for line in told.split(b"\n")[:-1]:
            word, *rest = line.decode().split()
            if word == "committed":
                assert int(rest[0]) == committed
                committed += 1
            else:
                room, id = rest
                self.delivered[room].append(id)
        return committed

    async def check(self, committed: int) -> None:
        store = make_store(*self.place)
        await store.open()
        found = await progress(store)
        assert found >= committed
        for n in range(self.commits, found):
            for write in commit_of(self.seed, n):
                self.model.apply(write)
        self.commits = found
        await check(store, self.model)
        for room, left in (await waiting(store)).items():
            enqueued = self.model.enqueued[room]
            gone = len(enqueued) - len(left)
            assert left == enqueued[gone:]
            # The one that was under way at the kill comes again, no other does.
            once = list(dict.fromkeys(self.delivered[room]))
            assert once in (enqueued[:gone], enqueued[: gone + 1])
        await store.close()


async def test_a_killed_process_leaves_a_file_with_all_it_said(tmp_path: Path) -> None:
    trial = Trial(tmp_path / "sfu.sqlite", "", 1)
    await rounds(trial, 1, kill=lambda: None, restart=lambda: None)


async def test_a_killed_redis_server_has_all_the_process_said(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.start()
    try:
        await rounds(Trial(tmp_path, server.url, 2), 2, kill=server.kill, restart=server.start)
    finally:
        server.kill()


async def rounds(
    trial: Trial, seed: int, kill: Callable[[], None], restart: Callable[[], None]
) -> None:
    chance = random.Random(seed)
    for number in range(ROUNDS):
        # Some are killed while they open the store.
        at_work = number % 5 != 1
        committed = trial.run(chance.random() * 0.12, at_work=at_work, kill=kill)
        restart()
        await trial.check(committed)
    # Else nothing was put to the test.
    assert trial.commits > 10 * ROUNDS
    assert sum(len(ids) for ids in trial.delivered.values()) > ROUNDS
