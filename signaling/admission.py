"""Who gets in: a join request to a room and a `Join` command, or a refusal.

A token opens every door of its room. Without one it is the room's `access` that
counts: `open` takes everybody, `password` who knows it, `token` nobody. Whoever
comes without a token is an attendee, in a webcast a viewer; a development
server lets them choose. Whether somebody then has to wait is the room's matter.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from sfu.commands import Join
from sfu.config import DEV_TENANT, Settings
from sfu.errors import Refusal
from sfu.live_room import LiveRoom
from sfu.participant import Client, Participant, Role
from sfu.passwords import Passwords, in_threads
from sfu.room import Options
from sfu.rooms import Rooms
from sfu.signaling import messages
from sfu.signaling.ice_servers import ice_servers
from sfu.signaling.joins import Joins
from sfu.signaling.resumption import Resumption, digest
from sfu.signaling.tokens import TokenError, verify
from sfu.track import Source

if TYPE_CHECKING:
    from sfu.signaling.session import Session


@dataclass(frozen=True, slots=True)
class Admitted:
    """A room that may be entered, and the command that does it."""

    live: LiveRoom
    command: Join
    password: str | None = None
    """The hash that the given password must fit first; None when there is nothing to check."""


class Admission:
    """The same for every socket of a process; `draining` refuses all."""

    def __init__(
        self,
        settings: Settings,
        rooms: Rooms,
        *,
        dev: bool,
        passwords: Passwords | None = None,
    ) -> None:
        self.draining = False
        self.passwords = passwords or Passwords(in_threads())
        self.sessions: Resumption[Session] = Resumption()
        """Those that may be taken up again."""
        self.joins = Joins()
        self._rooms = rooms
        self._dev = dev
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """From now on these tenants, limits and defaults count."""
        self._secrets: Mapping[str, SecretStr] = {
            name: tenant.secret for name, tenant in settings.tenants.items()
        }
        self._turn = settings.turn
        self._people = settings.limits.participants_per_room
        defaults = settings.room
        self._options = Options(
            video="hd" if self._dev else defaults.video,
            screen=defaults.screen,
            presenters=defaults.presenters,
            cameras=defaults.cameras,
            attendees=defaults.attendees,
            meeting=defaults.meeting,
            microphones=defaults.microphones,
            access="open" if self._dev else "token",
        )

    def admit(self, request: messages.Join, now: float) -> Admitted:
        """Checks a join; `now` in seconds since the epoch. Raises Refusal."""
        if self.draining:
            raise Refusal("draining", "the server is about to stop")
        if request.resume is not None:
            return self._interrupted(request, request.resume)
        if request.token is not None:
            return self._by_token(request, request.token, now)
        return self._as_guest(request)

    def find_session(self, request: messages.Join) -> "Session | None":
        """The session that a join goes on with, if it is one of this process, in that room."""
        found = self.sessions.find(digest(request.resume or ""))
        return found if found is not None and found.is_in(request.tenant, request.room) else None

    def ice_servers(self, participant: Participant) -> list[dict[str, Any]]:
        """What somebody is told of STUN and TURN servers, with their own credentials."""
        return ice_servers(self._turn, participant, self._rooms.clock.wall())

    def check_again(self, admitted: Admitted) -> None:
        """What may have changed while a password was being checked. Raises Refusal."""
        if self.draining:
            raise Refusal("draining", "the server is about to stop")
        room = admitted.live.room
        if self._rooms.find(room.tenant, room.id) is not admitted.live:
            raise Refusal("room_not_found", "there is no such room")
        if room.options.access != "password" or room.options.password != admitted.password:
            raise Refusal("wrong_password", "the room's password has changed")

    def _as_guest(self, request: messages.Join) -> Admitted:
        tenant = self._tenant(request.tenant)
        if not self._dev and self._rooms.find(tenant, request.room) is None:
            # Without a token nobody learns which rooms there are.
            raise Refusal("unauthorized", "this room needs a join token")
        live = self._room(tenant, request.room, presents=False)
        options = live.room.options
        password = None
        if options.access == "token":
            raise Refusal("unauthorized", "this room needs a join token")
        if options.access == "password":
            if not request.password or options.password is None:
                raise Refusal("wrong_password", "this room needs a password")
            password = options.password
        role = Role.VIEWER if options.kind == "webcast" else Role.ATTENDEE
        if self._dev and request.role is not None:
            role = request.role
        identity = f"guest-{secrets.token_hex(8)}"
        command = Join(
            participant=_new_id(),
            identity=identity,
            name=request.name or identity,
            role=role,
            client=Client.said(request.client or {}),
        )
        return Admitted(live, command, password)

    def _by_token(self, request: messages.Join, token: str, now: float) -> Admitted:
        try:
            claims = verify(token, self._secrets, now=now, room=request.room)
        except TokenError as error:
            raise Refusal(error.code, error.message) from None
        if request.tenant is not None and request.tenant != claims.tenant:
            raise Refusal("unknown_tenant", "the token is another tenant's")
        if (claims.tenant, claims.jti) in self._rooms.revoked:
            raise Refusal("token_revoked", "the token was revoked")
        command = Join(
            participant=_new_id(),
            identity=claims.identity,
            name=claims.name or request.name or claims.identity,
            role=claims.role,
            can=claims.can,
            metadata=claims.metadata,
            client=Client.said(request.client or {}),
            jti=claims.jti,
        )
        live = self._room(claims.tenant, request.room, presents=claims.role.presents)
        return Admitted(live, command)

    def _interrupted(self, request: messages.Join, resume: str) -> Admitted:
        """Somebody whom a restart has cut off is back as who they were."""
        journal = self._rooms.journal
        key = digest(resume)
        stay = journal.interrupted(key) if journal is not None else None
        live = None if stay is None else self._rooms.find(stay.tenant, stay.room)
        told = stay is not None and request.tenant in (None, stay.tenant)
        if stay is None or live is None or not told or request.room != stay.room:
            raise Refusal("cannot_resume", "there is no such session")
        was: Any = stay.resume or {}
        if (stay.tenant, was["jti"]) in self._rooms.revoked:
            raise Refusal("token_revoked", "the token was revoked")
        command = Join(
            participant=stay.id,
            identity=stay.identity,
            name=was["name"],
            role=stay.role or Role(was["role"]),
            can=None if was["can"] is None else frozenset(map(Source, was["can"])),
            metadata=was["metadata"],
            client=Client.said(request.client or {}),
            jti=was["jti"],
            seat=was["seat"],
            returning=True,
        )
        return Admitted(live, command)

    def _tenant(self, named: str | None) -> str:
        """The one named, else the only one, else that of a development server."""
        only = next(iter(self._secrets)) if len(self._secrets) == 1 else ""
        tenant = named or (DEV_TENANT if self._dev else only)
        if tenant not in self._secrets:
            raise Refusal("unknown_tenant", "there is no such tenant")
        return tenant

    def _room(self, tenant: str, id: str, *, presents: bool) -> LiveRoom:
        live = self._rooms.find(tenant, id)
        if live is None:
            if not self._dev:
                raise Refusal("room_not_found", "there is no such room")
            live = self._rooms.create(tenant, id, self._options)
        room = live.room
        people = len(room.participants) + len(room.waiting) + len(room.awaited)
        if people >= self._people and not presents:
            raise Refusal("room_full", "the room has no place left")
        return live


def _new_id() -> str:
    return "p-" + secrets.token_hex(8)
