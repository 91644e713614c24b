"""What one client may ask of the server; time is an argument (seconds, monotonic)."""

from pydantic_core import to_json

from sfu.config import LimitSettings
from sfu.errors import Refusal
from sfu.room.people import GROUPS
from sfu.signaling import messages
from sfu.signaling.limits import REQUESTS_BURST, REQUESTS_PER_SECOND, Window
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

    def take_message(self, message: messages.AppMessage, room: TokenBucket, now: float) -> None:
        """One more app message; `room` bounds those of all senders to groups."""
        size = len(to_json(message.body))
        if size > self._limits.message_bytes:
            most = self._limits.message_bytes
            raise Refusal("too_large", f"a body has at most {most} bytes", path="body")
        if wait := self._messages.take(now):
            raise Refusal("rate_limited", "too many messages", retry_after=round(wait, 3))
        if message.to in GROUPS and (wait := room.take(now, float(size))):
            raise Refusal("rate_limited", "the room is busy", retry_after=round(wait, 3))
