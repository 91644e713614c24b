"""Session descriptions: real ones, odd ones, hostile ones."""

import dataclasses
import pathlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.signaling.sdp import (
    MAX_ATTRIBUTES,
    MAX_MEDIA,
    MAX_SIZE,
    Attribute,
    Bandwidth,
    Description,
    Media,
    SdpError,
    parse,
    write,
)

PACKETS = pathlib.Path(__file__).parents[1] / "packets"
CAPTURED = {path.stem: path.read_bytes().decode() for path in sorted(PACKETS.glob("*.sdp"))}
MINIMAL = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"


@pytest.mark.parametrize("name", CAPTURED)
def test_captured_descriptions_come_back_whole(name: str) -> None:
    text = CAPTURED[name]
    again = write(parse(text))
    assert parse(again) == parse(text)
    # Attributes stand after b= and c= in each section; nothing else moves or is lost.
    assert sorted(again.splitlines()) == sorted(text.splitlines())


def test_what_a_description_holds() -> None:
    description = parse(
        MINIMAL
        + "c=IN IP4 192.0.2.1\r\nb=AS:500\r\na=ice-lite\r\n"
        + "m=video 5000/2 RTP/AVP 96 97\r\nb=TIAS:300000\r\na=mid:v\r\na=recvonly\r\na=x:y:z\r\n"
    )
    assert description == Description(
        username="-",
        session_id=1,
        version=2,
        address="IN IP4 127.0.0.1",
        connection="IN IP4 192.0.2.1",
        bandwidths=(Bandwidth("AS", 500),),
        attributes=(Attribute("ice-lite"),),
        media=(
            Media(
                kind="video",
                port=5000,
                ports=2,
                protocol="RTP/AVP",
                formats=("96", "97"),
                bandwidths=(Bandwidth("TIAS", 300000),),
                attributes=(Attribute("mid", "v"), Attribute("recvonly"), Attribute("x", "y:z")),
            ),
        ),
    )
    media = description.media[0]
    assert media.line == 8
    assert media.value("mid") == "v"
    assert media.value("recvonly") is None
    assert media.has("recvonly")
    assert not media.has("sendonly")


@pytest.mark.parametrize(
    "text",
    [
        MINIMAL.replace("\r\n", "\n"),
        MINIMAL.replace("\r\n", "\r"),
        MINIMAL.removesuffix("\r\n"),
        MINIMAL.replace("s=-\r\n", ""),
        MINIMAL.replace("t=0 0\r\n", "").replace("s=-", "s="),
        MINIMAL + "\r\n \r\n",
        MINIMAL + "y=what\r\nk=clear:x\r\nz=0 0\r\n",
        MINIMAL.replace("o=- 1 2 IN IP4", "o=-  1 2  IN  IP4"),
        MINIMAL + "t=nonsense\r\nb=nonsense\r\n",
    ],
)
def test_tolerated(text: str) -> None:
    assert parse(text) == parse(MINIMAL)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 0),
        ("hello", 1),
        ("v=1\r\n", 1),
        ("o=- 1 2 IN IP4 127.0.0.1\r\nv=0\r\n", 1),
        ("v=0\r\n", 0),
        ("v=0\r\no=- x 2 IN IP4 127.0.0.1", 2),
        (f"v=0\r\no=- {1 << 64} 2 IN IP4 127.0.0.1", 2),
        ("v=0\r\no=- 1 2 IN IP5 127.0.0.1", 2),
        (MINIMAL + "nonsense", 5),
        (MINIMAL + "a=", 5),
        (MINIMAL + "a=:x", 5),
        (MINIMAL + "a=sp ace:x", 5),
        (MINIMAL + "m=video", 5),
        (MINIMAL + "m=video 9 RTP/AVP", 5),
        (MINIMAL + "m=video 9 RTP/AVP \x1d", 5),
        (MINIMAL + "m=video 65536 RTP/AVP 96", 5),
        (MINIMAL + "m=video 9/0 RTP/AVP 96", 5),
        (MINIMAL + "m=video ٩ RTP/AVP 96", 5),
        (MINIMAL + "m=video 9 RTP/AVP " + "1 " * 129, 5),
        (MINIMAL + "c=nowhere", 5),
        (MINIMAL + "a=nul\0", 5),
        (MINIMAL + "\r\na=surrogate:\ud800", 6),
    ],
)
def test_refused_with_the_line(text: str, line: int) -> None:
    with pytest.raises(SdpError) as caught:
        parse(text)
    assert caught.value.line == line
    assert caught.value.reason


