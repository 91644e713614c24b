"""Which offered formats of a media section we take (RFC 3264 §6.1, RFC 4588, RFC 4585)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sfu import codecs
from sfu.signaling import attributes
from sfu.signaling.sdp import Media


@dataclass(frozen=True, slots=True)
class Format:
    """One offered payload type that a codec of ours matches."""

    codec: codecs.Codec
    payload_type: int
    rtx: int | None
    """The payload type of its retransmissions."""
    spelling: str
    """Encoding, clock rate and channels as the peer writes them."""
    rank: int
    offered: codecs.Parameters
    feedback: tuple[str, ...]


def _retransmissions(
    media: Media, maps: dict[int, attributes.RtpMap], texts: dict[int, dict[str, str]]
) -> dict[int, int]:
    """Payload type to that of its retransmissions, by the apt parameter (RFC 4588 §8.6)."""
    result: dict[int, int] = {}
    for text in media.formats:
        number = attributes.payload_type(text)
        if number is None or number not in maps or maps[number].encoding != "rtx":
            continue
        original = attributes.payload_type(texts.get(number, {}).get("apt", ""))
        if original is not None and original != number:
            result.setdefault(original, number)
    return result


def _matching(rtpmap: attributes.RtpMap, kind: str) -> codecs.Codec | None:
    codec = codecs.BY_NAME.get(rtpmap.encoding)
    if codec is None or codec.kind != kind or codec.clock_rate != rtpmap.clock_rate:
        return None
    # Opus is always "/2" (RFC 7587 §7), but some leave it out.
    return codec if rtpmap.channels in (1, codec.channels) else None


def offered(media: Media) -> list[Format]:
    """The formats of a section that suit us, in the order of the offer."""
    maps = attributes.rtpmaps(media)
    texts = attributes.parameters(media)
    feedback = attributes.feedback(media)
    rtx = _retransmissions(media, maps, texts)
    result: list[Format] = []
    for text in dict.fromkeys(media.formats):
        number = attributes.payload_type(text)
        codec = _matching(maps[number], media.kind) if number in maps else None
        if number is None or codec is None:
            continue
        parameters = texts.get(number, {})
        rank = codec.rank(parameters)
        if rank is None:
            continue
        wanted = {*feedback.get(number, ()), *feedback.get(None, ())}
        result.append(
            Format(
                codec=codec,
                payload_type=number,
                rtx=rtx.get(number),
                spelling=maps[number].spelling,
                rank=rank,
                offered=parameters,
                feedback=tuple(item for item in codec.feedback if item in wanted),
            )
        )
    return result


def choose_video(formats: Sequence[Format], preferred: Sequence[str]) -> Format | None:
    """The best format of the first preferred codec; without preference, of the offer's first."""
    for name in preferred or tuple(dict.fromkeys(f.codec.name for f in formats)):
        suiting = [f for f in formats if f.codec.name == name]
        if suiting:
            return min(suiting, key=lambda f: f.rank)
    return None


def choose_audio(formats: Sequence[Format]) -> tuple[Format, ...]:
    """Opus, then RED of the same Opus if it is offered: passed on when the publisher sends it."""
    opus = next((f for f in formats if f.codec is codecs.OPUS), None)
    if opus is None:
        return ()
    for red in formats:
        blocks = red.offered.get("", "").split("/")
        if red.codec is codecs.RED and {str(opus.payload_type)} == set(blocks):
            return opus, red
    return (opus,)


def described(chosen: Sequence[Format]) -> list[tuple[str, str]]:
    """The (name, value) attributes that describe chosen formats and their retransmissions."""
    lines: list[tuple[str, str]] = []
    for item in chosen:
        number = item.payload_type
        lines.append(("rtpmap", f"{number} {item.spelling}"))
        lines.extend(("rtcp-fb", f"{number} {text}") for text in item.feedback)
        if text := item.codec.answer(item.offered):
            lines.append(("fmtp", f"{number} {text}"))
        if item.rtx is not None:
            lines.append(("rtpmap", f"{item.rtx} rtx/{item.codec.clock_rate}"))
            lines.append(("fmtp", f"{item.rtx} apt={number}"))
    return lines


def payload_types(chosen: Sequence[Format]) -> tuple[str, ...]:
    """What an m-line names: those of chosen formats, each before that of its retransmissions."""
    numbers = (number for item in chosen for number in (item.payload_type, item.rtx))
    return tuple(str(number) for number in numbers if number is not None)
