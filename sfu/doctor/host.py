"""Checks of the host before a start: what is found, and what to do about it."""

import errno
import importlib
import ipaddress
import os
import platform
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

from OpenSSL import SSL

from sfu.config import Settings
from sfu.doctor.finding import Finding, Level
from sfu.doctor.surroundings import certificate, clock, store
from sfu.ice import announced_addresses


def examine(settings: Settings, *, dev: bool) -> Iterator[Finding]:
    """Every check, in the order in which a start would meet them."""
    yield python()
    yield openssl()
    yield plane()
    yield tcp_port(settings)
    workers = settings.media.worker_count(os.cpu_count() or 1)
    yield from (udp_port(settings, worker) for worker in range(workers))
    if settings.media.tcp:
        yield from (media_tcp_port(settings, worker) for worker in range(workers))
    yield from (buffers(settings, name) for name in ("rmem_max", "wmem_max"))
    yield segmentation()
    yield descriptors(settings)
    yield addresses(settings, dev=dev)
    yield clock()
    yield from certificate(settings)
    yield from origins(settings)
    yield store(settings)
    yield from tenants(settings)


def python() -> Finding:
    """The version that runs this."""
    version, build = platform.python_version(), platform.python_implementation()
    return Finding(Level.GOOD, "Python", f"{build} {version}")


def openssl() -> Finding:
    """The OpenSSL that speaks DTLS, which is pyOpenSSL's own, not the system's."""
    text = SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode()
    if SSL.OPENSSL_VERSION_NUMBER >= 0x30000000:
        return Finding(Level.GOOD, "OpenSSL", text)
    return Finding(
        Level.BAD, "OpenSSL", f"{text} is too old", "pip install --upgrade cryptography pyOpenSSL"
    )


def plane() -> Finding:
    """Whether the packet plane is built for this Python."""
    try:
        importlib.import_module("sfu._plane")
    except ImportError as error:
        return Finding(Level.BAD, "packet plane", str(error), "make install, in the source folder")
    return Finding(Level.GOOD, "packet plane", "built")


def tcp_port(settings: Settings) -> Finding:
    """Whether `[server] host, port` can be listened on."""
    host, port = settings.server.host, settings.server.port
    return _port_finding("TCP", host, port, socket.SOCK_STREAM, "server.port")


def udp_port(settings: Settings, worker: int) -> Finding:
    """Whether the media port of one worker can be bound."""
    host, port = _media_address(settings, worker)
    return _port_finding("UDP", host, port, socket.SOCK_DGRAM, "media.udp_port")


def media_tcp_port(settings: Settings, worker: int) -> Finding:
    """The same of `[media] tcp`, which has the same numbers."""
    host, port = _media_address(settings, worker)
    key = "media.udp_port, which TCP shares, or media.tcp = false"
    server = settings.server
    if port and port == server.port and (host == server.host or _EVERY & {host, server.host}):
        detail = f"server.port as well ({host})"
        return Finding(Level.BAD, f"TCP port {port}", detail, f"set server.port, {key}")
    return _port_finding("TCP", host, port, socket.SOCK_STREAM, key)


def buffers(settings: Settings, name: str, root: Path = Path("/proc/sys/net/core")) -> Finding:
    """Whether the kernel grants the media sockets' buffers."""
    wanted = settings.media.socket_buffer
    subject = f"net.core.{name}"
    try:
        granted = int((root / name).read_text())
    except (OSError, ValueError):
        remedy = f"sysctl {subject} on the host, where it should be {wanted} or more"
        return Finding(Level.DOUBTFUL, subject, "cannot be read, as in some containers", remedy)
    if granted >= wanted:
        return Finding(Level.GOOD, subject, f"{granted} bytes")
    return Finding(
        Level.DOUBTFUL,
        subject,
        f"{granted} bytes, {wanted} are wanted: bursts may be lost",
        f"sysctl -w {subject}={wanted}; to stay: a line in /etc/sysctl.d/60-sfu.conf",
    )


