"""`sfu doctor --server`: a real server on loopback is reached by each way, a wrong one is named."""

import asyncio
import socket

import httpx
import pytest

from sfu.client.doctor import media, verdict
from sfu.doctor import server
from sfu.doctor.finding import Finding, Level
from sfu.doctor.server import Candidate, examine, judged, read
from tests.signaling.listening import listening, settings


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CHECKS", 10)
    monkeypatch.setattr("sfu.client.doctor.SECONDS", 1.0)


async def test_a_server_is_reached() -> None:
    async with listening() as (_, host):
        found = await examine(f"http://{host}/", None, media)
        levels = {each.subject: each.level for each in found}
        assert levels["server"] is Level.GOOD
        assert levels["media over UDP"] is Level.GOOD
        assert levels["media over TCP"] is Level.GOOD
        assert levels["media"] is Level.GOOD
        assert levels["media by a relay"] is Level.DOUBTFUL
        assert levels["call: audio"] is Level.GOOD
        assert "round trip" in next(each.detail for each in found if "UDP" in each.subject)


async def test_a_refusal_in_the_middle_is_told() -> None:
    async def media(*_: object, reached: bool) -> list[Finding]:
        assert reached
        answer = httpx.Response(429, json={"detail": "too many checks", "code": "rate_limited"})
        request = httpx.Request("POST", "http://x/v1/preflight")
        raise httpx.HTTPStatusError("429", request=request, response=answer)

    async with listening() as (_, host):
        *_, refused = await examine(f"http://{host}/", None, media)
    assert (refused.level, refused.detail) == (Level.BAD, "too many checks rate_limited")
    assert "preflight_" in refused.remedy


async def test_without_tcp_without_a_client() -> None:
    async with listening(settings(SFU_MEDIA__TCP="false")) as (_, host):
        found = {each.subject: each for each in await examine(f"http://{host}", None, None)}
        assert found["media over TCP"].detail == "not offered by this server"
        assert "media.tcp" in found["media over TCP"].remedy
        assert all(each.remedy for each in found.values() if each.level is not Level.GOOD)
        assert "open-sfu[client]" in found["media"].remedy


@pytest.mark.parametrize(
    ("status", "said", "remedy"),
    [("404 Not Found", "is it an SFU", "/readyz"), ("503 Busy", "takes nobody now", "journalctl")],
)
async def test_where_nobody_is_and_who_is_no_server(status: str, said: str, remedy: str) -> None:
    (found,) = await examine("http://127.0.0.1:9", None, None)
    assert found.level is Level.BAD
    assert found.remedy

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        writer.write(head.encode())
        writer.close()

    listener = socket.create_server(("127.0.0.1", 0))
    async with await asyncio.start_server(refuse, sock=listener):
        port = listener.getsockname()[1]
        found, preflight = await examine(f"http://127.0.0.1:{port}", None, None)
        assert (found.level, preflight.level) == (Level.BAD, Level.BAD)
        assert said in found.detail
        assert remedy in found.remedy
        assert preflight.remedy


def test_what_answers_tell() -> None:
    way = Candidate("udp", "192.0.2.1", 7801)
    assert judged("x", way, [0.01, 0.012, 0.011]).level is Level.GOOD
    assert judged("x", way, [0.01, None, 0.011]).level is Level.DOUBTFUL
    assert judged("x", way, [0.5] * 9).level is Level.DOUBTFUL


def test_an_offer_is_read() -> None:
    offer = "a=ice-ufrag:u\r\na=ice-pwd:p\r\na=candidate:1 1 UDP 9 2001:db8::1 7801 typ host\r\n"
    assert read(offer) == ("u", "p", [("udp", "2001:db8::1", 7801)])


CANDIDATE = "a=candidate:1 1 udp 9 192.0.2.1 7801 typ host"


@pytest.mark.parametrize(
    "offer",
    [
        "",
        "a=ice-ufrag:u\r\n",
        "a=ice-ufrag:u\r\na=ice-pwd:\ud800\r\n",
        f"a=ice-ufrag:u\r\na=ice-pwd:{'p' * 70_000}\r\n",
        f"a=ice-ufrag:u\r\na=ice-pwd:p\r\n{CANDIDATE[:20]}\r\n",
        f"a=ice-ufrag:u\r\na=ice-pwd:p\r\n{CANDIDATE.replace('7801', '99999')}\r\n",
        f"a=ice-ufrag:u\r\na=ice-pwd:p\r\n{CANDIDATE.replace('192.0.2.1', 'a..b')}\r\n",
    ],
)
def test_what_is_no_offer(offer: str) -> None:
    with pytest.raises(ValueError, match=r"offer|port|values|address"):
        read(offer)


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"offer": "", "session": "x"}'])
async def test_a_server_that_answers_something_else_is_a_finding(
    body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(201 if request.method == "POST" else 200, text=body)

    made = httpx.AsyncClient
    monkeypatch.setattr(
        httpx,
        "AsyncClient",
        lambda **options: made(transport=httpx.MockTransport(answer), **options),
    )
    _, preflight = await examine("http://sfu.example", None, media)
    assert (preflight.subject, preflight.level) == ("preflight", Level.BAD)


def test_verdicts() -> None:
    call = {"name": "x", "download": {"least": 1, "most": 3}, "upload": {"least": 1, "most": 3}}
    assert verdict(call, 3, 3).detail == "to watch and to present"
    assert "full quality" in verdict(call, 1, 1).detail
    assert verdict(call, 0, 0).level is Level.DOUBTFUL
