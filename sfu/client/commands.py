"""What is asked of the room by one request and its answer; who may ask it, the server decides."""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Literal

from sfu.client.room_view import RoomView
from sfu.client.shapes import Frame, SlotView, SourceName


class Commands(RoomView, ABC):
    """Each returns when the server has done it and raises ClientError when it has refused.

    `participant` is an id.
    """

    @abstractmethod
    async def request(self, type: str, **fields: object) -> Frame:
        """Any request of the protocol, for what has no method of its own."""

    async def ping(self) -> float:
        """Seconds to the server and back."""
        start = time.monotonic()
        await self.request("ping")
        return time.monotonic() - start

    async def view(
        self,
        slots: Mapping[str, SlotView | Literal["off"]] | None = None,
        *,
        layout: Literal["gallery", "presenter"] | None = None,
        pin: str | None = "",
        auto_speaker: bool | None = None,
    ) -> None:
        """Says what is looked at; merged slot by slot into what was said before.

        A slot that is `"off"` has no picture, but sound: a bot that only listens is spared most of
        its work by that. `pin` None unpins, "" leaves it as it is.
        """
        fields: dict[str, object] = {"slots": dict(slots or {})}
        if pin != "":
            fields["pin"] = pin
        await self.request("view", layout=layout, auto_speaker=auto_speaker, **fields)

    # What everybody says

    async def set_status(self, value: str | None) -> None:
        """Shows the others a sign: `hand`, `applause`, `away` …; None takes it back."""
        await self.request("status", value=value)

    async def raise_hand(self, up: bool = True) -> None:
        """Asks for the word, or takes that back."""
        await self.set_status("hand" if up else None)

    async def send_message(self, to: str, topic: str, body: object) -> None:
        """Sends an app message (any JSON, up to 64 KiB) to `all`, `presenters`, `attendees` or a
        participant."""
        await self.request("message", to=to, topic=topic, body=body)

    # The event; presenters only, as all that follows

    async def start(self) -> None:
        """Begins: who waits for that comes in."""
        await self.request("start")

    async def end(self) -> None:
        """Ends the event for everybody; the session closes."""
        await self.request("end")

    async def lock(self) -> None:
        """Newcomers wait."""
        await self.request("lock")

    async def unlock(self) -> None:
        """Newcomers come in, and so does everybody who waits."""
        await self.request("unlock")

    async def set_mode(self, mode: Literal["presenters-only", "webinar", "meeting"]) -> None:
        """Changes who is heard and seen by whom. All presenters are muted but who changes it."""
        await self.request("mode", mode=mode)

    # People

    async def admit(self, participant: str) -> None:
        """Lets in one who waits."""
        await self.request("admit", participant=participant)

    async def admit_all(self) -> None:
        """Lets in everybody who waits."""
        await self.request("admit", all=True)

    async def remove(self, participant: str, *, ban: bool = False) -> None:
        """Disconnects somebody, or turns away who waits; `ban` keeps them out for the event."""
        await self.request("remove", participant=participant, ban=ban)

    async def block(self, participant: str) -> None:
        """Keeps somebody from publishing; they go on watching."""
        await self.request("block", participant=participant)

    async def unblock(self, participant: str) -> None:
        """Lets somebody publish again."""
        await self.request("unblock", participant=participant)

    async def allow(self, participant: str, sources: list[SourceName] | None) -> None:
        """Narrows what somebody may publish; None for all that role and mode give."""
        await self.request("allow", participant=participant, sources=sources)

    async def grant_seat(self, participant: str) -> None:
        """Makes somebody a presenter on a seat, in place: their connections stay."""
        await self.request("grant_seat", participant=participant)

    async def revoke_seat(self, participant: str) -> None:
        """Takes somebody's seat: unpublished at once, an attendee from now on."""
        await self.request("revoke_seat", participant=participant)

    async def promote(self, participant: str) -> None:
        """Makes a viewer of a webcast an attendee, in place."""
        await self.request("promote", participant=participant)
