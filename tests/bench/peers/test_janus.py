"""The adapter against a socket that speaks as Janus does."""

import json
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from sfu.bench.errors import ClientError
from sfu.bench.peers import MissingPeer
from sfu.bench.peers.janus import Handle, version


async def janus(socket: ServerConnection) -> None:
    """Sessions and handles are numbered 7 and 8; the plugin knows one request."""
    async for frame in socket:
        message = json.loads(frame)
        answer = {"janus": "success", "transaction": message["transaction"]}
        if message["janus"] == "create":
            answer["data"] = {"id": 7}
        elif message["janus"] == "attach":
            assert message["session_id"] == 7
            answer["data"] = {"id": 8}
        else:
            assert (message["session_id"], message["handle_id"]) == (7, 8)
            await socket.send(json.dumps({**answer, "janus": "ack"}))
            known = message["body"]["request"] == "join"
            data = {"id": 99} if known else {"error": "no such request"}
            answer |= {"janus": "event", "plugindata": {"data": data}, "jsep": {"sdp": "v=0"}}
        await socket.send(json.dumps(answer))


async def test_a_handle_waits_for_the_event_and_tells_of_refusals() -> None:
    protocol = Subprotocol("janus-protocol")
    async with serve(janus, "127.0.0.1", 0, subprotocols=[protocol]) as server:
        port = server.sockets[0].getsockname()[1]
        handle = await Handle.attach(f"ws://127.0.0.1:{port}")
        assert await handle.message(request="join") == ({"id": 99}, {"sdp": "v=0"})
        with pytest.raises(ClientError, match="janus: start: no such request"):
            await handle.message(request="start")
        await handle.close()


def test_it_says_how_to_install_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingPeer, match="apt-get install janus"):
        version(tmp_path)
