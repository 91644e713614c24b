"""The doctor's look at a server from where it runs: `sfu doctor --server URL`.

HTTP, then a session of `/v1/preflight`: binding checks over UDP and TCP tell round trip, loss and
jitter; with `open-sfu[client]` media goes there and back, and through the relay.
"""

import asyncio
import ipaddress
import itertools
import re
import statistics
import struct
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

import httpx

from sfu.cli.reach import why_not
from sfu.doctor.finding import Finding, Level
from sfu.stun import answered, check

CHECKS: Final = 100
EVERY: Final = 0.02
LAST: Final = 1.0
"""Seconds that the last answers may take."""
PATIENCE: Final = 10.0
LOSSY: Final = 0.03
SLOW: Final = 0.4

_CREDENTIAL: Final = re.compile(r"[!-~]{1,256}")
_VERSION: Final = "is it of the same version?"
_FIREWALL: Final = "open {0} port {1} on the way there, or check media.announced_addresses"
_NOT_OFFERED: Final = {
    "udp": "on the server: media.announced_addresses, and its log",
    "tcp": "on the server: media.tcp = true, for networks that let no UDP through",
}
_ANOTHER_TOKEN: Final = "--token with a fresh join token of any room: sfu token --help"
_LATER: Final = "try again in half a minute; `[limits] preflight_…` say how many and how often"
_REMEDIES: Final = {
    "unauthorized": "--token with a join token of any room: sfu token --help",
    "invalid_token": _ANOTHER_TOKEN,
    "token_expired": _ANOTHER_TOKEN,
    "token_not_yet_valid": "wait, or set the clock right of who has made the token",
    "token_revoked": _ANOTHER_TOKEN,
    "unknown_tenant": _ANOTHER_TOKEN,
    "not_found": "on the server: server.preflight is off",
    "rate_limited": _LATER,
    "overloaded": _LATER,
    "draining": "wait for its restart, or take another server",
}
_READ_ITS_LOG: Final = "the server's log says more: journalctl -u sfu"


class Candidate(NamedTuple):
    """Where the server takes media."""

    transport: str
    address: str
    port: int


class Offered(NamedTuple):
    """What a session's offer says of the server's end."""

    ufrag: str
    pwd: str
    candidates: list[Candidate]


