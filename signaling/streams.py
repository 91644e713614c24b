"""Which streams a published section sends: simulcast by rid, by SSRC group, or one stream."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sfu.signaling import attributes
from sfu.signaling.agreement import Layer
from sfu.signaling.formats import Format
from sfu.signaling.sdp import Media

MAX_LAYERS = 3
"""Simulcast streams of one source; of more, the highest are taken."""

_ORDERED_NAMES = (
    ("q", "h", "f"),
    ("l", "m", "h"),
    ("lo", "mi", "hi"),
    ("lo", "md", "hi"),
    ("low", "mid", "high"),
    ("low", "medium", "high"),
    ("0", "1", "2"),
    ("r0", "r1", "r2"),
)
"""Names that say their order, lowest first."""

_SIZES = ("max-br", "max-fs", "max-width", "max-height", "max-pps")
"""Restrictions that grow with the layer (RFC 8851 §5)."""
_RESTRICTIONS = (*_SIZES, "max-fps", "max-bpp")


@dataclass(frozen=True, slots=True)
class Streams:
    """Layers lowest first, and the attributes by which the answer accepts them."""

    layers: tuple[Layer, ...] = ()
    answer: tuple[tuple[str, str | None], ...] = ()


def read_streams(media: Media, chosen: Format, *, by_rid: bool) -> Streams:
    """The streams of a section in the chosen format; `by_rid`: packets will carry their rid."""
    if media.kind == "video" and by_rid and (rids := _simulcast(media, chosen)):
        kept = {rid.name for rid in _lowest_first(rids)[-MAX_LAYERS:]}
        rids = [rid for rid in rids if rid.name in kept]
        lines = [("rid", f"{rid.name} recv{_restrictions(rid)}") for rid in rids]
        # The answer keeps the offer's order (RFC 8853 §5.3.2).
        lines.append(("simulcast", f"recv {';'.join(rid.name for rid in rids)}"))
        return Streams(tuple(Layer(r.name, 0, 0) for r in _lowest_first(rids)), tuple(lines))
    return Streams(_by_ssrc(media, retransmitted=chosen.rtx is not None))


def _simulcast(media: Media, chosen: Format) -> list[attributes.Rid]:
    """The offered simulcast streams that can carry the chosen format, in the offer's order."""
    known = attributes.rids(media)
    result: dict[str, attributes.Rid] = {}
    for alternatives in attributes.simulcast(media):
        for name in alternatives:
            rid = known.get(name)
            if rid is None or rid.direction != "send" or name in result:
                continue
            if not rid.formats or str(chosen.payload_type) in rid.formats:
                result[name] = rid
                break
    return list(result.values())


def _lowest_first(rids: Sequence[attributes.Rid]) -> list[attributes.Rid]:
    """By what the restrictions say, else by well-known names, else as offered (lowest first)."""
    for size in _SIZES:
        limits = {rid.name: _number(rid.restrictions.get(size)) for rid in rids}
        if None not in limits.values() and len(set(limits.values())) == len(rids):
            return sorted(rids, key=lambda rid: limits[rid.name] or 0)
    for names in _ORDERED_NAMES:
        if all(rid.name in names for rid in rids):
            return sorted(rids, key=lambda rid: names.index(rid.name))
    return list(rids)


def _number(text: str | None) -> int | None:
    if text is not None and text.isascii() and text.isdigit() and len(text) <= 12:
        return int(text)
    return None


def _restrictions(rid: attributes.Rid) -> str:
    """The restrictions as the answer repeats them: those we know, if they are numbers."""
    kept = [
        f"{name}={value}"
        for name, value in rid.restrictions.items()
        if name in _RESTRICTIONS and _number(value) is not None
    ]
    return f" {';'.join(kept)}" if kept else ""


def _by_ssrc(media: Media, *, retransmitted: bool) -> tuple[Layer, ...]:
    """Streams by a=ssrc lines; one of unknown SSRC without them.

    A group SIM is simulcast as clients wrote it before rids, lowest first.
    """
    ssrcs = attributes.ssrcs(media)
    groups = list(attributes.ssrc_groups(media))
    pairs = {g.ssrcs[0]: g.ssrcs[1] for g in groups if g.semantics == "FID" and len(g.ssrcs) == 2}
    for group in groups:
        if group.semantics == "SIM" and media.kind == "video" and group.ssrcs:
            primary: Sequence[int] = tuple(dict.fromkeys(group.ssrcs))[-MAX_LAYERS:]
            break
    else:
        primary = _first(ssrcs, pairs)
    return tuple(
        Layer("", ssrc, pairs.get(ssrc, 0) if retransmitted else 0) for ssrc in primary
    ) or (Layer("", 0, 0),)


def _first(ssrcs: Mapping[int, object], pairs: Mapping[int, int]) -> Sequence[int]:
    """The first source that is not the retransmission of another."""
    secondary = set(pairs.values())
    return [ssrc for ssrc in ssrcs if ssrc not in secondary][:1]
