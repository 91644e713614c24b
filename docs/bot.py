"""A bot: it joins a room, shows a test picture or plays a file, and looks at who is there.

    python bot.py ws://127.0.0.1:7800/v1/signal demo
    python bot.py ws://127.0.0.1:7800/v1/signal demo film.mp4

Against `sfu serve --dev` the role is enough; elsewhere give a join token in SFU_TOKEN.
"""

import asyncio
import os
import sys

from sfu.client import Client, TestPicture, Tone, play


async def main(url: str, room: str, film: str | None = None, pictures: int = 30) -> None:
    token = os.environ.get("SFU_TOKEN")
    async with Client(url) as bot:
        await bot.join(room, token=token, role=None if token else "presenter", name="Bot")
        if film:
            await bot.publish(**play(film))
        else:
            await bot.publish(camera=TestPicture(), microphone=Tone())

        def other(bot: Client) -> str | None:
            """The slot of somebody else who shows a camera."""
            for slot, holder in bot.slots.items():
                if holder and holder.get("camera") and slot != bot.seat:
                    return slot
            return None

        await bot.until(other, patience=3600)  # waits for company
        slot = other(bot)
        assert slot is not None
        await bot.view({slot: {"max_height": 360}})
        for _ in range(pictures):
            picture = (await bot.track(slot).recv()).to_ndarray(format="rgb24")
            print(slot, picture.shape, "brightness", round(float(picture.mean())))
        await bot.leave()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
