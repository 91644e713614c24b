"""What the client raises."""

from typing import Any

from sfu.errors import SfuError


class ClientError(SfuError):
    """A refusal by the server, or a failure on this side.

    `code` is one of the protocol's table, or `connection_failed` (the socket could not be opened,
    or no token be fetched), `connection_closed` (it closed before the answer came, or the session
    is over), `timeout`, `codec_unsupported`.
    `details` holds whatever else the server's answer said.
    """

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.details = details