def test_bounds() -> None:
    section = "m=audio 9 RTP/AVP 0\r\n"
    parse(MINIMAL + section * MAX_MEDIA)
    with pytest.raises(SdpError, match="128 media sections"):
        parse(MINIMAL + section * (MAX_MEDIA + 1))
    parse(MINIMAL + section + "a=x\r\n" * MAX_ATTRIBUTES)
    for head in (section, ""):
        with pytest.raises(SdpError, match="512 attributes"):
            parse(MINIMAL + head + "a=x\r\n" * (MAX_ATTRIBUTES + 1))
    with pytest.raises(SdpError, match="512 bandwidths"):
        parse(MINIMAL + "b=AS:1\r\n" * (MAX_ATTRIBUTES + 1))
    with pytest.raises(SdpError, match="longer than"):
        parse(MINIMAL + "a=x:" + "y" * MAX_SIZE)
    with pytest.raises(SdpError, match="longer than 100"):
        parse(CAPTURED["aiortc"], limit=100)


@pytest.mark.parametrize(
    "change",
    [
        {"username": "a b"},
        {"session_id": -1},
        {"version": 1 << 64},
        {"address": "somewhere"},
        {"name": "a\nb"},
        {"connection": "IN IP4 "},
        {"times": ("now",)},
        {"bandwidths": (Bandwidth("AS", -1),)},
        {"attributes": (Attribute("a b"),)},
        {"attributes": (Attribute("a", "b\r\nm=audio 9 RTP/AVP 0"),)},
        {"attributes": (Attribute("a", "b\0"),)},
        {"attributes": (Attribute("a\n"),)},
        {"media": (Media("audio", 9, "RTP/AVP", ()),)},
        {"media": (Media("audio", 9, "RTP AVP", ("0",)),)},
        {"media": (Media("audio", 9, "RTP/AVP", ("0\r\na=x",)),)},
    ],
)
def test_never_writes_what_is_no_description(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not to be written"):
        write(dataclasses.replace(parse(MINIMAL), **change))


TOKENS = st.text("abcXYZ019-._!#+*", min_size=1, max_size=8)
VALUES = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r\n"), max_size=30
).map(lambda text: text.rstrip(" \t"))
ATTRIBUTES = st.lists(st.builds(Attribute, TOKENS, st.none() | VALUES), max_size=5).map(tuple)
BANDWIDTHS = st.lists(st.builds(Bandwidth, TOKENS, st.integers(0, 10**12 - 1)), max_size=2).map(
    tuple
)
CONNECTIONS = st.none() | st.sampled_from(["IN IP4 0.0.0.0", "IN IP6 ::1", "IN IP4 224.0.0.1/127"])
SECTIONS = st.builds(
    Media,
    kind=TOKENS,
    port=st.integers(0, 65535),
    protocol=st.lists(TOKENS, min_size=1, max_size=3).map("/".join),
    formats=st.lists(TOKENS, min_size=1, max_size=5).map(tuple),
    attributes=ATTRIBUTES,
    connection=CONNECTIONS,
    bandwidths=BANDWIDTHS,
    ports=st.integers(1, 999),
)
DESCRIPTIONS = st.builds(
    Description,
    username=TOKENS,
    session_id=st.integers(0, 2**64 - 1),
    version=st.integers(0, 2**64 - 1),
    address=st.sampled_from(["IN IP4 127.0.0.1", "IN IP6 ::1", "IN IP4 host.example"]),
    media=st.lists(SECTIONS, max_size=4).map(tuple),
    attributes=ATTRIBUTES,
    name=VALUES.filter(bool),
    connection=CONNECTIONS,
    bandwidths=BANDWIDTHS,
    times=st.lists(st.sampled_from(["0 0", "3034423619 3042462419"]), min_size=1, max_size=2).map(
        tuple
    ),
)


@given(DESCRIPTIONS)
def test_parse_is_the_inverse_of_write(description: Description) -> None:
    assert parse(write(description)) == description


@given(st.text() | st.text("vosatmbc=: \r\n0129/-").map(lambda text: "v=0\n" + text))
def test_arbitrary_text_raises_nothing_else(text: str) -> None:
    try:
        description = parse(text)
    except SdpError:
        return
    assert parse(write(description)) == description


@settings(max_examples=200)
@given(st.data())
def test_mutated_descriptions_raise_nothing_else(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(sorted(CAPTURED.values())))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        stop = data.draw(st.integers(start, min(len(text), start + 40)))
        text = text[:start] + data.draw(st.text(max_size=10)) + text[stop:]
    try:
        description = parse(text)
    except SdpError:
        return
    assert parse(write(description)) == description
