"""A shop for paid webinars: a backend that runs the media server inside itself.

    uvicorn docs.backend:shop --ws websockets-sansio

It sells a seat by minting a join token, lets in whoever has paid when the event
starts, hears of everything by webhooks, and writes a line of the invoice from
the usage records. Its calls are plain REST: with a server of its own (`sfu serve`)
only `SFU` below would be another address.
"""

import contextlib
import hashlib
import hmac
import json
import os
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
from fastapi import FastAPI, HTTPException, Request

from sfu import Server
from sfu.config import Settings

TENANT = "shop"
SECRET = os.environ.get("SHOP_SECRET", "change-me-into-32-random-bytes-or-more")
PRICE_PER_MINUTE = float(os.environ.get("SHOP_PRICE", "0.02"))

OWN_ADDRESS = os.environ.get("SHOP_ADDRESS", "http://127.0.0.1:8000")

server = Server(
    Settings.model_validate(
        {
            "media": {"udp_port": int(os.environ.get("SHOP_UDP_PORT", "7801"))},
            "store": {"path": os.environ.get("SHOP_STORE", "shop.sqlite")},
            "tenants": {TENANT: {"secret": SECRET, "webhook_url": f"{OWN_ADDRESS}/webhooks"}},
        }
    )
)


@contextlib.asynccontextmanager
async def running(_: FastAPI) -> AsyncIterator[None]:
    """The media server lives as long as the shop."""
    async with server:
        yield


shop = FastAPI(lifespan=running)
shop.mount("/sfu", server.asgi)
heard: list[dict[str, Any]] = []
"""What the webhooks have told."""


def sfu() -> httpx.AsyncClient:
    """A client of the REST interface; no network in between, as the server is right here."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(server.asgi),
        base_url="http://sfu/v1",
        headers={"Authorization": f"Bearer {TENANT}:{SECRET}"},
    )


@shop.post("/events/{name}")
async def announce(name: str) -> dict[str, Any]:
    """A new event: nobody comes in before somebody opens the door."""
    async with sfu() as client:
        room = {"room": name, "kind": "webinar", "access": "token", "locked": True}
        # The same key again, after a crash for one, makes no second room.
        answer = await client.post("/rooms", json=room, headers={"Idempotency-Key": f"new-{name}"})
        answer.raise_for_status()
        return {"room": name, "state": answer.json()["state"]}


@shop.post("/events/{name}/tickets/{customer}")
async def sell(name: str, customer: str) -> dict[str, str]:
    """A ticket: what the customer's browser joins with."""
    async with sfu() as client:
        ticket = {"identity": customer, "role": "attendee", "ttl": "4h"}
        answer = await client.post(f"/rooms/{name}/tokens", json=ticket)
        answer.raise_for_status()
        return {"token": answer.json()["token"], "socket": "/sfu/v1/signal"}


@shop.post("/events/{name}/open")
async def open_doors(name: str) -> None:
    """The event begins, and whoever waits comes in."""
    async with sfu() as client:
        (await client.post(f"/rooms/{name}/start")).raise_for_status()
        (await client.post(f"/rooms/{name}/unlock")).raise_for_status()


@shop.post("/events/{name}/close")
async def close(name: str) -> None:
    """The event is over."""
    async with sfu() as client:
        (await client.post(f"/rooms/{name}/end")).raise_for_status()


@shop.post("/webhooks", status_code=204)
async def webhook(request: Request) -> None:
    """Told by the media server; a webhook that comes twice has the same id."""
    body = await request.body()
    if not signed(request.headers.get("sfu-signature", ""), body, time.time()):
        raise HTTPException(401)
    event = json.loads(body)
    if event["id"] not in {each["id"] for each in heard}:
        heard.append(event)


@shop.get("/events/{name}/news")
async def news(name: str) -> list[str]:
    """What happened there, in its order."""
    return [event["event"] for event in heard if event["room"] == name]


def signed(signature: str, body: bytes, now: float) -> bool:
    """Whether a webhook is from the media server, and not an old one that somebody sends again."""
    parts = dict(part.partition("=")[::2] for part in signature.split(","))
    at, given = parts.get("t", ""), parts.get("v1", "")
    expected = hmac.new(SECRET.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    fresh = at.isdecimal() and abs(now - int(at)) < 300
    return fresh and hmac.compare_digest(given.encode(), expected.encode())


@shop.get("/events/{name}/invoice")
async def invoice(name: str) -> list[str]:
    """One line for everybody who was there."""
    lines: list[str] = []
    cursor: str | None = None
    async with sfu() as client:
        while True:
            query = {"cursor": cursor} if cursor else {}
            page = (await client.get("/usage", params=query)).raise_for_status().json()
            for record in page["items"]:
                if record["kind"] == "participant" and record["room"] == name:
                    minutes = sum(record["seconds_by_role"].values()) / 60
                    price = minutes * PRICE_PER_MINUTE
                    lines.append(f"{record['identity']}: {minutes:.1f} min, {price:.2f} EUR")
            cursor = page["cursor"]
            if cursor is None:
                return lines
