"""Who gets in: a join request to a room and a `Join` command, or a refusal."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from sfu.commands import Join
from sfu.config import DEV_TENANT, Settings
from sfu.errors import Refusal
from sfu.participant import Role
from sfu.room import Options
from sfu.rooms import LiveRoom, Rooms
from sfu.signaling import messages
from sfu.signaling.tokens import TokenError, verify


@dataclass(frozen=True, slots=True)
class Admitted:
    """A room that may be entered, and the command that does it."""

    live: LiveRoom
    command: Join


class Admission:
    """The same for every socket of a process; `draining` refuses all."""

    def __init__(self, settings: Settings, rooms: Rooms, *, dev: bool) -> None:
        self.draining = False
        self._rooms = rooms
        self._dev = dev
        self._secrets: Mapping[str, SecretStr] = {
            name: tenant.secret for name, tenant in settings.tenants.items()
        }
        self._people = settings.limits.participants_per_room
        defaults = settings.room
        self._options = Options(
            video="hd" if dev else defaults.video,
            screen=defaults.screen,
            presenters=defaults.presenters,
            cameras=defaults.cameras,
            attendees=defaults.attendees,
            meeting=defaults.meeting,
        )

    def admit(self, request: messages.Join, now: float) -> Admitted:
        """Checks a join; `now` in seconds since the epoch. Raises Refusal."""
        if self.draining:
            raise Refusal("draining", "the server is about to stop")
        if request.token is not None:
            return self._by_token(request, request.token, now)
        if not self._dev:
            raise Refusal("unauthorized", "this room needs a join token")
        role = request.role or Role.ATTENDEE
        identity = f"guest-{secrets.token_hex(4)}"
        command = Join(
            participant=_new_id(),
            identity=identity,
            name=request.name or identity,
            role=role,
            client=request.client,
        )
        return Admitted(self._room(self._tenant(request.tenant), request.room), command)

    def _by_token(self, request: messages.Join, token: str, now: float) -> Admitted:
        try:
            claims = verify(token, self._secrets, now=now, room=request.room)
        except TokenError as error:
            raise Refusal(error.code, error.message) from None
        if request.tenant is not None and request.tenant != claims.tenant:
            raise Refusal("unknown_tenant", "the token is another tenant's")
        command = Join(
            participant=_new_id(),
            identity=claims.identity,
            name=claims.name or request.name or claims.identity,
            role=claims.role,
            can=claims.can,
            metadata=claims.metadata,
            client=request.client,
        )
        return Admitted(self._room(claims.tenant, request.room), command)

    def _tenant(self, named: str | None) -> str:
        """The one named, else the only one, else that of a development server."""
        tenant = named or (DEV_TENANT if self._dev else next(iter(self._secrets), ""))
        if tenant not in self._secrets:
            raise Refusal("unknown_tenant", "there is no such tenant")
        return tenant

    def _room(self, tenant: str, id: str) -> LiveRoom:
        live = self._rooms.find(tenant, id)
        if live is None:
            if not self._dev:
                raise Refusal("room_not_found", "there is no such room")
            live = self._rooms.create(tenant, id, self._options)
        if len(live.room.participants) >= self._people:
            raise Refusal("room_full", "the room has no place left")
        return live


def _new_id() -> str:
    return "p-" + secrets.token_hex(8)
