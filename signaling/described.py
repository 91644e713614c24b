"""Between what negotiation speaks of and what a worker takes."""

from sfu.forwarder import Forwarder, Remote
from sfu.ice import candidates
from sfu.signaling.negotiation import LocalTransport, Negotiated, PublishedTrack
from sfu.track import Media, Stream
from sfu.transport import Transport


def local(transport: Transport) -> LocalTransport:
    """Our end of a transport, for a description."""
    forwarder: Forwarder = transport.forwarder
    return LocalTransport(
        ufrag=transport.credentials.ufrag,
        pwd=transport.credentials.pwd,
        fingerprint=forwarder.certificate.fingerprint,
        candidates=candidates(forwarder.addresses, forwarder.worker.port),
        tcp=forwarder.takes_tcp,
        origin=transport.origin,
    )


def remote(negotiated: Negotiated) -> Remote:
    """The client's end, as agreed."""
    return Remote(
        fingerprints=negotiated.remote.fingerprints,
        client=negotiated.remote.we_are_client,
        extensions=negotiated.extensions,
        payload_types=negotiated.payload_types,
        cname=negotiated.cname,
    )


def media(track: PublishedTrack) -> Media:
    """How a source arrives."""
    streams = tuple(Stream(layer.rid, layer.ssrc, layer.rtx_ssrc) for layer in track.layers)
    return Media(track.mid, track.codec, streams)
