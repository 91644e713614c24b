"""From who is in which room to usage records: what to write, and when.

No I/O and no clock in here. Every method gives the writes that keep the store
in step; a join is to be durable before it is answered, the rest may follow.

                 join                         leave, end
    (outside) ---------> open, seen by heartbeats ------------> closed, with one record
                             |   |        ^                       ^  ^
                             |   | part   |                       |  | expire: not resumed,
                             |   +--------)--> leaving --settle---+  | closed when last seen
              process killed |            | resume                   |
                             v            |                          |
                           absent --------+--------------------------+

Who is leaving is gone, and when and why is known and kept; only their totals are still to come. A
process that is killed then closes them at its next start.
"""

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from sfu.participant import Role
from sfu.store.records import Event, LastSeen, Stay, Totals
from sfu.store.writes import CloseEvent, CloseStay, OpenEvent, OpenStay, TouchStays, Write

HEARTBEAT: Final = 5.0
"""Seconds between heartbeats: what is not known of a stay at most, after a kill."""

PATIENCE: Final = 30.0
"""Seconds after a restart within which stays can be resumed."""

NOTHING: Final = Totals()


@dataclass(frozen=True, slots=True)
class Absent:
    """A stay from before the restart that has not been resumed yet."""

    open: LastSeen
    until: float


@dataclass(frozen=True, slots=True)
class Leaving:
    """A stay that is over, but for its totals; `totals` is what counts if they never come."""

    stay: Stay
    left_at: float
    reason: str
    totals: Totals

    def moved(self, step: float) -> "Leaving":
        """The same, by a clock that was set by so many seconds."""
        stay, left_at = self.stay.moved(step), self.left_at + step
        return Leaving(stay, left_at, self.reason, self.totals)


