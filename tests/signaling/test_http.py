"""Health, metrics, and the page."""

from importlib.resources import files
from pathlib import Path

import httpx
from fastapi import FastAPI

from sfu.signaling.http import Scripts, client_files
from tests.signaling.listening import listening


async def get(host: str, path: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(f"http://{host}{path}")


async def test_alive_and_ready() -> None:
    async with listening() as (server, host):
        assert (await get(host, "/healthz")).json() == {"status": "ok"}
        ready = await get(host, "/readyz")
        assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
        await server.drain(0)
        draining = await get(host, "/readyz")
        assert draining.status_code == 503
        assert draining.json()["reason"] == "draining"
        assert (await get(host, "/healthz")).status_code == 200


async def test_not_ready_before_the_start() -> None:
    async with listening(start=False) as (_, host):
        answer = await get(host, "/readyz")
        assert answer.status_code == 503
        assert answer.json()["reason"] == "starting"


async def test_metrics_are_prometheus_text() -> None:
    async with listening() as (_, host):
        answer = await get(host, "/metrics")
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "# TYPE sfu_rooms gauge" in answer.text
        assert 'sfu_packets_total{direction="in",kind="rtp"} 0.0' in answer.text


async def test_a_server_for_the_world_serves_the_client_and_no_page() -> None:
    folder = Path(str(files("sfu.signaling") / "static"))
    names = client_files(folder)
    assert {"sfu-client.js", "signal-socket.js", "types/sfu-client.d.ts", "package.json"} <= names
    app = FastAPI()
    app.mount("/static", Scripts(folder, names))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sfu/static/") as client:
        assert (await client.get("sfu-client.js")).status_code == 200
        for name in ("index.html", "page.js", "%2e%2e/session.py", "types"):
            assert (await client.get(name)).status_code == 404


async def test_the_page_and_its_files() -> None:
    async with listening() as (_, host):
        page = await get(host, "/")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        script = await get(host, "/static/sfu-client.js")
        assert script.status_code == 200
        assert script.headers["content-type"].startswith("text/javascript")
        assert script.headers["x-content-type-options"] == "nosniff"
        icon = await get(host, "/static/icon.svg")
        assert icon.headers["content-type"].startswith("image/svg+xml")
        check = await get(host, "/preflight")
        assert check.status_code == 200
        assert "default-src 'none'" in check.headers["content-security-policy"]
        for path in ("/static/../session.py", "/static/%2e%2e/session.py", "/nothing"):
            assert (await get(host, path)).status_code == 404
