"""The process: start, drain, signals, reload, TLS, exit codes."""

import asyncio
import json
import os
import signal
import socket
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect as open_socket

from sfu.bench.process import free_port
from sfu.config import DEV_SECRET
from tests.sfu.authority import Authority
from tests.signaling.listening import ask
from tests.signaling.test_websocket import closed, connect

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]


HTTP, UDP = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
HOST = f"127.0.0.1:{HTTP}"


@asynccontextmanager
async def client_or_new(client: httpx.AsyncClient | None) -> AsyncIterator[httpx.AsyncClient]:
    """The one given is left open."""
    if client is not None:
        yield client
        return
    async with httpx.AsyncClient() as made:
        yield made


class Process:
    """`sfu serve`."""

    started: ClassVar[list["Process"]] = []

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.started.append(self)

    @classmethod
    async def start(
        cls, *options: str, command: Sequence[str] = (sys.executable,), **environ: str
    ) -> "Process":
        """With `--dev` unless there are other options; `command` ends in a Python."""
        return cls(
            await asyncio.create_subprocess_exec(
                *command, "-m", "sfu", "serve", *(options or ("--dev",)),
                cwd=ROOT,
                env={
                    **os.environ,
                    "SFU_SERVER__PORT": str(HTTP),
                    "SFU_MEDIA__UDP_PORT": str(UDP),
                    "SFU_STORE__PATH": os.path.join(tempfile.mkdtemp(), "sfu.sqlite"),
                    **environ,
                },
                stderr=asyncio.subprocess.PIPE,
            )
        )  # fmt: skip

    async def ready(
        self, client: httpx.AsyncClient | None = None, url: str = f"http://{HOST}"
    ) -> "Process":
        async with asyncio.timeout(20), client_or_new(client) as asking:
            while True:
                try:
                    if (await asking.get(f"{url}/readyz")).status_code == 200:
                        return self
                except httpx.TransportError:
                    await asyncio.sleep(0.05)

    async def ended(self) -> tuple[int, list[dict[str, object]]]:
        """Exit code and log."""
        assert self.process.stderr is not None
        async with asyncio.timeout(20):
            log = await self.process.stderr.read()
            return await self.process.wait(), [json.loads(line) for line in log.splitlines()]


@pytest_asyncio.fixture(autouse=True)
async def nothing_left_behind() -> AsyncIterator[None]:
    """A test that fails leaves its ports to the next one."""
    yield
    while Process.started:
        process = Process.started.pop().process
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest_asyncio.fixture
async def daemon() -> Process:
    return await (await Process.start()).ready()


async def test_sigterm_drains(daemon: Process) -> None:
    async with connect(HOST) as member, connect(HOST) as late:
        await ask(member, "join", room="hall")
        await member.recv()  # the offer
        daemon.process.send_signal(signal.SIGTERM)
        event = json.loads(await member.recv())
        while event["type"] != "draining":
            event = json.loads(await member.recv())
        assert event["seconds"] == 600
        answer = await ask(late, "join", room="hall")
        assert answer["code"] == "draining"
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://{HOST}/readyz")).status_code == 503
        # It goes on for who is in, and ends when the last has left.
        assert (await ask(member, "ping"))["type"] == "ok"
        await ask(member, "leave")
    code, log = await daemon.ended()
    assert code == 0
    assert [line["event"] for line in log][-1] == "stopped"


async def test_a_second_sigterm_does_not_wait(daemon: Process) -> None:
    async with connect(HOST) as member:
        await ask(member, "join", room="hall")
        daemon.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.3)
        assert daemon.process.returncode is None
        daemon.process.send_signal(signal.SIGTERM)
        assert (await closed(member))[0] == 1001
    assert (await daemon.ended())[0] == 0


async def test_sigint_is_quick(daemon: Process) -> None:
    async with connect(HOST) as member:
        await ask(member, "join", room="hall")
        daemon.process.send_signal(signal.SIGINT)
        code, log = await daemon.ended()
    assert code == 0
    assert {line["level"] for line in log} == {"info"}


async def test_the_first_process_of_a_container(tmp_path: Path) -> None:
    """Orphans that end leave nothing behind, and SIGTERM is heard."""
    flag = tmp_path / "flag"
    flag.touch()
    orphan = f"(while [ -e {flag} ]; do sleep 0.1; done) &"
    contained = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    script = f'{orphan} exec {sys.executable} "$@"'
    process = await Process.start(command=(*contained, "sh", "-c", script, "sh"))
    await process.ready()
    (first,) = _children(process.process.pid)
    assert _children(first)
    flag.unlink()
    async with asyncio.timeout(5):
        while _children(first):  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.05)
    os.kill(first, signal.SIGTERM)
    assert (await process.ended())[0] == 0


