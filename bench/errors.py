"""What a measurement can fail with; each message says what was wrong and where."""


class BenchError(Exception):
    """A measurement could not be made."""


class ClientError(BenchError):
    """A participant could not join or connect."""


class Refused(ClientError):
    """The server has said no; `code` says why."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code
