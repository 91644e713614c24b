"""What commands ask: the server of the settings by its own certificate, and what is said when no
answer comes."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sfu.cli.main import run
from sfu.cli.reach import own_server
from sfu.config import ServerSettings
from sfu.tls import Tls
from tests.sfu.authority import Authority

PAGE = json.dumps({"items": [], "cursor": None}).encode()


@contextlib.asynccontextmanager
async def answering(tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    """A port where every request is answered by an empty list."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read(4096)
            head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(PAGE)}\r\nconnection: close\r\n\r\n"
            writer.write(head.encode() + PAGE)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1]


async def rooms(capture: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    capture.readouterr()
    code = await asyncio.to_thread(run, ["rooms", *arguments, "--json", "list"])
    out, error = capture.readouterr()
    return code, out + error


async def test_the_server_of_the_settings_is_known_by_its_certificate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = Authority()
    certificate, key = authority.issue(tmp_path, "sfu.example")
    tls = Tls(ServerSettings(certificate=str(certificate), key=str(key)))
    async with answering(tls.context) as port:
        file = tmp_path / "sfu.toml"
        file.write_text(
            f'[server]\nport = {port}\ncertificate = "{certificate}"\nkey = "{key}"\n'
            '[tenants.acme]\nsecret = "secret"\n'
        )
        assert await rooms(capsys, "-c", str(file)) == (0, "[]\n")
        # Another certificate of the same authority and name is another server.
        authority.issue(tmp_path, "sfu.example")
        code, said = await rooms(capsys, "-c", str(file))
        assert (code, "authority" in said) == (1, True)
        certificate.unlink()
        code, said = await rooms(capsys, "-c", str(file))
        assert (code, f"{certificate} cannot be used" in said) == (1, True)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:81"),
        ("::", "http://[::1]:81"),
        ("2001:db8::1", "http://[2001:db8::1]:81"),
        ("sfu.example", "http://sfu.example:81"),
    ],
)
def test_where_the_server_of_the_settings_is(host: str, url: str) -> None:
    assert own_server(ServerSettings(host=host, port=81)) == (url, True)


async def test_what_to_try_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = Authority().issue(tmp_path, "localhost")
    tls = Tls(ServerSettings(certificate=str(files[0]), key=str(files[1])))
    async with answering(tls.context) as port, answering(None) as plain:
        for url, remedy in (
            (f"127.0.0.1:{port}", f"try https://127.0.0.1:{port}"),
            (f"https://127.0.0.1:{port}", "SSL_CERT_FILE=ca.pem"),
            (f"https://127.0.0.1:{plain}", f"try http://127.0.0.1:{plain}"),
            (f"http://127.0.0.1:{port}", f"try https://127.0.0.1:{port}"),
            ("http://127.0.0.1:9", "is the address right, and the server running?"),
        ):
            code, said = await rooms(capsys, "--url", url)
            assert (code, remedy in said) == (1, True), said


async def test_of_several_tenants_one_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ACME", "SHOP"):
        monkeypatch.setenv(f"SFU_TENANTS__{name}__SECRET", "secret")
    code, said = await rooms(capsys)
    assert (code, "--tenant, one of acme, shop" in said) == (1, True)
