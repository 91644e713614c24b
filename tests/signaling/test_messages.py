"""Frames become requests or are refused, whatever they hold."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.options import Mode
from sfu.participant import Role
from sfu.signaling import messages
from sfu.signaling.messages import Unreadable, parse
from sfu.track import Source


def refused(frame: str) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        parse(frame)
    return caught.value


@pytest.mark.parametrize(
    ("frame", "request_"),
    [
        (
            {"type": "join", "id": 1, "room": "a.B_c-9", "role": "presenter", "extra": [1]},
            messages.Join(id=1, room="a.B_c-9", role=Role.PRESENTER),
        ),
        (
            {"type": "publish", "id": "x", "sdp": "v=0", "sources": {"0": "screen_audio"}},
            messages.Publish(id="x", sdp="v=0", sources={"0": Source.SCREEN_AUDIO}),
        ),
        ({"type": "unpublish", "id": 0, "source": "screen"},
         messages.Unpublish(id=0, source=Source.SCREEN)),
        ({"type": "answer", "id": -1, "sdp": "v=0"}, messages.Answer(id=-1, sdp="v=0")),
        (
            {"type": "mute", "id": 1, "source": "camera", "muted": True, "participant": "p"},
            messages.Mute(id=1, source=Source.CAMERA, muted=True, participant="p"),
        ),
        (
            {"type": "view", "id": 1, "slots": {"seat-0": "off", "screen": {"max_height": 90}}},
            messages.View(
                id=1, slots={"seat-0": "off", "screen": messages.SlotView(max_height=90)}
            ),
        ),
        ({"type": "stats", "id": 1, "fps": 30}, messages.Stats(id=1)),
        ({"type": "ping", "id": 1}, messages.Ping(id=1)),
        ({"type": "leave", "id": 1}, messages.Leave(id=1)),
        ({"type": "status", "id": 1, "value": "hand"}, messages.Status(id=1, value="hand")),
        ({"type": "status", "id": 1, "value": None}, messages.Status(id=1)),
        (
            {"type": "message", "id": 1, "to": "all", "topic": "chat", "body": {"a": [1, None]}},
            messages.AppMessage(id=1, to="all", topic="chat", body={"a": [1, None]}),
        ),
        ({"type": "start", "id": 1}, messages.Start(id=1)),
        ({"type": "end", "id": 1}, messages.End(id=1)),
        ({"type": "lock", "id": 1}, messages.Lock(id=1)),
        ({"type": "unlock", "id": 1}, messages.Unlock(id=1)),
        (
            {"type": "mode", "id": 1, "mode": "presenters-only"},
            messages.ChangeMode(id=1, mode=Mode.PRESENTERS_ONLY),
        ),
        ({"type": "admit", "id": 1, "all": True}, messages.Admit(id=1, all=True)),
        ({"type": "admit", "id": 1, "participant": "p"}, messages.Admit(id=1, participant="p")),
        (
            {"type": "remove", "id": 1, "participant": "p", "ban": True},
            messages.Remove(id=1, participant="p", ban=True),
        ),
        ({"type": "block", "id": 1, "participant": "p"}, messages.Block(id=1, participant="p")),
        ({"type": "unblock", "id": 1, "participant": "p"}, messages.Unblock(id=1, participant="p")),
        (
            {"type": "grant_seat", "id": 1, "participant": "p"},
            messages.GrantSeat(id=1, participant="p"),
        ),
        (
            {"type": "revoke_seat", "id": 1, "participant": "p"},
            messages.RevokeSeat(id=1, participant="p"),
        ),
        (
            {"type": "allow", "id": 1, "participant": "p", "sources": ["camera"]},
            messages.Allow(id=1, participant="p", sources=[Source.CAMERA]),
        ),
        (
            {"type": "allow", "id": 1, "participant": "p", "sources": None},
            messages.Allow(id=1, participant="p", sources=None),
        ),
        ({"type": "promote", "id": 1, "participant": "p"}, messages.Promote(id=1, participant="p")),
        ({"type": "record", "id": 1}, messages.UnsupportedRequest(id=1, type="record")),
    ],
)  # fmt: skip
def test_requests(frame: dict[str, object], request_: messages.AnyRequest) -> None:
    assert parse(json.dumps(frame)) == request_


@pytest.mark.parametrize(
    ("frame", "path", "id"),
    [
        ('{"type":"join","id":1}', "room", 1),
        ('{"type":"join","id":1,"room":"a/b"}', "room", 1),
        ('{"type":"join","id":1,"room":"' + "a" * 65 + '"}', "room", 1),
        ('{"type":"join","id":1,"room":"a","role":"king"}', "role", 1),
        ('{"type":"join","id":1,"room":"a","token":7}', "token", 1),
        ('{"type":"join","id":1,"room":"a","client":{"' + '":1,"'.join("abc") + '":[]}}', "", 1),
        ('{"type":"publish","id":"x","sdp":"v","sources":{"0":"cam"}}', "sources.0", "x"),
        ('{"type":"publish","id":1,"sdp":"","sources":{}}', "sdp", 1),
        ('{"type":"publish","id":1,"sdp":"v","sources":[]}', "sources", 1),
        ('{"type":"mute","id":1,"source":"camera","muted":"yes"}', "muted", 1),
        ('{"type":"view","id":1,"slots":{"s":{"max_height":"1"}}}', "slots.s.max_height", 1),
        ('{"type":"view","id":1,"slots":{"s":{"max_height":0}}}', "slots.s.max_height", 1),
        ('{"type":"view","id":1,"slots":{"s":"on"}}', "slots.s", 1),
        ('{"type":"view","id":1,"auto_speaker":1}', "auto_speaker", 1),
        ('{"type":"status","id":1,"value":7}', "value", 1),
        ('{"type":"status","id":1,"value":"' + "x" * 33 + '"}', "value", 1),
        ('{"type":"message","id":1,"body":1}', "to", 1),
        ('{"type":"message","id":1,"to":"","body":1}', "to", 1),
        ('{"type":"message","id":1,"to":"all","topic":7}', "topic", 1),
        ('{"type":"mode","id":1}', "mode", 1),
        ('{"type":"mode","id":1,"mode":"party"}', "mode", 1),
        ('{"type":"admit","id":1}', "", 1),
        ('{"type":"admit","id":1,"all":false}', "", 1),
        ('{"type":"admit","id":1,"all":true,"participant":"p"}', "", 1),
        ('{"type":"remove","id":1}', "participant", 1),
        ('{"type":"remove","id":1,"participant":"p","ban":1}', "ban", 1),
        ('{"type":"grant_seat","id":1,"participant":7}', "participant", 1),
        ('{"type":"allow","id":1,"participant":"p"}', "sources", 1),
        ('{"type":"allow","id":1,"participant":"p","sources":["tv"]}', "sources.0", 1),
        ('{"type":"message","id":1,"to":"all","body":' + "[" * 300 + "]" * 300 + "}", "", None),
        ('{"type":"fly","id":5}', "type", 5),
        ('{"type":["join"],"id":5}', "type", 5),
        ('{"id":5}', "type", 5),
        ('{"type":"ping"}', "id", None),
        ('{"type":"ping","id":null}', "id", None),
        ('{"type":"ping","id":true}', "id", None),
        ('{"type":"ping","id":1.5}', "id", None),
        ('{"type":"ping","id":99999999999999999999}', "id", None),
        ('{"type":"ping","id":"' + "x" * 65 + '"}', "id", None),
        ("[]", "", None),
        ("null", "", None),
        ("7", "", None),
        ("", "", None),
        ("{", "", None),
        ('{"type":"ping","id":1}{', "", None),
        ('{"type":"ping","id":NaN}', "", None),
        ('{"a":' * 5000 + "1" + "}" * 5000, "", None),
        ("[" * 100_000, "", None),
        ('{"type":"\\ud800","id":1}', "", None),
        ('{"type":"ping","id":' + "9" * 100_000 + "}", "", None),
    ],
)
def test_refusals_name_the_field(frame: str, path: str, id: int | str | None) -> None:
    if '"client"' in frame:  # any object is welcome there
        assert parse(frame)
        return
    error = refused(frame)
    assert (error.path, error.id) == (path, id)
    assert error.message


def test_what_is_refused_is_not_repeated() -> None:
    secret = "hunter2-hunter2"
    error = refused(json.dumps({"type": "join", "id": 1, "room": "a/", "token": [secret]}))
    assert secret not in error.message + error.path


@given(st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "replace")))
def test_any_text_is_read_or_refused(frame: str) -> None:
    with contextlib.suppress(Unreadable):
        parse(frame)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
fields = ["room", "token", "sdp", "sources", "source", "muted", "slots", "pin", "role", "client"]
fields += ["to", "topic", "body", "mode", "value", "all", "participant", "ban"]


@given(
    st.sampled_from([*messages.REQUESTS, *messages.UNSUPPORTED]),
    values,
    st.dictionaries(st.sampled_from(fields), values),
)
def test_any_fields_are_read_or_refused(type: str, id: object, rest: dict[str, object]) -> None:
    with contextlib.suppress(Unreadable):
        request = parse(json.dumps({**rest, "type": type, "id": id}))
        assert request.type == type
        assert request.id == id
