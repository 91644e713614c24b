"""The SQLite tables, and each operation as SQL on them."""

import sqlite3
from collections.abc import Callable
from typing import Final

from sfu.store.errors import StoreError
from sfu.store.operations import Operation, counted, joined, milliseconds
from sfu.store.records import Retention

MIGRATIONS: Final = (
    """
    CREATE TABLE rooms (
        tenant TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (tenant, id)
    ) STRICT;
    CREATE TABLE bans (
        tenant TEXT NOT NULL, room TEXT NOT NULL, identity TEXT NOT NULL, at REAL NOT NULL,
        PRIMARY KEY (tenant, room, identity)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE revoked (
        tenant TEXT NOT NULL, jti TEXT NOT NULL, expires_at REAL NOT NULL,
        PRIMARY KEY (tenant, jti)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE idempotency (
        tenant TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, response TEXT NOT NULL,
        expires_at REAL NOT NULL,
        PRIMARY KEY (tenant, key)
    ) STRICT;
    CREATE INDEX idempotency_expires ON idempotency (expires_at);
    CREATE TABLE stays (
        id TEXT PRIMARY KEY, tenant TEXT NOT NULL, event TEXT NOT NULL, body TEXT NOT NULL,
        seen_at REAL NOT NULL, bytes_sent INTEGER NOT NULL DEFAULT 0,
        bytes_received INTEGER NOT NULL DEFAULT 0, quality REAL
    ) STRICT;
    CREATE TABLE events (
        id TEXT PRIMARY KEY, tenant TEXT NOT NULL, body TEXT,
        present INTEGER NOT NULL DEFAULT 0, peak INTEGER NOT NULL DEFAULT 0,
        stays INTEGER NOT NULL DEFAULT 0,
        organizer INTEGER NOT NULL DEFAULT 0, presenter INTEGER NOT NULL DEFAULT 0,
        attendee INTEGER NOT NULL DEFAULT 0, viewer INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE people (
        event TEXT NOT NULL, identity TEXT NOT NULL,
        PRIMARY KEY (event, identity)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE usage (
        position INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, id TEXT NOT NULL UNIQUE,
        recorded_at INTEGER NOT NULL, record TEXT NOT NULL
    ) STRICT;
    CREATE INDEX usage_order ON usage (tenant, position);
    CREATE INDEX usage_since ON usage (tenant, recorded_at);
    CREATE TABLE outbox (
        position INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, room TEXT NOT NULL,
        id TEXT NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX outbox_order ON outbox (tenant, room, position);
    CREATE INDEX outbox_age ON outbox (at);
    CREATE TABLE lanes (
        tenant TEXT NOT NULL, room TEXT NOT NULL, next_at REAL NOT NULL, attempts INTEGER NOT NULL,
        PRIMARY KEY (tenant, room)
    ) STRICT;
    CREATE INDEX lanes_due ON lanes (tenant, next_at);
    """,
    "ALTER TABLE stays ADD COLUMN scored REAL NOT NULL DEFAULT 0",
    """
    CREATE TABLE log (
        position INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, room TEXT NOT NULL,
        at INTEGER NOT NULL, entry TEXT NOT NULL
    ) STRICT;
    CREATE INDEX log_order ON log (tenant, room, position);
    CREATE INDEX log_age ON log (at);
    """,
    """
    CREATE TABLE identities (
        tenant TEXT NOT NULL, room TEXT NOT NULL, identity TEXT NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (tenant, room, identity)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    ALTER TABLE stays ADD COLUMN freezes_link INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE stays ADD COLUMN freezes_keyframe INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE stays ADD COLUMN freezes_publisher INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE stays ADD COLUMN frozen_link REAL NOT NULL DEFAULT 0;
    ALTER TABLE stays ADD COLUMN frozen_keyframe REAL NOT NULL DEFAULT 0;
    ALTER TABLE stays ADD COLUMN frozen_publisher REAL NOT NULL DEFAULT 0;
    """,
)
"""What leads from each version of the file to the next one; only ever appended to.

A lane is the queue of one room's webhooks: when its first one may be tried, and
how often it has been. `usage.recorded_at`, `outbox.at` and `log.at` are in milliseconds.
"""


TRIM_EVERY: Final = 64
"""One entry in so many has its room's log cut to its length."""


