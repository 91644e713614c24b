"""A client of the server, for bots and tests; docs/python-client.md says how to install it.

    import asyncio
    from sfu.client import Client, TestPicture, Tone

    async def main() -> None:
        async with Client("ws://127.0.0.1:7800/v1/signal") as client:
            await client.join("demo", role="presenter", name="Bot")
            await client.publish(camera=TestPicture(), microphone=Tone())
            async for event in client.events():
                print(event["type"])

    asyncio.run(main())

It speaks the protocol of docs/protocol.md, and media by aiortc.
"""

try:
    import aiortc as _  # noqa: F401 - to say what is missing before anything else does
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"sfu.client needs {error.name}: pip install 'open-sfu[client]'", name=error.name
    ) from None

from sfu.client.client import Client
from sfu.client.errors import ClientError
from sfu.client.receiving import SlotTrack
from sfu.client.recorder import Recorder
from sfu.client.shapes import Frame, Guest, Holder, Participant, SlotView
from sfu.client.sources import TestPicture, Tone, number_in, play

__all__ = [
    "Client",
    "ClientError",
    "Frame",
    "Guest",
    "Holder",
    "Participant",
    "Recorder",
    "SlotTrack",
    "SlotView",
    "TestPicture",
    "Tone",
    "number_in",
    "play",
]
