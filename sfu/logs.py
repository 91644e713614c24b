"""Structured logs: one line per event, human in a terminal, JSON otherwise.

Never a secret: no tokens, passwords, ICE passwords or keys are given to the
log. Whatever a stranger can cause in bulk is logged with `bounded=True`, at
most BOUNDED_PER_SECOND lines of one event; the next line says how many were left out.
What a request or socket causes carries its id, `trace` (`sfu.signaling.tracing`).
"""

import contextlib
import logging
import sys
import time
from typing import Final, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, WrappedLogger

BOUNDED_PER_SECOND: Final = 10

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class Bounded:
    """A structlog processor: drops what is too much of one event within a second."""

    def __init__(self) -> None:
        self._second: dict[str, tuple[int, int]] = {}
        self._left_out: dict[str, int] = {}

    def __call__(self, _: WrappedLogger, method: str, event: EventDict) -> EventDict:
        if not event.pop("bounded", False):
            return event
        name, second = str(event.get("event")), int(time.monotonic())
        since, count = self._second.get(name, (second, 0))
        if since != second:
            since, count = second, 0
        self._second[name] = (since, count + 1)
        if count >= BOUNDED_PER_SECOND:
            self._left_out[name] = self._left_out.get(name, 0) + 1
            raise structlog.DropEvent
        if left_out := self._left_out.pop(name, 0):
            event["left_out"] = left_out
        return event


def configure(
    level: Literal["debug", "info", "warning", "error"],
    format: Literal["auto", "human", "json"] = "auto",
) -> None:
    """Sets up the process's log on standard error."""
    human = format == "human" or (format == "auto" and sys.stderr.isatty())
    exceptions: list[structlog.typing.Processor]
    renderer: structlog.typing.Processor
    if human:
        # Tracebacks without local variables: those would show keys and tokens.
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        exceptions = []
    else:
        renderer = structlog.processors.JSONRenderer()
        exceptions = [structlog.processors.format_exc_info]
    logging.root.handlers = [_Forward(logging.WARNING)]
    structlog.configure(
        processors=[
            Bounded(),
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *exceptions,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, _Patient(sys.stderr))),
        cache_logger_on_first_use=False,
    )


class _Patient:
    """A file whose disk may be full: what cannot be written is left out, and who logs goes on."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._file.flush()


class _Forward(logging.Handler):
    """Libraries' warnings, in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        log.log(
            record.levelno,
            record.getMessage(),
            logger=record.name,
            exc_info=record.exc_info,
            bounded=True,
        )