def migrate(connection: sqlite3.Connection) -> None:
    """Brings the file up to date. Raises StoreError for one of a later version."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise StoreError(f"the file has version {version}, made by a later version of this program")
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;{script};PRAGMA user_version = {number};COMMIT")


class Tables:
    """Carries operations out, inside a transaction of the caller's."""

    def __init__(self, connection: sqlite3.Connection, retention: Retention) -> None:
        self._do = connection.execute
        self._retention = retention
        self._operations: dict[str, Callable[..., None]] = {
            "open_stay": self._open_stay,
            "close_stay": self._close_stay,
            "close_event": self._close_event,
            "drop_event": self._drop_event,
            "add_usage": self._add_usage,
            "enqueue": self._enqueue,
            "delivered": self._delivered,
            "remove_room": self._remove_room,
            "log_event": self._log_event,
            "prune": self._prune,
        }

    def carry_out(self, operation: Operation) -> None:
        """One operation, whole or raising sqlite3.Error."""
        name, *arguments = operation
        assert isinstance(name, str)
        plain = PLAIN.get(name)
        if plain is not None:
            self._do(plain, arguments)
        else:
            self._operations[name](*arguments)

    def _remove_room(self, tenant: str, id: str) -> None:
        self._do("DELETE FROM rooms WHERE tenant = ? AND id = ?", (tenant, id))
        self._do("DELETE FROM bans WHERE tenant = ? AND room = ?", (tenant, id))
        self._do("DELETE FROM identities WHERE tenant = ? AND room = ?", (tenant, id))

    # Stays and events

    def _open_stay(
        self,
        id: str,
        tenant: str,
        event: str,
        identity: str,
        record: str,
        body: str,
        seen_at: float,
    ) -> None:
        changed = self._do(
            "UPDATE stays SET body = ?, seen_at = max(seen_at, ?) WHERE id = ?", (body, seen_at, id)
        )
        if changed.rowcount:
            return
        if self._do("SELECT 1 FROM usage WHERE id = ?", (record,)).fetchone():
            return
        self._do(
            "INSERT INTO stays (id, tenant, event, body, seen_at) VALUES (?, ?, ?, ?, ?)",
            (id, tenant, event, body, seen_at),
        )
        self._do(
            "INSERT INTO events (id, tenant, present, peak, stays) VALUES (?, ?, 1, 1, 1)"
            " ON CONFLICT DO UPDATE SET present = present + 1, stays = stays + 1,"
            " peak = max(peak, present + 1)",
            (event, tenant),
        )
        self._do("INSERT OR IGNORE INTO people VALUES (?, ?)", (event, identity))

    def _close_stay(
        self,
        id: str,
        tenant: str,
        event: str,
        organizer: int,
        presenter: int,
        attendee: int,
        viewer: int,
        room: str,
        record: str,
        body: str,
        recorded_at: int,
        hook: str | None,
    ) -> None:
        if not self._do("DELETE FROM stays WHERE id = ?", (id,)).rowcount:
            return
        self._do(
            "UPDATE events SET present = present - 1, organizer = organizer + ?,"
            " presenter = presenter + ?, attendee = attendee + ?, viewer = viewer + ?"
            " WHERE id = ?",
            (organizer, presenter, attendee, viewer, event),
        )
        self._add_usage(tenant, room, record, body, recorded_at, hook)

    def _close_event(
        self,
        id: str,
        tenant: str,
        room: str,
        record: str,
        body: str,
        recorded_at: int,
        hook: str | None,
    ) -> None:
        counts = self._do(
            "SELECT peak, (SELECT count(*) FROM people WHERE event = events.id), stays,"
            " organizer, presenter, attendee, viewer FROM events WHERE id = ?",
            (id,),
        ).fetchone()
        if counts is None:
            return
        peak, participants, stays, *times = counts
        full = joined(body, counted(peak, participants, stays, tuple(times)))
        self._drop_event(id)
        self._add_usage(tenant, room, record, full, recorded_at, hook)

    def _drop_event(self, id: str) -> None:
        self._do("DELETE FROM events WHERE id = ?", (id,))
        self._do("DELETE FROM people WHERE event = ?", (id,))

    # Usage and webhooks

    def _add_usage(
        self,
        tenant: str,
        room: str,
        id: str,
        record: str,
        recorded_at: int,
        hook: str | None,
    ) -> None:
        # Never back in time within a tenant, so that "since" a time is "from" a position.
        made = self._do(
            "INSERT OR IGNORE INTO usage (tenant, id, recorded_at, record) VALUES (?1, ?2,"
            " max(?3, coalesce((SELECT max(recorded_at) FROM usage WHERE tenant = ?1), ?3)), ?4)",
            (tenant, id, recorded_at, record),
        ).rowcount
        if made and hook is not None:
            full = joined(hook, f'{{"usage":{record}}}')
            self._enqueue(tenant, room, f"usage-{id}", "usage", recorded_at, full)

    def _enqueue(self, tenant: str, room: str, id: str, name: str, at: int, body: str) -> None:
        self._do(
            "INSERT INTO outbox (tenant, room, id, name, at, body) VALUES (?, ?, ?, ?, ?, ?)",
            (tenant, room, id, name, at, body),
        )
        self._do("INSERT OR IGNORE INTO lanes VALUES (?, ?, 0, 0)", (tenant, room))

    def _delivered(self, tenant: str, room: str, position: str) -> None:
        gone = self._do(
            "DELETE FROM outbox WHERE position = ? AND tenant = ? AND room = ?",
            (int(position), tenant, room),
        ).rowcount
        if gone:
            self._do(
                "UPDATE lanes SET next_at = 0, attempts = 0 WHERE tenant = ? AND room = ?",
                (tenant, room),
            )
            self._drop_empty_lanes("tenant = ? AND room = ?", tenant, room)

    def _drop_empty_lanes(self, which: str, *arguments: str) -> None:
        self._do(
            f"DELETE FROM lanes WHERE {which} AND NOT EXISTS (SELECT 1 FROM outbox"
            " WHERE outbox.tenant = lanes.tenant AND outbox.room = lanes.room)",
            arguments,
        )

    def _log_event(self, tenant: str, room: str, at: int, entry: str) -> None:
        position = self._do(
            "INSERT INTO log (tenant, room, at, entry) VALUES (?, ?, ?, ?)",
            (tenant, room, at, entry),
        ).lastrowid
        if position is not None and position % TRIM_EVERY == 0:
            self._do(
                "DELETE FROM log WHERE tenant = ?1 AND room = ?2 AND position <= (SELECT position"
                " FROM log WHERE tenant = ?1 AND room = ?2 ORDER BY position DESC LIMIT 1"
                " OFFSET ?3)",
                (tenant, room, self._retention.events_per_room),
            )

    def _prune(self, now: float) -> None:
        kept = self._retention
        self._do("DELETE FROM revoked WHERE expires_at <= ?", (now,))
        self._do("DELETE FROM idempotency WHERE expires_at <= ?", (now,))
        self._do("DELETE FROM outbox WHERE at <= ?", (milliseconds(now - kept.webhooks),))
        self._do("DELETE FROM log WHERE at <= ?", (milliseconds(now - kept.events),))
        for tenant, room in self._do("SELECT tenant, room FROM lanes").fetchall():
            self._do(
                "DELETE FROM outbox WHERE tenant = ?1 AND room = ?2 AND position <= (SELECT"
                " position FROM outbox WHERE tenant = ?1 AND room = ?2"
                " ORDER BY position DESC LIMIT 1 OFFSET ?3)",
                (tenant, room, kept.webhooks_per_room),
            )
        self._drop_empty_lanes("TRUE")
        for (tenant,) in self._do("SELECT DISTINCT tenant FROM usage").fetchall():
            self._do(
                "DELETE FROM usage WHERE tenant = ? AND recorded_at <= ?",
                (tenant, milliseconds(now - kept.usage)),
            )
            self._do(
                "DELETE FROM usage WHERE tenant = ?1 AND position <= (SELECT position FROM usage"
                " WHERE tenant = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2)",
                (tenant, kept.usage_per_tenant),
            )


