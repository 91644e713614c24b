"""What a backend and its guests were told, and whether usage and webhooks say the same.

Times are in seconds since the epoch: test and daemon share one clock. A deed lies between
the moment it was asked for and the moment it was acknowledged; one that was never
acknowledged has no second moment, and may have happened or not.
"""

import hashlib
import hmac
import itertools
import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sfu.bench.stays import Visit, seconds, wrong_times


@dataclass(slots=True)
class Deed:
    """What the backend asked for, again and again until it was acknowledged."""

    room: str
    event: str
    """Of the webhook that must follow, once."""
    asked: float
    acknowledged: float = math.inf


@dataclass(slots=True)
class Delivery:
    """A webhook that was answered with 2xx, and before that perhaps with an error."""

    id: str
    body: dict[str, Any]
    at: float


@dataclass(slots=True)
class Received:
    """All webhooks, by what the receiver has seen."""

    key: bytes
    first: dict[str, Delivery] = field(default_factory=dict)
    """By id, in the order in which they came; a second delivery changes nothing."""
    raw: dict[str, bytes] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def take(self, headers: Mapping[str, str], raw: bytes, now: float, *, accepted: bool) -> None:
        """One POST, whether it is going to be accepted or not."""
        signature = dict(part.split("=", 1) for part in headers["sfu-signature"].split(","))
        signed = hmac.new(self.key, signature["t"].encode() + b"." + raw, hashlib.sha256)
        if not hmac.compare_digest(signed.hexdigest(), signature["v1"]):
            self.faults.append(f"bad signature: {raw!r}")
        body = json.loads(raw)
        id = body["id"]
        if self.raw.setdefault(id, raw) != raw:
            self.faults.append(f"two bodies of {id}")
        self.counts["posts"] += 1
        if not accepted:
            self.counts["refused"] += 1
        elif id in self.first:
            self.counts["repeated"] += 1
        else:
            self.first[id] = Delivery(id, body, now)

    def rooms(self) -> dict[str, list[dict[str, Any]]]:
        """Bodies by room, in the order of their first accepted delivery."""
        rooms: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for delivery in self.first.values():
            rooms[delivery.body["room"]].append(delivery.body)
        return rooms


def check(
    deeds: Sequence[Deed],
    visits: Sequence[Visit],
    usage: Sequence[Mapping[str, Any]],
    received: Received,
    heartbeat: float,
) -> list[str]:
    """Everything in which usage records and webhooks differ from what is known."""
    faults = list(received.faults)
    stays = {record["participant"]: record for record in usage if record["kind"] == "participant"}
    faults += _doubled("usage record", [record["id"] for record in usage])
    told = {name: _by_participant(received, name) for name in ("joined", "left", "usage")}
    faults += _visits(visits, usage, stays, told, heartbeat)
    faults += _deeds(deeds, usage, received)
    announced = [delivery.body["usage"] for delivery in received.first.values()
                 if delivery.body["event"] == "usage"]  # fmt: skip
    if sorted(map(_text, announced)) != sorted(map(_text, usage)):
        faults.append("usage records and usage webhooks differ")
    return faults + _order(deeds, visits, received)


def _visits(
    visits: Sequence[Visit],
    usage: Sequence[Mapping[str, Any]],
    stays: Mapping[str, Mapping[str, Any]],
    told: Mapping[str, Counter[str]],
    heartbeat: float,
) -> list[str]:
    faults = []
    recorded = Counter(record["participant"] for record in usage if record["kind"] == "participant")
    by_identity: Counter[tuple[str, str]] = Counter()
    possible: Counter[tuple[str, str]] = Counter()
    certain: set[str] = set()
    for visit in visits:
        if visit.outcome != "refused":
            possible[visit.room, visit.identity] += 1
        if visit.outcome != "in":
            continue
        id = visit.participant
        certain.add(id)
        counts = (recorded[id], told["joined"][id], told["left"][id], told["usage"][id])
        if counts != (1, 1, 1, 1):
            faults.append(f"records, joined, left, usage webhooks are {counts} for {visit}")
        elif wrong := wrong_times(visit, stays[id], heartbeat):
            faults.append(f"{wrong}: {visit}, {dict(stays[id])}")
    for id, count in recorded.items():
        record = stays[id]
        by_identity[record["room"], record["identity"]] += count
        webhooks = (told["joined"][id], told["left"][id], told["usage"][id])
        if id not in certain and webhooks != (1, 1, 1):
            faults.append(f"webhooks are {webhooks} for {dict(record)}")
    for who, count in by_identity.items():
        if count > possible[who]:
            faults.append(f"{who} came {possible[who]} times at most, and has {count} records")
    return faults


def _deeds(
    deeds: Sequence[Deed], usage: Sequence[Mapping[str, Any]], received: Received
) -> list[str]:
    faults = []
    webhooks: Counter[tuple[str, str]] = Counter(
        (delivery.body["room"], delivery.body["event"]) for delivery in received.first.values()
    )
    asked = Counter((deed.room, deed.event) for deed in deeds)
    done = Counter((deed.room, deed.event) for deed in deeds if deed.acknowledged < math.inf)
    runs = Counter(record["room"] for record in usage if record["kind"] == "event")
    for key, most in asked.items():
        if not done[key] <= webhooks[key] <= most:
            faults.append(f"{webhooks[key]} webhooks for {done[key]} to {most} of {key}")
        if key[1] == "room.started" and not done[key] <= runs[key[0]] <= most:
            faults.append(f"{runs[key[0]]} event records for {done[key]} to {most} of {key}")
    for room, count in runs.items():
        if count > asked[room, "room.started"]:
            faults.append(f"{count} event records of {room}, which was not started as often")
    return faults


def _order(deeds: Sequence[Deed], visits: Sequence[Visit], received: Received) -> list[str]:
    """What was acknowledged before something else was asked for comes before it."""
    faults = []
    spans: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    for deed in deeds:
        spans[deed.room, deed.event, ""].append((deed.asked, deed.acknowledged))
    for visit in visits:
        if visit.outcome == "in":
            key = (visit.room, "participant.joined", visit.participant)
            spans[key].append((visit.asked, visit.admitted))
    for room, bodies in received.rooms().items():
        latest = 0.0
        taken: Counter[tuple[str, str, str]] = Counter()
        for body in bodies:
            key = (room, body["event"], body.get("participant", {}).get("id", ""))
            span = spans.get(key, [])[taken[key] :][:1]
            taken[key] += 1
            for asked, acknowledged in span:
                if acknowledged < latest:
                    faults.append(f"too late, in {room}: {body}")
                latest = max(latest, asked)
        times = [seconds(body["at"]) for body in bodies]
        if any(later < earlier for earlier, later in itertools.pairwise(times)):
            faults.append(f"webhooks of {room} go back in time")
    return faults


def _by_participant(received: Received, name: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for delivery in received.first.values():
        body = delivery.body
        if name == "usage" == body["event"]:
            found[body["usage"].get("participant", "")] += 1
        elif body["event"] == f"participant.{name}" and not body.get("waited"):
            found[body["participant"]["id"]] += 1
    return found


def _doubled(what: str, ids: Sequence[str]) -> list[str]:
    return [f"{what} {id} comes {count} times" for id, count in Counter(ids).items() if count > 1]


def _text(record: Mapping[str, Any]) -> str:
    return json.dumps(record, sort_keys=True)
