"""One WebSocket to `/v1/signal`: requests and their answers, and events."""

import asyncio
import json
import ssl
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.protocol import State
from websockets.typing import Subprotocol

from sfu.client.errors import ClientError
from sfu.client.shapes import Frame

FRAME_BYTES = 16 * 2**20
"""Most that one frame may have: the snapshot of a room with 10,000 people is well below."""

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What a frame raises where it is taken, if it is not as the protocol says."""

BUSY = {429: "rate_limited", 503: "overloaded"}
"""How a server that would open this socket later says so, by the status of HTTP."""

Take = Callable[[Frame], None]
Closed = Callable[["SignalSocket", int, str], None]


class SignalSocket:
    """An open socket. `on_frame` is called with events in the server's order, `on_close` once."""

    def __init__(
        self, socket: ClientConnection, patience: float, on_frame: Take, on_close: Closed
    ) -> None:
        self._socket = socket
        self._patience = patience
        self._on_frame = on_frame
        self._on_close = on_close
        self._answers: dict[int, tuple[asyncio.Future[Frame], Take | None]] = {}
        self._last_id = 0
        self.unreadable = ""
        """Why a frame could not be taken; the socket was given up for it."""
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(
        cls,
        url: str,
        patience: float,
        on_frame: Take,
        on_close: Closed,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> "SignalSocket":
        """Opens a socket; `patience` (seconds) is for that and for each answer. Raises ClientError.

        `tls` is for servers whose certificate this host does not trust by itself.
        """
        try:
            socket = await connect(
                url,
                subprotocols=[Subprotocol("sfu.v1")],
                compression=None,
                open_timeout=patience,
                close_timeout=1,
                max_size=FRAME_BYTES,
                ssl=tls,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            seconds = error.response.headers.get("Retry-After", "")
            raise ClientError(
                BUSY.get(status, "connection_failed"),
                f"{url}: the server answers with status {status}",
                retry_after=int(seconds[:6]) if seconds.isdecimal() else 0,
            ) from error
        except (OSError, WebSocketException, TimeoutError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise ClientError("connection_failed", f"{url}: {reason}") from error
        return cls(socket, patience, on_frame, on_close)

    async def request(self, type: str, then: Take | None = None, **fields: object) -> Frame:
        """Sends a request and gives the `ok` frame.

        `then` is called with it before any later frame is taken. Raises ClientError.
        """
        self._last_id += 1
        id = self._last_id
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._answers[id] = (answer, then)
        try:
            await self._socket.send(json.dumps({"type": type, "id": id, **fields}))
            # Not wait_for: who is cancelled as the answer comes would go on (bpo-37658).
            async with asyncio.timeout(self._patience):
                return await answer
        except ConnectionClosed:
            if answer.done():
                answer.exception()  # says the same, and is not left without being heard
            raise _closed() from None
        except TimeoutError:
            raise ClientError("timeout", f'no answer to "{type}"') from None
        finally:
            self._answers.pop(id, None)

    async def closing(self) -> None:
        """Waits until a socket that takes nothing any more is closed, and `on_close` called."""
        if self._socket.state is not State.OPEN:
            await asyncio.wait([self._reader])

    async def close(self) -> None:
        """Closes it; `on_close` has been called when this returns."""
        await self._socket.close()
        await asyncio.gather(self._reader, return_exceptions=True)

    def abandon(self) -> None:
        """Gives it up at once, should the other side not answer."""
        self._socket.transport.abort()

    async def _read(self) -> None:
        try:
            async for text in self._socket:
                self._take(json.loads(text))
        except ConnectionClosed:
            pass
        except UNREADABLE as error:
            # Whatever it told is not known now: as with a lost socket, the next one tells all.
            self.unreadable = f"{type(error).__name__}: {str(error)[:100]}"
            self.abandon()
        finally:
            for answer, _ in self._answers.values():
                if not answer.done():
                    answer.set_exception(_closed())
            code = self._socket.close_code
            self._on_close(self, 1006 if code is None else code, self._socket.close_reason or "")

    def _take(self, frame: Frame) -> None:
        if "id" not in frame:
            self._on_frame(frame)
            return
        answer, then = self._answers.get(frame["id"], (None, None))
        if answer is None or answer.done():  # nobody waits for it any more
            return
        if frame["type"] == "ok":
            if then is not None:
                then(frame)
            answer.set_result(frame)
        else:
            details = {name: frame[name] for name in frame.keys() - _NO_DETAILS}
            answer.set_exception(ClientError(str(frame["code"]), str(frame["message"]), **details))


_NO_DETAILS = {"type", "id", "code", "message"}


def _closed() -> ClientError:
    return ClientError("connection_closed", "the connection to the server closed")
