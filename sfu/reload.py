"""SIGHUP: the settings are read again, and what can be changed while the server runs is.

Bad settings change nothing. What needs a restart keeps its value; the log has
its key path. Values are never logged.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

import structlog

from sfu import logs
from sfu.config import ConfigError, Settings
from sfu.store.records import rfc3339
from sfu.tls import Tls

KeyPath = tuple[str, ...]

AT_START: Final = frozenset(
    {
        ("server", "host"),
        ("server", "port"),
        ("server", "trusted_proxies"),
        ("media",),
        ("store",),
        ("limits", "frame_bytes"),
        ("limits", "path_timeout"),
        ("limits", "handshake_timeout"),
    }
)
"""Tables and keys whose values count at the start alone; all others can be reloaded."""

log = structlog.get_logger()


class Configurable(Protocol):
    """What runs with settings, and takes others (`sfu.daemon.Daemon`)."""

    settings: Settings

    def configure(self, settings: Settings) -> None:
        """Goes on with these."""


class Reload:
    """One call is one reload. `read` raises ConfigError; `tls` None is a server without TLS."""

    def __init__(self, server: Configurable, tls: Tls | None, read: Callable[[], Settings]) -> None:
        self._server = server
        self._tls = tls
        self._read = read

    def __call__(self) -> None:
        """Reads, checks, applies and logs."""
        old = self._server.settings
        try:
            new = self._read()
            differing = list(changed(old, new))
            late = [path for path in differing if needs_restart(path, old, new)]
            settled = restored(new, old, late)
            if self._tls is not None:
                self._tls.load(settled.server)
        except ConfigError as error:
            log.error("settings not reloaded", problems=[str(each) for each in error.problems])
            return
        self._server.configure(settled)
        logs.configure(settled.log.level, settled.log.format)
        applied = dotted(path for path in differing if path not in late)
        shown = {} if self._tls is None else {"certificate_until": rfc3339(self._tls.end)}
        log.info("settings reloaded", changed=applied, **shown)
        if late:
            log.warning("settings need a restart", keys=dotted(late))


def changed(old: Settings, new: Settings) -> Iterator[KeyPath]:
    """The keys whose values differ, `("server", "port")`; a tenant that came or went is
    `("tenants", name)`."""
    before, after = _values(old), _values(new)
    for path in sorted(before.keys() | after.keys()):
        if path[0] == "tenants" and (path[1] in old.tenants) != (path[1] in new.tenants):
            if path[2] == "secret":  # each has one: once for the whole of it
                yield path[:2]
        elif before.get(path) != after.get(path):
            yield path


def needs_restart(path: KeyPath, old: Settings, new: Settings) -> bool:
    """Whether a change of this key has to wait."""
    if path[0] == "server" and path[1] in ("certificate", "key"):
        return bool(old.server.certificate) != bool(new.server.certificate)
    return any(path[: len(fixed)] == fixed for fixed in AT_START)


def restored(new: Settings, old: Settings, paths: Iterable[KeyPath]) -> Settings:
    """The new settings with the old values at these keys of tables."""
    for table, key in paths:
        values = {key: getattr(getattr(old, table), key)}
        new = new.model_copy(update={table: getattr(new, table).model_copy(update=values)})
    return new


def dotted(paths: Iterable[KeyPath]) -> list[str]:
    """As people write them: "server.port"."""
    return [".".join(path) for path in paths]


def _values(settings: Settings) -> dict[KeyPath, object]:
    """Every key's value; secrets compare by what they hold."""
    found: dict[KeyPath, object] = {}
    for name in Settings.model_fields:
        table = getattr(settings, name)
        tables = table.items() if name == "tenants" else [(None, table)]
        for tenant, each in tables:
            place = (name,) if tenant is None else (name, tenant)
            for key in type(each).model_fields:
                found[(*place, key)] = getattr(each, key)
    return found
