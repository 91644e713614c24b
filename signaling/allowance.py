"""What one client may ask of the server; time is an argument (seconds, monotonic)."""

from collections.abc import Collection

from pydantic_core import to_json

from sfu.config import LimitSettings
from sfu.errors import Refusal
from sfu.room.people import GROUPS
from sfu.signaling import messages
from sfu.signaling.limits import (
    MESSAGE_BYTES_BURST,
    MESSAGE_BYTES_PER_SECOND,
    REQUESTS_BURST,
    REQUESTS_PER_SECOND,
    Window,
)
from sfu.token_bucket import TokenBucket


class Allowance:
    """Of one session, whichever socket it has. Raises Refusal for what is too much."""

    def __init__(self, limits: LimitSettings, now: float) -> None:
        self._limits = limits
        self._malformed = Window(limits.malformed_frames, limits.malformed_window)
        self._requests = TokenBucket(REQUESTS_PER_SECOND, REQUESTS_BURST, now)
        self._messages = TokenBucket(limits.messages_per_second, limits.messages_burst, now)

    def is_abuse(self, now: float) -> bool:
        """One more frame was malformed; says whether that is enough."""
        return self._malformed.add(now)

    def take_request(self, now: float) -> None:
        """One more request."""
        if wait := self._requests.take(now):
            raise Refusal("rate_limited", "too many requests", retry_after=round(wait, 3))

    def check_size(self, sdp: str) -> None:
        """A session description, before it is read."""
        if len(sdp) > self._limits.sdp_bytes:
            raise Refusal("bad_request", "the description is too large", path="sdp")

    def take_message(
        self, message: messages.AppMessage, room: "MessageTraffic", now: float
    ) -> None:
        """One more app message, of all that the room bears."""
        size = len(to_json(message.body))
        if size > self._limits.message_bytes:
            most = self._limits.message_bytes
            raise Refusal("too_large", f"a body has at most {most} bytes", path="body")
        if wait := self._messages.take(now):
            raise Refusal("rate_limited", "too many messages", retry_after=round(wait, 3))
        if wait := room.take(message.to, size, now):
            raise Refusal("rate_limited", "too much is sent there", retry_after=round(wait, 3))


class MessageTraffic:
    """Bytes of app messages in one room, of all senders together: what goes to groups, and what
    goes to each person, so that no number of senders fills somebody's queue."""

    def __init__(self, here: Collection[str]) -> None:
        """`here` are the ids of those who can be written to, as they come and go."""
        self._here = here
        self._to_groups = _of_messages(0.0)
        self._to_people: dict[str, TokenBucket] = {}

    def __len__(self) -> int:
        """People that something is remembered of."""
        return len(self._to_people)

    def take(self, to: str, size: int, now: float) -> float:
        """Bytes to a group or somebody; 0 if they may go, else the seconds until they may."""
        if to in GROUPS:
            return self._to_groups.take(now, size)
        if to not in self._here:
            return 0.0  # the room refuses it
        if to not in self._to_people:
            if len(self._to_people) > len(self._here):
                there = self._to_people.items()
                self._to_people = {id: bucket for id, bucket in there if id in self._here}
            self._to_people[to] = _of_messages(now)
        return self._to_people[to].take(now, size)


def _of_messages(now: float) -> TokenBucket:
    return TokenBucket(MESSAGE_BYTES_PER_SECOND, MESSAGE_BYTES_BURST, now)
