"""What attackers try at the TCP port: paths, headers, descriptions, and listening for secrets."""

import asyncio
import json
import re
import socket

import httpx
import pytest

from sfu.config import DEV_SECRET
from tests.signaling.listening import ask, listening
from tests.signaling.test_websocket import connect

HEAD_TEXT = f"Bearer dev:{DEV_SECRET}"
HEAD = {"Authorization": HEAD_TEXT}

PATHS = [
    "/static/../session.py",
    "/static/%2e%2e/session.py",
    "/static/..%2fsession.py",
    "/static/%2e%2e%2f%2e%2e%2fetc/passwd",
    "/static//etc/passwd",
    "/static/..\\session.py",
    "/static/index.html%00.js",
    "/v1/rooms/..%2f..%2fhealthz",
    "/v1/rooms/%2e%2e",
    "/v1/rooms/a%0d%0aSet-Cookie:%20b=c",
    "/v1/rooms/" + "x" * 5000,
    "//v1/rooms",
    "/v1/rooms/hall/participants/..%2f..",
    "/v1/rooms/hall/events/../../..",
]


async def test_paths() -> None:
    """Sent as they are: no client of ours tidies them up."""
    async with listening() as (_, host):
        for path in PATHS:
            request = f"GET {path} HTTP/1.1\r\nAuthorization: {HEAD_TEXT}\r\n"
            status, head, body = await asyncio.to_thread(raw, host, request)
            assert status in (400, 404, 405, 422), (path, status, body)
            assert "set-cookie" not in head.lower()
            assert "root:" not in body
            assert "import " not in body


def raw(host: str, request: str) -> tuple[int, str, str]:
    """Status, head and body of the answer."""
    name, port = host.split(":")
    with socket.create_connection((name, int(port)), timeout=10) as connection:
        connection.sendall(f"{request}Host: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while part := connection.recv(65536):
            answer += part
    head, _, body = answer.decode("latin-1").partition("\r\n\r\n")
    return int(head.split()[1]), head, body


async def test_names_of_rooms() -> None:
    async with (
        listening() as (_, host),
        httpx.AsyncClient(headers=HEAD) as client,
        connect(host) as client_socket,
    ):
        for room in ("../etc", "a/b", "a\r\nb", "a\n", "", "x" * 65, "a\0", "ä"):
            answer = await client.post(f"http://{host}/v1/rooms", json={"room": room})
            assert (answer.status_code, answer.json()["path"]) == (422, "room"), room
            assert (await ask(client_socket, "join", room=room))["code"] == "bad_request"


async def test_secrets_are_in_no_answer() -> None:
    secrets = (DEV_SECRET, "hunter2-password", "e30.e30.token")
    async with listening() as (_, host), httpx.AsyncClient() as client:
        seen = []
        for authorization in (HEAD_TEXT + "x", f"Bearer {secrets[2]}", f"Basic {DEV_SECRET}"):
            head = {"Authorization": authorization}
            seen.append((await client.get(f"http://{host}/v1/rooms", headers=head)).text)
        body = {"room": "closed", "access": "password", "password": secrets[1]}
        made = await client.post(f"http://{host}/v1/rooms", json=body, headers=HEAD)
        assert made.status_code == 201
        seen.append(made.text)
        broken = {**body, "room": "/", "limits": {"attendees": secrets[1]}}
        seen.append((await client.post(f"http://{host}/v1/rooms", json=broken, headers=HEAD)).text)
        async with connect(host) as client_socket:
            for fields in ({"token": secrets[2]}, {"password": secrets[1] + "!"}, {"token": 17}):
                seen.append(json.dumps(await ask(client_socket, "join", room="closed", **fields)))
        for path in ("/metrics", "/v1/openapi.json", "/v1/rooms/closed", "/readyz"):
            seen.append((await client.get(f"http://{host}{path}", headers=HEAD)).text)
    assert len(seen) == 12
    for secret in secrets:
        assert [text for text in seen if secret in text] == []


LIMIT = 131_072
"""The default of `[limits] sdp_bytes`."""


@pytest.mark.parametrize(
    "line",
    [
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n",
        "a=rtpmap:96 VP8/90000\r\n",
        "a=\r\n",
        "a=ssrc:1 x:y\r\n",
    ],
    ids=["m-lines", "attributes", "nothing", "sources"],
)
async def test_descriptions_that_are_bombs(line: str) -> None:
    """As large as they may be, and one more: refused, and the server goes on."""
    start = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
    bomb = start + line * ((LIMIT - len(start)) // len(line))
    async with listening() as (_, host), connect(host) as client:
        await ask(client, "join", room="hall", role="presenter")
        for sdp in (bomb, bomb + "x" * len(line)):
            refused = await ask(client, "publish", sdp=sdp, sources={"0": "camera"})
            assert refused["type"] == "error"
            assert refused["code"] != "internal"
        assert (await ask(client, "ping"))["type"] == "ok"


async def test_no_metric_names_a_room_or_a_person() -> None:
    async with listening() as (_, host), connect(host) as member, httpx.AsyncClient() as client:
        joined = await ask(member, "join", room="secret-hall", role="presenter", name="Zora")
        text = (await client.get(f"http://{host}/metrics")).text
    assert re.search(r"^sfu_\w+{.*} [1-9]", text, re.MULTILINE), "nothing is counted"
    person = joined["participant"]
    for name in ("secret-hall", "Zora", person["id"], person["identity"]):
        assert name not in text