class Attendance:
    """Who is in which event now, and who has still to come back after a restart.

    `announced` are the tenants that get a `usage` webhook with each record.
    """

    def __init__(self, announced: Container[str] = ()) -> None:
        self._announced = announced
        self._open: dict[str, LastSeen] = {}
        self._absent: dict[str, Absent] = {}
        self._leaving: dict[str, Leaving] = {}
        self._leaving_of: Counter[str] = Counter()
        """How many are leaving, by event."""
        self._ending: dict[str, tuple[float, str]] = {}
        """When and why events ended that wait for stays that are leaving."""
        self._before: dict[str, Totals] = {}
        """What resumed stays had come to before."""
        self._events: dict[str, Event] = {}

    def __contains__(self, id: str) -> bool:
        """Whether this stay is open, and not absent."""
        return id in self._open

    # In the course of things

    def join(self, stay: Stay) -> list[Write]:
        """Somebody is in."""
        self._open[stay.id] = LastSeen(stay, stay.joined_at, Totals())
        return [OpenStay(stay)]

    def renew(self, id: str, resume: Mapping[str, object]) -> list[Write]:
        """Something else is needed to go on with their stay after a restart."""
        found = self._open.get(id)
        if found is None:
            return []
        stay = found.stay.resumed_by(resume)
        self._open[id] = LastSeen(stay, found.seen_at, found.totals)
        return [OpenStay(stay)]

    def change_role(
        self, id: str, role: Role, now: float, resume: Mapping[str, object] | None = None
    ) -> list[Write]:
        """They go on in another role, and perhaps with more to go on with after a restart; nothing
        when the role is the one they have."""
        found = self._open.get(id)
        if found is None or found.stay.role is role:
            return []
        stay = found.stay.resumed_by(resume or {}).with_role(role, now)
        self._open[id] = LastSeen(stay, now, found.totals)
        return [OpenStay(stay)]

    def leave(self, id: str, now: float, reason: str, totals: Totals | None = None) -> list[Write]:
        """They are gone; without `totals`, those of the last heartbeat count."""
        self.part(id, now, reason)
        return self.settle(id, now, totals)

    def part(self, id: str, now: float, reason: str) -> list[Write]:
        """They are gone, and their totals will come; or a restart, which is not to tell of it
        again."""
        found = self._open.pop(id, None)
        if found is None:
            return []
        self._leaving[id] = Leaving(found.stay, now, reason, found.totals)
        self._leaving_of[found.stay.event] += 1
        return [OpenStay(replace(found.stay, left=(now, reason)))]

    def settle(self, id: str, now: float, totals: Totals | None = None) -> list[Write]:
        """The totals of somebody who parted have come, or will not."""
        found = self._leaving.pop(id, None)
        if found is None:
            return []
        before = self._before.pop(id, NOTHING)
        counted = found.totals if totals is None else before.plus(totals)
        writes: list[Write] = [self._closed(found.stay, found.left_at, found.reason, counted, now)]
        event = found.stay.event
        self._leaving_of[event] -= 1
        if not self._leaving_of[event]:
            del self._leaving_of[event]
            if event in self._ending:
                writes.append(self._ended(event, *self._ending.pop(event), now))
        return writes

    def heartbeat(self, now: float, totals: Mapping[str, Totals]) -> list[Write]:
        """Everybody who is in is still in; `totals` by stay, of those that have news."""
        if not self._open:
            return []
        for id, found in self._open.items():
            counted = found.totals
            if id in totals:
                counted = self._before.get(id, NOTHING).plus(totals[id])
            self._open[id] = LastSeen(found.stay, now, counted)
        return [TouchStays(now, {id: found.totals for id, found in self._open.items()})]

    def clock_set(self, step: float) -> list[Write]:
        """Whoever gives `now` has set their clock by so many seconds. What began before began as
        long ago as it did, so that nobody's time is counted longer or shorter for it."""
        for id, found in self._open.items():
            self._open[id] = found.moved(step)
        for id, waiting in self._absent.items():
            self._absent[id] = Absent(waiting.open.moved(step), waiting.until + step)
        for id, leaving in self._leaving.items():
            self._leaving[id] = leaving.moved(step)
        for event in self._events.values():
            self._events[event.id] = event.moved(step)
        for id, (ended_at, reason) in self._ending.items():
            self._ending[id] = (ended_at + step, reason)
        seen = (*self._open.values(), *(waiting.open for waiting in self._absent.values()))
        events: list[Write] = [OpenEvent(event) for event in self._events.values()]
        stays: list[Write] = [OpenStay(found.stay) for found in seen]
        # An open stay was last seen when it changed, or later: only a touch sets that back.
        return events + stays + _touched(seen)

    def start(self, event: Event) -> list[Write]:
        """An event has started; people may be in its room already."""
        self._events[event.id] = event
        return [OpenEvent(event)]

    def end(
        self, event: str, now: float, reason: str, totals: Mapping[str, Totals] | None = None
    ) -> list[Write]:
        """An event is over, and so is every stay in it; one that never started counts for none."""
        writes: list[Write] = []
        for id in [each.stay.id for each in self._open.values() if each.stay.event == event]:
            writes += self.leave(id, now, reason, totals.get(id) if totals else None)
        for id in [id for id, each in self._absent.items() if each.open.stay.event == event]:
            writes.append(self._lost(self._absent.pop(id).open, reason, now))
        if self._leaving_of[event]:
            self._ending[event] = (now, reason)
            return writes
        return [*writes, self._ended(event, now, reason, now)]

    # After a restart

    def recover(
        self,
        stays: Iterable[LastSeen],
        events: Iterable[Event],
        going_on: Container[str],
        now: float,
    ) -> list[Write]:
        """Takes over what the store has open; `going_on` are the events whose rooms still run.

        Stays in those wait to be resumed; the others are closed when they were last seen. Who was
        leaving has left when and why it was told, in either.
        """
        writes: list[Write] = []
        last_seen: dict[str, float] = {}
        for each in stays:
            event, left = each.stay.event, each.stay.left
            if left is not None:
                writes.append(self._closed(each.stay, *left, each.totals, now))
                last_seen[event] = max(left[0], last_seen.get(event, 0.0))
            elif event in going_on:
                self._absent[each.stay.id] = Absent(each, now + PATIENCE)
            else:
                writes.append(self._lost(each, "ended", now))
                last_seen[event] = max(each.seen_at, last_seen.get(event, 0.0))
        for started in events:
            self._events[started.id] = started
            last_seen.setdefault(started.id, started.started_at)
        over = [event for event in last_seen if event not in going_on]
        return writes + [self._ended(event, last_seen[event], "ended", now) for event in over]

    def resume(
        self, id: str, now: float, resume: Mapping[str, object] | None = None
    ) -> tuple[Stay, list[Write]] | None:
        """Somebody is back: the stay goes on, but for the time in between. None if it is over."""
        found = self._absent.pop(id, None)
        if found is None:
            return None
        role = found.open.stay.role
        stay = found.open.stay.with_role(None, found.open.seen_at).with_role(role, now)
        stay = stay.resumed_by(resume or {})
        self._open[id] = LastSeen(stay, now, found.open.totals)
        self._before[id] = found.open.totals
        return stay, [OpenStay(stay)]

    def absent(self) -> list[Stay]:
        """The stays that can still be resumed."""
        return [each.open.stay for each in self._absent.values()]

    def absentee(self, id: str) -> Stay | None:
        """The stay of this id, if it can still be resumed."""
        found = self._absent.get(id)
        return None if found is None else found.open.stay

    def expire(self, now: float) -> list[Write]:
        """Closes the stays that were not resumed in time."""
        due = [id for id, each in self._absent.items() if each.until <= now]
        return [self._lost(self._absent.pop(id).open, "disconnected", now) for id in due]

    def dismiss(self, id: str, now: float, reason: str) -> list[Write]:
        """Closes a stay that was not resumed, as when its identity has joined anew."""
        found = self._absent.pop(id, None)
        return [] if found is None else [self._lost(found.open, reason, now)]

    def _lost(self, open: LastSeen, reason: str, now: float) -> CloseStay:
        return self._closed(open.stay, open.seen_at, reason, open.totals, now)

    def _closed(
        self, stay: Stay, left_at: float, reason: str, totals: Totals, now: float
    ) -> CloseStay:
        return CloseStay(stay, left_at, reason, totals, now, stay.tenant in self._announced)

    def _ended(self, id: str, ended_at: float, reason: str, now: float) -> CloseEvent:
        event = self._events.pop(id, None)
        announce = event is not None and event.tenant in self._announced
        return CloseEvent(id, event, ended_at, reason, now, announce)


def _touched(stays: Iterable[LastSeen]) -> list[Write]:
    at: dict[float, dict[str, Totals]] = {}
    for each in stays:
        at.setdefault(each.seen_at, {})[each.stay.id] = each.totals
    return [TouchStays(seen_at, totals) for seen_at, totals in at.items()]