FREEZES: Final = (
    "freezes_link", "freezes_keyframe", "freezes_publisher",
    "frozen_link", "frozen_keyframe", "frozen_publisher",
)  # fmt: skip
"""Columns of `stays`, in the order of `sfu.bandwidth.stills.Freezes`."""

PLAIN: Final = {
    "save_room": "INSERT OR REPLACE INTO rooms VALUES (?, ?, ?, ?)",
    "save_ban": "INSERT OR REPLACE INTO bans VALUES (?, ?, ?, ?)",
    "remove_ban": "DELETE FROM bans WHERE tenant = ? AND room = ? AND identity = ?",
    "save_identity": "INSERT OR REPLACE INTO identities VALUES (?, ?, ?, ?)",
    "remove_identity": "DELETE FROM identities"
    " WHERE tenant = ?1 AND room = ?2 AND (identity = ?3 OR ?3 IS NULL)",
    "revoke_token": "INSERT OR REPLACE INTO revoked VALUES (?, ?, ?)",
    "save_idempotency": "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?)",
    "touch_stay": "UPDATE stays SET seen_at = ?2, bytes_sent = ?3,"
    " bytes_received = ?4, quality = ?5, scored = ?6,"
    f" {', '.join(f'{name} = ?{number}' for number, name in enumerate(FREEZES, 7))} WHERE id = ?1",
    "open_event": "INSERT INTO events (id, tenant, body) VALUES (?, ?, ?)"
    " ON CONFLICT DO UPDATE SET body = excluded.body",
    "retry": "UPDATE lanes SET next_at = ?3, attempts = ?4 WHERE tenant = ?1 AND room = ?2",
}
"""The operations that are one statement each."""