def _children(process: int) -> list[int]:
    """Zombies are among them."""
    return [
        int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()
    ]


async def test_a_drain_has_an_end() -> None:
    daemon = await (await Process.start(SFU_SERVER__DRAIN_TIMEOUT="1s")).ready()
    async with connect(HOST) as member:
        await ask(member, "join", room="hall")
        daemon.process.send_signal(signal.SIGTERM)
        assert (await daemon.ended())[0] == 0


@pytest.mark.parametrize(
    ("kind", "port"),
    [(socket.SOCK_STREAM, HTTP), (socket.SOCK_DGRAM, UDP)],
    ids=["http", "udp"],
)
async def test_a_port_that_is_taken_is_named(kind: socket.SocketKind, port: int) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        code, log = await (await Process.start()).ended()
    assert code == 1
    (line,) = [line for line in log if line["level"] == "error"]
    assert line["port"] == port


async def test_secrets_are_not_in_the_log(daemon: Process) -> None:
    async with connect(HOST) as member:
        await ask(member, "join", room="hall", token="a.secret.token", password="hunter2")
        joined = await ask(member, "join", room="hall", role="presenter")
        daemon.process.send_signal(signal.SIGINT)
        _, log = await daemon.ended()
    text = json.dumps(log)
    for secret in ("a.secret.token", "hunter2", joined["resume"], "dev-secret"):
        assert secret not in text


def backend() -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://{HOST}/v1", headers={"Authorization": f"Bearer dev:{DEV_SECRET}"}
    )


async def test_a_kill_loses_nothing(tmp_path: Path) -> None:
    environ = {"SFU_STORE__PATH": str(tmp_path / "sfu.sqlite")}
    first = await (await Process.start(**environ)).ready()
    async with backend() as client:
        made = await client.post("/rooms", json={"room": "hall", "limits": {"attendees": 3}})
        assert made.status_code == 201
        await client.post("/rooms/hall/start")
        async with connect(HOST) as member:
            joined = await ask(member, "join", room="hall")
            assert joined["status"] == "admitted"
            # The join is durable once it is answered: nothing is waited for here.
            first.process.kill()
            await first.process.wait()
    second = await (await Process.start(**environ)).ready()
    async with backend() as client:
        room = (await client.get("/rooms/hall")).json()
        assert (room["state"], room["limits"]["attendees"]) == ("live", 3)
        assert (await client.delete("/rooms/hall")).status_code == 204
        items = (await client.get("/usage")).json()["items"]
        assert [item["kind"] for item in items] == ["participant", "event"]
        assert items[0]["participant"] == joined["participant"]["id"]
    second.process.send_signal(signal.SIGINT)
    assert (await second.ended())[0] == 0


async def test_an_empty_room_ends_where_that_is_set() -> None:
    daemon = await (await Process.start(SFU_SERVER__EMPTY_TIMEOUT="500ms")).ready()
    async with backend() as client:
        await client.post("/rooms", json={"room": "made"})
        await client.post("/rooms/made/start")
        async with connect(HOST) as member:
            await ask(member, "join", room="joined")
            await asyncio.sleep(1.0)
            states = {
                room["id"]: room["state"] for room in (await client.get("/rooms")).json()["items"]
            }
            assert states == {"joined": "live", "made": "ended"}
            await ask(member, "leave")
        await asyncio.sleep(1.0)
        assert (await client.get("/rooms/joined")).json()["state"] == "ended"
    daemon.process.send_signal(signal.SIGINT)
    assert (await daemon.ended())[0] == 0


async def test_a_store_that_cannot_be_had(tmp_path: Path) -> None:
    path = str(tmp_path / "no" / "such" / "folder.sqlite")
    daemon = await (await Process.start(SFU_STORE__PATH=path)).ready()
    daemon.process.send_signal(signal.SIGINT)
    code, log = await daemon.ended()
    # A development server makes do without; another one says so and ends.
    assert (code, "store is temporary" in {line["event"] for line in log}) == (0, True)
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sfu", "serve",
        cwd=ROOT,
        env={**os.environ, "SFU_SERVER__PORT": str(HTTP), "SFU_STORE__PATH": path},
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert other.stderr is not None
    (line,) = (await other.stderr.read()).splitlines()
    assert await other.wait() == 1
    assert json.loads(line)["event"] == "cannot open the store"


