"""Refusals and failures.

    SfuError
    └── Refusal        a request that cannot be granted: told to whoever asked, by its code

A refusal is an answer, not an accident: rooms raise it before they change
anything, and every door (socket, REST, embedding) shows the same code.
"""

from typing import Final

CODES: Final[dict[str, tuple[int, str]]] = {
    "bad_request": (422, "A field is missing, ill-typed or out of range; `path` names it."),
    "not_supported": (501, "The request is known, but this server does not carry it out."),
    "not_joined": (409, "Join a room first."),
    "cannot_resume": (
        409,
        "There is no session to be resumed by this: it is over, or somewhere else; join anew.",
    ),
    "already_joined": (409, "This session has joined; open another one for another room."),
    "unauthorized": (401, "A join token, or a tenant's name and secret, is missing or wrong."),
    "invalid_token": (
        401,
        "The token is malformed, forged, or not signed as accepted.",
    ),
    "token_expired": (401, "The token is no longer valid."),
    "token_not_yet_valid": (401, "The token is not valid yet."),
    "token_revoked": (401, "The token was revoked by the backend."),
    "unknown_tenant": (401, "There is no such tenant."),
    "wrong_room": (403, "The token is for another room."),
    "not_allowed": (403, "The role, or the token's `can`, does not give this right."),
    "not_found": (404, "There is nothing at this path."),
    "method_not_allowed": (
        405,
        "This path does not take this method; `Allow` lists those it does.",
    ),
    "too_large": (
        413,
        "The request, or the body of an app message, is larger than this server takes.",
    ),
    "not_acceptable": (406, "The description has m-lines that cannot be served as it wants them."),
    "precondition_required": (428, "`If-Match` is needed here."),
    "unsupported_media_type": (415, "The body is of another type than this path takes."),
    "precondition_failed": (412, "What is changed is not as `If-Match` says it is: read it again."),
    "password_missing": (409, "The room asks for a password, and would have none."),
    "room_exists": (409, "The tenant has a room of this name already."),
    "idempotency_conflict": (409, "The Idempotency-Key was used for another request."),
    "room_not_found": (404, "There is no such room."),
    "participant_not_found": (404, "There is no such participant in the room."),
    "not_published": (404, "The participant does not publish this source."),
    "wrong_password": (401, "The room's password is missing or wrong."),
    "banned": (403, "Who has this identity was banned for the event."),
    "blocked": (403, "A presenter has blocked the participant from publishing."),
    "wrong_state": (409, "Not possible while the room is preparing, live or ended as it is."),
    "mode_not_possible": (409, "More people are in the room than a meeting may have."),
    "waiting": (409, "The room has not let the participant in yet."),
    "not_waiting": (409, "The participant does not wait any more."),
    "already_seated": (409, "The participant sits in a seat already."),
    "no_camera_slot": (409, "As many cameras are on as the room may show."),
    "parallel_events_exceeded": (
        409,
        "The tenant runs as many events as it may at a time: `parallel_events` in its settings, 1 "
        "by default. End one first: an empty room goes on unless `[server] empty_timeout` ends it.",
    ),
    "no_seat": (409, "Only who sits in a seat may publish in this mode, or no seat is free."),
    "screen_busy": (409, "Somebody else shares their screen; `participant` says who."),
    "room_full": (409, "No place is left, not even for waiting."),
    "room_ended": (409, "The event is over."),
    "too_many_rooms": (409, "The server or the tenant has as many rooms as it may have."),
    "bad_sdp": (422, "The session description cannot be read."),
    "unknown_mid": (422, "`sources` names an m-line that the description does not have."),
    "wrong_source_kind": (422, "An audio source on a video m-line, or the other way round."),
    "duplicate_source": (422, "One source on two m-lines."),
    "not_sending": (422, "An m-line in `sources` does not send."),
    "no_common_codec": (422, "None of the offered codecs is forwarded by this server."),
    "bundle_required": (422, "All m-lines must share one transport (RFC 9143)."),
    "rtcp_mux_required": (422, "RTP and RTCP must share one port (RFC 5761)."),
    "dtls_required": (422, "The description has no usable fingerprint or setup role (RFC 8122)."),
    "ice_required": (422, "The description has no usable ICE credentials (RFC 8839)."),
    "connection_lost": (
        409,
        "The connection that the description would restart is gone; make a new one.",
    ),
    "transport_changed": (
        422,
        "A republish may not change the connection's transport.",
    ),
    "answer_mismatch": (422, "The answer does not fit the offer."),
    "no_offer": (409, "An answer came without an offer that waits for one."),
    "offer_replaced": (409, "The answer is to an offer that another has replaced: answer that."),
    "rate_limited": (429, "Too many requests; try again after `retry_after` seconds."),
    "draining": (503, "The server is about to stop and takes no new participants."),
    "overloaded": (
        503,
        "The server cannot take this now, or the tenant has all the people it may have; "
        "where there is `retry_after`, try again after so many seconds.",
    ),
    "internal": (500, "A fault of the server; it is logged."),
}
"""Every code with its HTTP status and its meaning: the one table behind all doors and the docs."""


class SfuError(Exception):
    """Root of this package's exceptions."""


class Refusal(SfuError):
    """A request that is not granted, and nothing has changed.

    `code` is a key of `CODES`, `message` is for people, `details` are further
    fields of the answer.
    """

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        assert code in CODES, code
        self.code = code
        self.message = message
        self.details = details
