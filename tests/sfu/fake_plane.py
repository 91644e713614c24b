"""A stand-in for the packet plane: keeps the commands, hands up the reports it is given.

`install` puts it in place of `sfu._plane` inside `sfu.forwarder`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

FEEDBACK_DTYPE = [("transport", "<u4"), ("sent", "<u8")]


class PlaneBusy(RuntimeError):
    """The queue is full."""


@dataclass
class Handshake:
    transport: int
    datagram: bytes


@dataclass
class PathUp:
    transport: int
    remote: str


@dataclass
class PathDown:
    transport: int


@dataclass
class Switched:
    egress: int
    track: int | None
    spatial: int
    temporal: int


@dataclass
class Audible:
    track: int
    audible: bool


@dataclass
class Levels:
    levels: list[tuple[int, int]]


@dataclass
class TrackRates:
    track: int
    layers: list[tuple[int, float, int, int]]


@dataclass
class Traffic:
    totals: list[tuple[int, int, int]]


@dataclass
class Closed:
    transport: int
    received: int
    sent: int


@dataclass
class Exceeded:
    transport: int


@dataclass
class Refused:
    command: str
    reason: str


@dataclass
class Fault:
    reason: str


Report = object
Command = tuple[str, tuple[Any, ...]]

COMMANDS = frozenset(
    {
        "open_transport", "restart_ice", "set_remote", "set_keys", "send_handshake",
        "close_transport", "add_track", "remove_track", "mute", "compete", "add_route", "bind",
        "remove_route", "add_egress", "remove_egress", "show_routes", "weigh", "set_targets",
        "set_rates", "set_upload", "cap", "add_peer", "remove_peer", "add_relayed_track", "relay",
        "end_relay",
        "report_traffic", "request_keyframe", "panic",
    }
)  # fmt: skip


class Worker:
    """Records every command; `busy` makes it refuse them."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.port = 7960
        self.fileno = -1
        self.busy = False
        self.stopped = False
        self.commands: list[Command] = []
        self.reports: list[Any] = []
        self.rows = b""
        self.closes = True
        """Whether closed transports are reported at once, with `closed_totals`."""
        self.closed_totals = (0, 0)

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name not in COMMANDS:
            raise AttributeError(name)

        def command(*args: Any) -> None:
            if self.busy:
                raise PlaneBusy
            self.commands.append((name, args))
            if name == "close_transport" and self.closes:
                self.reports.append(Closed(args[0], *self.closed_totals))

        return command

    def connect(self, other: "Worker", capacity: int) -> tuple[str, str]:
        return "own end", "other's end"

    def drain(self) -> list[Any]:
        reports, self.reports = self.reports, []
        return reports

    def feedback(self) -> tuple[bytes, bytes]:
        rows, self.rows = self.rows, b""
        return rows, b""

    def counters(self) -> dict[str, int]:
        return {
            "packets_in_rtp": 7,
            "bytes_out_rtx": 9,
            "drop_no_keys": 2,
            "nacks_in": 3,
            "plis_out": 4,
            "retransmitted": 5,
            "srtp_failures": 6,
            "switches": 1,
            "freezes_keyframe": 2,
            "frozen_us_keyframe": 1_500_000,
            "busy_us": 250,
            "wall_us": 1000,
        }

    def stop(self) -> None:
        self.stopped = True

    # For tests

    def named(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of every command of this name."""
        return [args for each, args in self.commands if each == name]

    def take(self) -> list[Command]:
        """The commands since the last call."""
        commands, self.commands = self.commands, []
        return commands


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on `sfu.forwarder` sees this module instead of the extension."""
    import sys

    from sfu import forwarder

    monkeypatch.setattr(forwarder, "_plane", sys.modules[__name__])