async def examine(
    server: str, token: str | None, media: Callable[..., Awaitable[list[Finding]]] | None
) -> list[Finding]:
    """All checks; `media` measures with a client (`sfu.client.doctor.media`), None without one."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    base = server.rstrip("/")
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=PATIENCE) as http:
        try:
            found = [await _http(http)]
            begun = await http.post("/v1/preflight", json={})
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason, remedy = why_not(base, error)
            return [Finding(Level.BAD, "server", f"{base}: {reason}", remedy)]
        if begun.status_code != 201:
            return [*found, _refused(begun)]
        try:
            session = begun.json()
            offered, call_types = read(session["offer"]), session["call_types"]
            path = f"/v1/preflight/{session['session']}"
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"its answer is not a session's: {error}"
            return [*found, Finding(Level.BAD, "preflight", reason, _VERSION)]
        udp = await _way(offered, "udp", _over_udp)
        found += [udp, await _way(offered, "tcp", _over_tcp)]
        await http.delete(path)
        if media is None:
            remedy = f"{sys.executable} -m pip install 'open-sfu[client]'"
            found.append(Finding(Level.DOUBTFUL, "media", "not tried: aiortc is missing", remedy))
        else:
            reached = udp.level is not Level.BAD
            try:
                found += await media(http, call_types, reached=reached)
            except httpx.HTTPStatusError as error:
                found.append(_refused(error.response))
    return found


async def _http(http: httpx.AsyncClient) -> Finding:
    start = time.monotonic()
    answer = await http.get("/readyz")
    took = round(1000 * (time.monotonic() - start))
    if answer.status_code == 200:
        return Finding(Level.GOOD, "server", f"ready, answers in {took} ms")
    if answer.status_code == 503:
        remedy = f"wait while it is starting or draining; otherwise {_READ_ITS_LOG}"
        return Finding(Level.BAD, "server", f"takes nobody now: {answer.text[:200]}", remedy)
    remedy = "the address and port of `sfu serve`; a proxy in front has to pass /readyz and /v1"
    return Finding(Level.BAD, "server", f"answers {answer.status_code}: is it an SFU?", remedy)


def _refused(answer: httpx.Response) -> Finding:
    try:
        problem = answer.json()
        detail, code = str(problem["detail"]), str(problem["code"])
    except (ValueError, KeyError, TypeError):
        detail, code = f"answers {answer.status_code}", ""
    remedy = _REMEDIES.get(code, _READ_ITS_LOG)
    return Finding(Level.BAD, "preflight", f"{detail} {code}".strip(), remedy)


def read(offer: str) -> Offered:
    """The server's end as a session's offer describes it (RFC 8839 §5.1). Raises ValueError for
    what is no offer."""
    found: dict[str, str] = {}
    candidates: dict[Candidate, None] = {}
    for line in offer.splitlines():
        name, _, value = line.partition(":")
        found.setdefault(name, value)
        if name == "a=candidate":
            _, _, transport, _, address, port, *_ = value.split()
            where = str(ipaddress.ip_address(address))
            candidates[Candidate(transport.lower(), where, _port(port))] = None
    credentials = found.get("a=ice-ufrag", ""), found.get("a=ice-pwd", "")
    if not all(_CREDENTIAL.fullmatch(each) for each in credentials):
        raise ValueError("an offer without ICE credentials")
    return Offered(*credentials, list(candidates))


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= 0xFFFF):
        raise ValueError(f"{text[:20]!r} is no port")
    return int(text)


Times = list[float | None]
"""Seconds that each check took; None is one without an answer."""
Way = Callable[[Candidate, Offered], Awaitable[Times]]


async def _way(offered: Offered, transport: str, way: Way) -> Finding:
    subject = f"media over {transport.upper()}"
    candidates = [each for each in offered.candidates if each.transport == transport]
    if not candidates:
        remedy = _NOT_OFFERED[transport]
        return Finding(Level.DOUBTFUL, subject, "not offered by this server", remedy)
    for candidate in candidates:
        try:
            times = await way(candidate, offered)
        except (OSError, TimeoutError):
            continue
        if any(each is not None for each in times):
            return judged(subject, candidate, times)
    tried = ", ".join(f"{each.address} port {each.port}" for each in candidates)
    level = Level.BAD if transport == "udp" else Level.DOUBTFUL
    remedy = _FIREWALL.format(transport.upper(), candidates[0].port)
    return Finding(level, subject, f"no answer from {tried}", remedy)


def judged(subject: str, candidate: Candidate, times: Times) -> Finding:
    """What answers tell of a way."""
    came = [each for each in times if each is not None]
    loss = 1 - len(came) / len(times)
    median = statistics.median(came)
    steps = [abs(later - earlier) for earlier, later in itertools.pairwise(came)]
    jitter = statistics.fmean(steps) if steps else 0.0
    detail = (
        f"{candidate.address} port {candidate.port}: round trip {1000 * median:.1f} ms, "
        f"loss {100 * loss:.0f} %, jitter {1000 * jitter:.1f} ms"
    )
    if loss > LOSSY or median > SLOW:
        return Finding(Level.DOUBTFUL, subject, detail, "another network, or a nearer server")
    return Finding(Level.GOOD, subject, detail)


class _Answers(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.times: dict[bytes, float] = {}

    def datagram_received(self, data: bytes, _: Any) -> None:
        if (transaction := answered(data)) is not None:
            self.times.setdefault(transaction, time.monotonic())


async def _over_udp(candidate: Candidate, offered: Offered) -> Times:
    loop = asyncio.get_running_loop()
    transport, answers = await loop.create_datagram_endpoint(
        _Answers, remote_addr=(candidate.address, candidate.port)
    )
    try:
        sent: dict[bytes, float] = {}
        for _ in range(CHECKS):
            request, transaction = check(offered.ufrag, offered.pwd)
            sent[transaction] = time.monotonic()
            transport.sendto(request)
            await asyncio.sleep(EVERY)
        end = time.monotonic() + LAST
        while len(answers.times) < len(sent) and time.monotonic() < end:  # noqa: ASYNC110 - they come one by one
            await asyncio.sleep(EVERY)
    finally:
        transport.close()
    return [
        answers.times[each] - at if each in answers.times else None for each, at in sent.items()
    ]


async def _over_tcp(candidate: Candidate, offered: Offered) -> Times:
    """Framed as in RFC 4571; nothing is lost here, so fewer will do."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(candidate.address, candidate.port)
        times: Times = []
        try:
            for _ in range(CHECKS // 5):
                request, transaction = check(offered.ufrag, offered.pwd)
                start = time.monotonic()
                writer.write(struct.pack("!H", len(request)) + request)
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                answer = await reader.readexactly(length)
                came = answered(answer) == transaction
                times.append(time.monotonic() - start if came else None)
        except asyncio.IncompleteReadError:
            times.append(None)
        finally:
            writer.close()
    return times
