"""What a measurement can fail with; each message says what was wrong and where."""


class BenchError(Exception):
    """A measurement could not be made."""


class ClientError(BenchError):
    """A participant could not join or connect."""
