"""A process that commits and delivers until it is killed: `python -m … PATH URL SEED`.

Each line on its standard output tells of something that is certain: "committed
N" after the store has said so, "delivered ROOM ID" before the store is told.
"""

import asyncio
import contextlib
import os
import random
import sys
from functools import partial

from sfu.store import Store, StoreError, make_store
from sfu.store.writes import Delivered
from tests.sfu.store.model import ROOMS, commit_of, progress

AT_ONCE = 24


def tell(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def commit(store: Store, seed: int) -> None:
    n = await progress(store)
    free = asyncio.Semaphore(AT_ONCE)
    chance = random.Random(n)

    def committed(n: int, done: asyncio.Future[None]) -> None:
        done.result()
        tell(f"committed {n}")
        free.release()

    while True:
        await free.acquire()
        done = store.submit(commit_of(seed, n))
        done.add_done_callback(partial(committed, n))
        n += 1
        await asyncio.sleep(chance.choice([0, 0, 0.0005, 0.003]))  # batches of every size


async def deliver(store: Store, room: str) -> None:
    while True:
        with contextlib.suppress(StoreError):  # Redis is killed first
            for each in await store.outbox("acme", room, 5):
                tell(f"delivered {room} {each.id}")
                await store.commit([Delivered("acme", room, each.position)])
        await asyncio.sleep(0.01)


async def main(path: str, url: str, seed: int) -> None:
    store = make_store(path, url)
    await store.open()
    await asyncio.gather(commit(store, seed), *(deliver(store, room) for room in ROOMS))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
