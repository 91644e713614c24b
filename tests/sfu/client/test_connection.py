"""Ending connections of aiortc."""

import asyncio

import pytest
from aiortc import RTCPeerConnection

from sfu.client import connection
from sfu.client.connection import ended


async def test_a_connection_whose_end_was_broken_off_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "CLOSING", 0.01)
    lost = RTCPeerConnection()
    lost.addTransceiver("video")
    await lost.setLocalDescription(await lost.createOffer())
    itself = asyncio.create_task(lost.close())
    await asyncio.sleep(0)
    itself.cancel()
    await asyncio.gather(itself, return_exceptions=True)
    assert itself.cancelled(), "it was over before it could be broken off"
    try:
        async with asyncio.timeout(10):
            await ended(lost)
    finally:
        for protocol in lost.getTransceivers()[
            0
        ].receiver.transport.transport._connection._protocols:
            protocol.transport.close()


async def test_an_end_goes_on_when_who_waits_for_it_is_cancelled() -> None:
    lost = RTCPeerConnection()
    lost.addTransceiver("video")
    await lost.setLocalDescription(await lost.createOffer())
    waiting = asyncio.create_task(ended(lost))
    await asyncio.sleep(0)
    waiting.cancel()
    async with asyncio.timeout(10):
        await lost.close()
    assert lost.getTransceivers()[0].receiver.transport.transport.state == "closed"