def segmentation() -> Finding:
    """Whether the kernel cuts one message into many datagrams (UDP GSO)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.setsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT, 1200)
        except OSError:
            return Finding(
                Level.DOUBTFUL,
                "UDP segmentation",
                "not in this kernel: sending costs about half as much again",
                "Linux 4.18 or newer",
            )
    return Finding(Level.GOOD, "UDP segmentation", "available")


def descriptors(settings: Settings) -> Finding:
    """Whether the process may open as many sockets as `[limits]` allows."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    wanted = settings.limits.sockets + settings.limits.connections + _OTHER_FILES
    if limit == resource.RLIM_INFINITY or limit >= wanted:
        return Finding(Level.GOOD, "open files", "unlimited" if limit < 0 else str(limit))
    return Finding(
        Level.DOUBTFUL,
        "open files",
        f"{limit} allowed, limits.sockets and connections need {wanted}",
        f"ulimit -n {wanted}, or LimitNOFILE={wanted} in the systemd unit",
    )


def addresses(settings: Settings, *, dev: bool) -> Finding:
    """Whether clients are told addresses that they can reach."""
    media = settings.media
    announced = announced_addresses(media.announced_addresses, media.host, dev=dev)
    detail = ", ".join(announced)
    if dev or any(ipaddress.ip_address(each).is_global for each in announced):
        return Finding(Level.GOOD, "addresses", detail)
    return Finding(
        Level.DOUBTFUL,
        "addresses",
        f"{detail}: reached from the same network only",
        "set media.announced_addresses to the public address",
    )


def origins(settings: Settings) -> Iterator[Finding]:
    """Whether names of pages would be refused by their own scheme."""
    server = settings.server
    plain = [each for each in server.allowed_origins if each.startswith("http://")]
    if server.certificate and plain:
        yield Finding(
            Level.DOUBTFUL,
            "origins",
            f"{', '.join(plain)}: browsers give cameras to secure pages only",
            "https:// in server.allowed_origins",
        )


def tenants(settings: Settings) -> Iterator[Finding]:
    """Whether somebody may use the server, and with keys of which length."""
    if not settings.tenants:
        remedy = 'add [tenants.<name>] with secret = "…", or try --dev'
        yield Finding(Level.DOUBTFUL, "tenants", "none: nobody can join", remedy)
    for name, tenant in settings.tenants.items():
        length = len(tenant.secret.get_secret_value().encode())
        if length >= _KEY_BYTES:
            yield Finding(Level.GOOD, f"tenant {name}", f"secret of {length} bytes")
        else:
            yield Finding(
                Level.DOUBTFUL,
                f"tenant {name}",
                f"secret of {length} bytes is easier to guess than HS256 to break",
                f"a random one of {_KEY_BYTES} bytes or more (RFC 7518 §3.2): openssl rand -hex 32",
            )


def _media_address(settings: Settings, worker: int) -> tuple[str, int]:
    media = settings.media
    return media.host or "0.0.0.0", media.udp_port and media.udp_port + worker


def _port_finding(
    protocol: str, host: str, port: int, kind: socket.SocketKind, key: str
) -> Finding:
    subject = f"{protocol} port {port}"
    if port == 0:
        return Finding(Level.GOOD, f"{protocol} port", "chosen by the system")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=kind)[0]
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        remedy = f"set {key}, or end what has it: ss -lptun 'sport = :{port}'"
        reason = "in use, by this server if it runs" if taken else error.strerror or str(error)
        if not taken:
            remedy = f"set {key}"
        if error.errno == errno.EACCES:
            remedy += ", or AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit"
        return Finding(Level.BAD, subject, f"{reason} ({host})", remedy)
    return Finding(Level.GOOD, subject, f"free ({host})")


_UDP_SEGMENT = 103  # linux/udp.h
_OTHER_FILES = 200
_EVERY = {"", "0.0.0.0", "::"}
_KEY_BYTES = 32
