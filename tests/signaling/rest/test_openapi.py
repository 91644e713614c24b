"""The OpenAPI document is true, by schemathesis; and its page needs no other host."""

import asyncio
import contextlib
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from sfu.config import DEV_SECRET
from tests.signaling.rest.backend import Backend

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
BUDGET = 30
"""Seconds that schemathesis takes, whatever the machine."""


@contextlib.asynccontextmanager
async def daemon(folder: Path) -> AsyncIterator[str]:
    """The address of a process that serves."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sfu", "serve", "--dev",
        cwd=ROOT,
        env={
            **os.environ,
            "SFU_SERVER__PORT": str(port),
            "SFU_MEDIA__UDP_PORT": "0",
            "SFU_STORE__PATH": str(folder / "sfu.sqlite"),
        },
    )  # fmt: skip
    try:
        async with asyncio.timeout(30), httpx.AsyncClient() as client:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    await client.get(f"http://127.0.0.1:{port}/readyz")
                    break
                await asyncio.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def test_the_document_is_true(tmp_path: Path) -> None:
    async with daemon(tmp_path) as host:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "schemathesis.cli",
            "--config-file", str(Path(__file__).with_name("schemathesis.toml")),
            "run", f"{host}/v1/openapi.json",
            "--header", f"Authorization: Bearer dev:{DEV_SECRET}",
            "--max-examples", "8", "--max-time", str(BUDGET), "--generation-deterministic",
            "--no-color",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output = (await process.communicate())[0].decode()
        assert process.returncode == 0, output
        tested = re.search(r"Tested: (\d+)", output)
        assert tested is not None
        assert int(tested[1]) > 25, output


async def test_every_refusal_is_a_problem(backend: Backend) -> None:
    document = await backend.ask("GET", "/v1/openapi.json")
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if not path.startswith("/v1/"):
                continue
            assert operation["security"] == [{"tenant": []}], path
            for status, response in operation["responses"].items():
                kinds = set(response.get("content", {}))
                if int(status) >= 400:
                    assert kinds == {"application/problem+json"}, (method, path, status)
                elif status != "204":
                    assert kinds == {"application/json"}, (method, path, status)
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_the_page_needs_no_other_host(backend: Backend) -> None:
    page = await backend.http.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert "<script>" not in page.text
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(links) == 4
    for link in links:
        if link.startswith("data:"):
            continue
        assert "//" not in link
        answer = await backend.http.get(f"/{link}")
        assert answer.status_code == 200
        assert len(answer.content) > 100
    start = await backend.http.get("/docs/start.js")
    assert "v1/openapi.json" in start.text