def secure(tmp_path: Path, authority: Authority, extra: str = "") -> Path:
    """Settings of a server with TLS, on the ports of these tests."""
    certificate, key = authority.issue(tmp_path, "localhost")
    path = tmp_path / "sfu.toml"
    path.write_text(
        f'[server]\ncertificate = "{certificate}"\nkey = "{key}"\n'
        f'[tenants.acme]\nsecret = "first-secret"\n{extra}'
    )
    return path


async def reloaded(process: Process, event: str) -> dict[str, object]:
    """Sends SIGHUP; gives the log line with this event."""
    assert process.process.stderr is not None
    process.process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(10):
        while True:
            line: dict[str, object] = json.loads(await process.process.stderr.readline())
            if line["event"] == event:
                return line


async def test_tls_and_what_a_reload_changes(tmp_path: Path) -> None:
    authority = Authority()
    path = secure(tmp_path, authority)
    trust = ssl.create_default_context(cadata=authority.pem.decode())
    daemon = await Process.start("--config", str(path))
    url = f"https://localhost:{HTTP}"
    async with httpx.AsyncClient(verify=trust) as client:
        await daemon.ready(client, url)
        async with open_socket(f"wss://localhost:{HTTP}/v1/signal", ssl=trust) as member:
            assert (await ask(member, "ping"))["type"] == "ok"
            first = await serial(trust)
            secure(tmp_path, authority, "max_rooms = 1\n[room]\npresenters = 7")
            path.write_text(path.read_text().replace("first-secret", "second-secret"))
            line = await reloaded(daemon, "settings reloaded")
            changed = ["room.presenters", "tenants.acme.max_rooms", "tenants.acme.secret"]
            assert line["changed"] == changed
            # The certificate is another one, and the socket lives on.
            assert await serial(trust) != first
            assert (await ask(member, "ping"))["type"] == "ok"
        for secret, status in (("first-secret", 401), ("second-secret", 201)):
            head = {"Authorization": f"Bearer acme:{secret}"}
            made = await client.post(f"{url}/v1/rooms", json={"room": "a"}, headers=head)
            assert made.status_code == status
        assert made.json()["limits"]["presenters"] == 7
        full = await client.post(f"{url}/v1/rooms", json={"room": "b"}, headers=head)
        assert full.json()["code"] == "too_many_rooms"
        path.write_text("[room]\nvideo = '4k'")
        line = await reloaded(daemon, "settings not reloaded")
        assert str(line["problems"]).startswith(f"['{path}:2: room.video: ")
        assert (await client.get(f"{url}/v1/rooms", headers=head)).status_code == 200
    daemon.process.send_signal(signal.SIGTERM)
    code, log = await daemon.ended()
    assert code == 0
    assert "secret" not in json.dumps(log)


async def test_who_is_silent_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """Browsers look at an idle connection when they need one again: they answer no goodbye."""
    authority = Authority()
    daemon = await Process.start("--config", str(secure(tmp_path, authority)))
    trust = ssl.create_default_context(cadata=authority.pem.decode())
    async with httpx.AsyncClient(verify=trust) as client:
        await daemon.ready(client, f"https://localhost:{HTTP}")
    with idle(trust):
        daemon.process.send_signal(signal.SIGTERM)
        code, log = await daemon.ended()
    assert code == 0
    assert [line for line in log if line["level"] == "error"] == []


def idle(trust: ssl.SSLContext) -> ssl.SSLSocket:
    """A connection that has been answered, and is kept for the next request."""
    connection = trust.wrap_socket(
        socket.create_connection(("localhost", HTTP)), server_hostname="localhost"
    )
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    return connection


async def serial(trust: ssl.SSLContext) -> str:
    """Of the certificate that the server shows a new connection."""
    _, writer = await asyncio.open_connection("localhost", HTTP, ssl=trust)
    certificate = writer.get_extra_info("peercert")
    writer.close()
    return str(certificate["serialNumber"])


async def test_a_certificate_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    path = secure(tmp_path, Authority())
    (tmp_path / "key.pem").unlink()
    daemon = await Process.start("--config", str(path))
    _, error = await daemon.process.communicate()
    assert daemon.process.returncode == 2
    assert f"{tmp_path}/key.pem: server.key: cannot be read" in error.decode()


async def test_readiness_is_told_to_a_service_manager(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        daemon = await Process.start(NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert await asyncio.to_thread(manager.recv, 100) == b"READY=1"
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://{HOST}/readyz")).status_code == 200
        daemon.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(manager.recv, 100) == b"STOPPING=1"
        assert (await daemon.ended())[0] == 0
