"""Which pages may talk to the server: sockets by their Origin, REST by CORS."""

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from sfu.config import ConfigError
from sfu.signaling.origins import Origins
from tests.signaling.listening import ask, listening, settings
from tests.signaling.test_websocket import connect

NARROW = settings(
    SFU_SERVER__ALLOWED_ORIGINS="https://app.example, https://*.rooms.example, http://[::1]:8080"
)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("https://app.example", True),
        ("HTTPS://APP.EXAMPLE", True),
        ("https://a.b.rooms.example", True),
        ("http://[::1]:8080", True),
        ("https://sfu.example:7800", True),  # the server's own page
        ("http://app.example", False),
        ("https://app.example:444", False),
        ("https://app.example.evil.example", False),
        ("https://rooms.example", False),
        ("https://evilrooms.example", False),
        ("https://a.room\u017f.example", False),  # a long s, which ignoring the case is an s
        ("https://evil/.rooms.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_origins(origin: str | None, allowed: bool) -> None:
    origins = Origins(NARROW.server.allowed_origins)
    assert origins.allow(origin, "sfu.example:7800") is allowed
    assert Origins(["*"]).allow(origin, "sfu.example")


def test_what_is_no_origin_is_no_setting() -> None:
    for wrong in ("app.example", "https://app.example/", "ftp://app.example", "https://*"):
        with pytest.raises(ConfigError):
            settings(SFU_SERVER__ALLOWED_ORIGINS=wrong)


async def test_sockets_from_foreign_pages() -> None:
    async with listening(NARROW) as (_, host):
        for welcome in (None, Origin("https://app.example"), Origin(f"http://{host}")):
            async with connect(host, origin=welcome) as socket:
                assert (await ask(socket, "ping"))["type"] == "ok"
        with pytest.raises(InvalidStatus) as refused:
            await connect(host, origin=Origin("https://evil.example"))
        assert refused.value.response.status_code == 403
    async with (
        listening() as (_, host),
        connect(host, origin=Origin("https://anywhere.example")) as socket,
    ):
        assert (await ask(socket, "ping"))["type"] == "ok"


async def preflight(host: str, origin: str) -> httpx.Response:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization",
    }
    async with httpx.AsyncClient() as client:
        return await client.options(f"http://{host}/v1/rooms/a", headers=asked)


async def test_cors() -> None:
    async with listening(NARROW) as (_, host):
        answer = await preflight(host, "https://app.example")
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        assert "PATCH" in answer.headers["access-control-allow-methods"]
        assert answer.headers["access-control-allow-headers"] == "authorization"
        assert "access-control-allow-credentials" not in answer.headers
        refused = await preflight(host, "https://evil.example")
        assert refused.status_code == 400
        assert "access-control-allow-origin" not in refused.headers
        async with httpx.AsyncClient() as client:
            url, head = f"http://{host}/v1/rooms", {"Origin": "https://app.example"}
            answer = await client.get(url, headers=head)
            assert answer.headers["access-control-allow-origin"] == "https://app.example"
            assert "etag" in answer.headers["access-control-expose-headers"].lower()
            answer = await client.get(url, headers={"Origin": "https://evil.example"})
            assert "access-control-allow-origin" not in answer.headers
