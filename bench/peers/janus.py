"""Janus with its VideoRoom plugin: event loops instead of a thread per participant, ICE lite,
multistream subscriptions."""

import asyncio
import itertools
import json
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any, Final, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from sfu.bench.clients import VERIFY_EVERY, add_presenter
from sfu.bench.description import (
    Credentials,
    publish_offer,
    read_format,
    read_remote,
    receive_answer,
)
from sfu.bench.endpoints import PATIENCE, Endpoints
from sfu.bench.errors import ClientError
from sfu.bench.peers import MissingPeer
from sfu.bench.process import Process, free_port, listens
from sfu.bench.shape import Shape

_ROOM: Final = 1
_CONFIGURATION: Final = """
general: {{
  configs_folder = "{folder}"
  debug_level = 2
  event_loops = 1
  session_timeout = 0
}}
media: {{
  rtp_port_range = "20000-40000"
}}
nat: {{
  ice_lite = true
  ice_enforce_list = "127.0.0.1"
}}
transports: {{
  disable = "{transports}"
}}
plugins: {{
  disable = "{others}"
}}
"""
_WEBSOCKETS: Final = """
general: {{
  ws = true
  ws_port = {port}
  ws_ip = "127.0.0.1"
}}
admin: {{
  admin_ws = false
}}
"""
_OTHERS: Final = (
    "audiobridge duktape echotest lua nosip recordplay sip streaming textroom videocall voicemail"
)
_TRANSPORTS: Final = "http pfunix rabbitmq mqtt nanomsg"


def version(folder: Path | None = None) -> str:
    """Of the installed one. Raises MissingPeer."""
    text = subprocess.run(
        [_program(folder), "-V"], capture_output=True, text=True, timeout=10
    ).stdout
    found = re.search(r"\(([\d.]+)\)", text)
    return found[1] if found else "unknown"


def _program(folder: Path | None) -> str:
    found = shutil.which("janus", path=None if folder is None else str(folder))
    if found is None:
        raise MissingPeer("janus is not installed: apt-get install janus")
    return found


class Janus(Process):
    """One process with a configuration of its own."""

    def __init__(self, core: int | None, shape: Shape, folder: Path | None = None) -> None:
        """`folder` holds the program. Raises MissingPeer."""
        self._program = _program(folder)
        self._shape = shape
        super().__init__(core)
        self.port = free_port(socket.SOCK_STREAM)

    def __enter__(self) -> Self:
        others, transports = (
            ",".join(f"libjanus_{name}.so" for name in names.split())
            for names in (_OTHERS, _TRANSPORTS)
        )
        values = {
            "folder": self.folder,
            "port": self.port,
            "others": others,
            "transports": transports,
        }
        for name, text in (
            ("janus.jcfg", _CONFIGURATION),
            ("janus.transport.websockets.jcfg", _WEBSOCKETS),
            ("janus.plugin.videoroom.jcfg", ""),
        ):
            (self.folder / name).write_text(text.format(**values), encoding="utf-8")
        self.start([self._program, "-F", str(self.folder)], lambda: listens(self.port))
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def clients(self, endpoints: Endpoints) -> "JanusClients":
        """Participants of a fresh room."""
        return JanusClients(f"ws://127.0.0.1:{self.port}", endpoints)


class JanusClients:
    """Everybody with a socket, a session and a handle of their own."""

    def __init__(self, url: str, endpoints: Endpoints) -> None:
        self._url = url
        self._endpoints = endpoints
        self._handles: list[Handle] = []
        self._feeds: list[int] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(each.close() for each in self._handles), return_exceptions=True)

    async def add_presenter(self, number: int, shape: Shape) -> None:
        """Joins, the first one makes the room, and publishes."""
        handle = await self._attach()
        if number == 0:
            await handle.message(
                request="create",
                room=_ROOM,
                publishers=max(6, shape.cameras),
                bitrate=0,
                fir_freq=0,
                audiocodec="opus",
                videocodec="vp8",
                transport_wide_cc_ext=True,
            )
        joined, _ = await handle.message(request="join", ptype="publisher", room=_ROOM)
        self._feeds.append(joined["id"])
        endpoint, video_ssrc, audio_ssrc = add_presenter(self._endpoints.engine, number, shape)
        ours = Credentials.generate()
        offer = publish_offer(
            ours,
            self._endpoints.fingerprint,
            video_ssrc,
            audio_ssrc,
            microphone=number < shape.speakers,
            setup="active",
        )
        jsep = {"type": "offer", "sdp": offer}
        _, answer = await handle.message(jsep=jsep, request="publish")
        await self._endpoints.connect(
            f"presenter {number}", endpoint, ours, read_remote(answer["sdp"])
        )

    async def add_attendee(self, number: int) -> int:
        """Subscribes to everything at once."""
        handle = await self._attach()
        _, offer = await handle.message(
            request="join",
            ptype="subscriber",
            room=_ROOM,
            streams=[{"feed": feed} for feed in self._feeds],
        )
        endpoint = self._endpoints.engine.add_attendee(
            verify=number % VERIFY_EVERY == 0, format=read_format(offer["sdp"])
        )
        ours = Credentials.generate()
        answer = receive_answer(offer["sdp"], ours, self._endpoints.fingerprint)
        await handle.message(jsep={"type": "answer", "sdp": answer}, request="start")
        await self._endpoints.connect(
            f"attendee {number}", endpoint, ours, read_remote(offer["sdp"])
        )
        return endpoint

    async def _attach(self) -> "Handle":
        handle = await Handle.attach(self._url)
        self._handles.append(handle)
        return handle


class Handle:
    """A session with one handle of the VideoRoom plugin (Janus's WebSocket protocol)."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._transactions = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._names: dict[str, int] = {}
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def attach(cls, url: str) -> "Handle":
        """Raises ClientError."""
        protocol = Subprotocol("janus-protocol")
        handle = cls(await connect(url, subprotocols=[protocol], compression=None))
        created = await handle._request(janus="create")
        handle._names["session_id"] = created["data"]["id"]
        attached = await handle._request(janus="attach", plugin="janus.plugin.videoroom")
        handle._names["handle_id"] = attached["data"]["id"]
        return handle

    async def message(
        self, jsep: dict[str, str] | None = None, **body: object
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The plugin's answer and its description. Raises ClientError when it refuses."""
        fields = {} if jsep is None else {"jsep": jsep}
        answer = await self._request(janus="message", body=body, **fields)
        data: dict[str, Any] = answer.get("plugindata", {}).get("data", {})
        if "error" in data:
            raise ClientError(f"janus: {body.get('request')}: {data['error']}")
        return data, answer.get("jsep", {})

    async def close(self) -> None:
        """Closes the socket; the session goes with it."""
        self._reader.cancel()
        await self._socket.close()

    async def _request(self, **fields: object) -> dict[str, Any]:
        transaction = str(next(self._transactions))
        future = self._waiting[transaction] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"transaction": transaction, **self._names, **fields}))
        try:
            answer: dict[str, Any] = await asyncio.wait_for(future, PATIENCE)
        except TimeoutError:
            raise ClientError(f"janus: no answer to {fields['janus']}") from None
        finally:
            del self._waiting[transaction]
        if answer["janus"] == "error":
            raise ClientError(f"janus: {fields['janus']}: {answer['error']['reason']}")
        return answer

    async def _read(self) -> None:
        async for frame in self._socket:
            message = json.loads(frame)
            future = self._waiting.get(message.get("transaction", ""))
            # "ack" only says that the event comes later.
            if future is not None and not future.done() and message["janus"] != "ack":
                future.set_result(message)
