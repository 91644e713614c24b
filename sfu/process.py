"""The process of `sfu serve`: its HTTP listener, its signals, its exit code.

SIGTERM drains, SIGINT ends at once, SIGHUP reads the settings again (`sfu.reload`).
"""

import asyncio
import contextlib
import gc
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence

import structlog
import uvicorn
import uvloop

from sfu import logs, readiness
from sfu.config import Settings
from sfu.daemon import Daemon
from sfu.handshakes import secured
from sfu.heap import keep_freed
from sfu.listener import WebSocketProtocol, http_protocol
from sfu.reload import Reload
from sfu.store import StoreError
from sfu.tls import Tls
from sfu.unfinished import Unfinished

log = structlog.get_logger()


class HttpServer(uvicorn.Server):
    """uvicorn, with signals left to the daemon."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(read: Callable[[], Settings], *, dev: bool) -> int:
    """Runs the daemon until a signal ends it; gives the exit code.

    `read` gives the settings, now and at each SIGHUP. Raises ConfigError when
    the first ones, the certificate included, cannot be used.
    """
    keep_freed()
    settings = read()
    tls = Tls(settings.server) if settings.server.certificate else None
    if os.getpid() == 1:
        # In a container whatever loses its parent is ours to bury; the kernel does so where nobody
        # asks for it (signal(7)). Nothing here starts a program.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    logs.configure(settings.log.level, settings.log.format)
    return uvloop.run(_serve(Daemon(settings, dev=dev), tls, read))


async def _serve(daemon: Daemon, tls: Tls | None, read: Callable[[], Settings]) -> int:
    settings, daemon.tls = daemon.settings, tls
    signals = Signals(asyncio.get_running_loop(), Reload(daemon, tls, read))
    try:
        listener = _listen(settings.server.host, settings.server.port)
    except OSError as error:
        port = settings.server.port
        log.error("cannot listen", host=settings.server.host, port=port, error=str(error))
        return 1
    try:
        await daemon.start()
    except StoreError as error:
        log.error("cannot open the store", error=str(error))
        listener.close()
        return 1
    except OSError as error:
        log.error("cannot bind media", port=settings.media.udp_port, error=str(error))
        listener.close()
        return 1
    http = HttpServer(_uvicorn(daemon, tls))
    # What is there by now stays: full collections need not go through it while nobody is served.
    gc.collect()
    gc.freeze()
    stopping = asyncio.create_task(_until_stopped(signals, daemon, http))
    _announce(listener, "http" if tls is None else "https", dev=daemon.dev)
    readiness.notify("READY=1")
    try:
        await http.serve(sockets=[listener])
    finally:
        stopping.cancel()
        await daemon.stop()
        listener.close()
    log.info("stopped")
    return int(daemon.lost.is_set())


class Signals:
    """SIGTERM asks for a drain; a second one, or SIGINT, for a quick end; SIGHUP reloads."""

    def __init__(self, loop: asyncio.AbstractEventLoop, reload: Callable[[], None]) -> None:
        self.drain, self.quick = asyncio.Event(), asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, self._terminate)
        loop.add_signal_handler(signal.SIGINT, self.quick.set)
        loop.add_signal_handler(signal.SIGHUP, reload)

    def _terminate(self) -> None:
        (self.quick if self.drain.is_set() else self.drain).set()


async def _until_stopped(signals: Signals, daemon: Daemon, http: HttpServer) -> None:
    drained = asyncio.create_task(_drain_when(signals.drain, daemon))
    hurried = asyncio.create_task(signals.quick.wait())
    lost = asyncio.create_task(daemon.lost.wait())
    ends = {drained, hurried, lost}
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for end in ends:
        end.cancel()
    await daemon.stop()
    http.should_exit = True


async def _drain_when(wanted: asyncio.Event, daemon: Daemon) -> None:
    await wanted.wait()
    readiness.notify("STOPPING=1")
    await daemon.drain(daemon.settings.server.drain_timeout)


def _listen(host: str, port: int) -> socket.socket:
    info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = info[0]
    both = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server(address, family=family, backlog=2048, dualstack_ipv6=both)


def _uvicorn(daemon: Daemon, tls: Tls | None) -> uvicorn.Config:
    proxies = _either_form(daemon.settings.server.trusted_proxies)
    unfinished = Unfinished()
    http = http_protocol(daemon.sockets, unfinished)
    return uvicorn.Config(
        daemon.app,
        http=http if tls is None else secured(http, daemon.sockets, unfinished, tls.context),  # type: ignore[arg-type]  # uvicorn calls it, and asks for no more
        ws=WebSocketProtocol,
        ws_max_size=daemon.settings.limits.frame_bytes,
        ws_per_message_deflate=False,
        ws_ping_interval=30.0,
        ws_ping_timeout=20.0,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        access_log=False,
        log_config=None,
        log_level="warning",
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=5,
    )


def _either_form(networks: Sequence[str]) -> list[str]:
    """Those of IPv4 in IPv6 as well, as a socket of both families has them (RFC 4291 §2.5.5.2)."""
    forms = list(networks)
    for parsed in map(ipaddress.ip_network, networks):
        if parsed.version == 4:
            forms.append(f"::ffff:{parsed.network_address}/{96 + parsed.prefixlen}")
    return forms


def _announce(listener: socket.socket, scheme: str, *, dev: bool) -> None:
    host, port = listener.getsockname()[:2]
    log.info(f"{scheme} ready", host=host, port=port)
    if not sys.stdout.isatty():
        return
    shown = "localhost" if host in ("127.0.0.1", "::1", "0.0.0.0", "::") else host
    address = f"{scheme}://{shown}:{port}/"
    if dev:
        print(f"\n  Open {address} in two browser tabs: join one as presenter, one as attendee.")
    else:
        print(f"\n  Serving on {address}; mint join tokens with `sfu token`.")
    print("  Ctrl-C stops.\n", flush=True)
