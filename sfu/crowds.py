"""How many people each tenant has in its rooms, and how many more may come.

A room's number is looked at after each of its changes, so whatever lets people in, has them wait
or sends them away counts. Time is an argument (seconds, monotonic).
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import structlog

from sfu.commands import Join
from sfu.config import TenantSettings
from sfu.errors import Refusal
from sfu.room import Room
from sfu.token_bucket import TokenBucket

TRY_AGAIN: Final = 5.0
"""Seconds after which somebody may ask again whether a place is free."""

log = structlog.get_logger()


class Crowds:
    """Of all tenants. `check` and `joined` are one join, `count` is any change."""

    def __init__(self) -> None:
        self.people: Counter[str] = Counter()
        """By tenant: who is in a room, with or without a socket, or waits. Nobody is no entry."""
        self._tenants: Mapping[str, TenantSettings] = {}
        self._joins: dict[str, TokenBucket] = {}

    def configure(self, tenants: Mapping[str, TenantSettings]) -> None:
        """From now on these limits count; who is in stays in. A tenant that is not listed has
        none."""
        self._tenants = tenants
        self._joins.clear()

    def count(self, room: Room, before: int) -> int:
        """How many people the room has now, after it had so many."""
        now = len(room.participants) + len(room.waiting)
        if now != before:
            self.people[room.tenant] += now - before
            if not self.people[room.tenant]:
                del self.people[room.tenant]
        return now

    def check(self, room: Room, command: Join, now: float) -> None:
        """Raises Refusal when the tenant has as many people as it may, or too many come at once.

        Who comes back after a restart has their place, whatever the limits say.
        """
        if command.returning or (limits := self._tenants.get(room.tenant)) is None:
            return
        most = limits.max_participants
        # Who comes with an identity that is here takes its place.
        if (
            most is not None
            and self.people[room.tenant] >= most
            and command.identity not in room.identities
        ):
            log.warning("tenant full", tenant=room.tenant, people=most, bounded=True)
            raise Refusal(
                "overloaded", f"the tenant has its {most} participants", retry_after=TRY_AGAIN
            )
        bucket = self._bucket(room.tenant, now)
        if bucket is not None and (wait := bucket.wait(now)):
            log.warning("tenant joins too fast", tenant=room.tenant, bounded=True)
            raise Refusal(
                "rate_limited", "too many joins of this tenant", retry_after=round(wait, 3)
            )

    def joined(self, room: Room, command: Join, now: float) -> None:
        """Somebody has come in, or waits. Whom the room refuses does not count: they would take
        from the others."""
        if not command.returning and (bucket := self._bucket(room.tenant, now)) is not None:
            bucket.owe(now)

    def _bucket(self, tenant: str, now: float) -> TokenBucket | None:
        limits = self._tenants.get(tenant)
        if limits is None or limits.joins_per_second is None:
            return None
        if tenant not in self._joins:
            most = float(limits.joins_per_second)
            self._joins[tenant] = TokenBucket(most, most, now)
        return self._joins[tenant]
