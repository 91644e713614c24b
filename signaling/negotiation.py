"""Offers and answers of the two connections (RFC 9429, 9143, 8853, 8843).

A client offers what it publishes and gets an answer (`answer_publish`, in
publishing.py); the server offers a fixed set of slots and accepts the client's
answer (`offer_receive`, `accept_answer`, in receiving.py). A player of few m-lines
offers and gets an answer, too (`answer_play`, in playing.py). Everything is a
function of its arguments: no state, no I/O, no clock. What comes out is what
the packet plane takes.
"""

from sfu.signaling.agreement import (
    Layer,
    LocalTransport,
    Negotiated,
    NegotiationError,
    PublishAnswer,
    PublishedTrack,
    RemoteTransport,
    Slot,
)
from sfu.signaling.playing import PlayAnswer, answer_play
from sfu.signaling.publishing import answer_publish
from sfu.signaling.receiving import accept_answer, offer_receive
from sfu.track import Source

__all__ = [
    "Layer",
    "LocalTransport",
    "Negotiated",
    "NegotiationError",
    "PlayAnswer",
    "PublishAnswer",
    "PublishedTrack",
    "RemoteTransport",
    "Slot",
    "Source",
    "accept_answer",
    "answer_play",
    "answer_publish",
    "offer_receive",
]
