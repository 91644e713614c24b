"""Every request by every role, and what the others see of it."""

import json
import re
from typing import Any

import pytest

from sfu.commands import Send, Start
from sfu.options import Mode
from sfu.signaling import audience, messages
from tests.sfu.house import House, Visitor
from tests.signaling.descriptions import CHROMIUM

OK = "ok"
NO = "not_allowed"

# What each role is answered in a live webcast; "of" stands for an attendee's id.
TABLE: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"type": "status", "value": "hand"}, {"viewer": NO}),
    ({"type": "message", "to": "all", "topic": "chat", "body": "hello"}, {"viewer": NO}),
    ({"type": "lock"}, {"attendee": NO, "viewer": NO}),
    ({"type": "unlock"}, {"attendee": NO, "viewer": NO}),
    ({"type": "mode", "mode": "presenters-only"}, {"attendee": NO, "viewer": NO}),
    ({"type": "admit", "all": True}, {"attendee": NO, "viewer": NO}),
    ({"type": "start"}, dict.fromkeys(["organizer", "presenter"], "wrong_state")
     | dict.fromkeys(["attendee", "viewer"], "wrong_state")),
    ({"type": "end"}, {"attendee": NO, "viewer": NO}),
    ({"type": "remove", "participant": "of"}, {"attendee": NO, "viewer": NO}),
    ({"type": "remove", "participant": "of", "ban": True}, {"attendee": NO, "viewer": NO}),
    ({"type": "block", "participant": "of"}, {"attendee": NO, "viewer": NO}),
    ({"type": "unblock", "participant": "of"}, {"attendee": NO, "viewer": NO}),
    ({"type": "allow", "participant": "of", "sources": ["camera"]},
     {"attendee": NO, "viewer": NO}),
    ({"type": "grant_seat", "participant": "of"}, {"attendee": NO, "viewer": NO}),
    ({"type": "revoke_seat", "participant": "of"},
     {"organizer": "no_seat", "presenter": "no_seat", "attendee": NO, "viewer": NO}),
    ({"type": "promote", "participant": "of"}, dict.fromkeys(
        ["organizer", "presenter", "attendee", "viewer"], NO)),
    ({"type": "mute", "participant": "of", "source": "camera", "muted": True},
     {"organizer": "not_published", "presenter": "not_published", "attendee": NO, "viewer": NO}),
    ({"type": "mute", "source": "camera", "muted": True},
     dict.fromkeys(["organizer", "presenter", "attendee", "viewer"], "not_published")),
    ({"type": "unpublish", "source": "camera"}, {}),
    ({"type": "publish", "sdp": CHROMIUM, "sources": {"0": "microphone"}},
     {"attendee": NO, "viewer": NO}),
    ({"type": "view", "slots": {"screen": "off"}}, {}),
    ({"type": "stats", "fps": 30}, {}),
    ({"type": "ping"}, {}),
    ({"type": "record", "on": True}, dict.fromkeys(
        ["organizer", "presenter", "attendee", "viewer"], "not_supported")),
    ({"type": "play", "file": "x"}, dict.fromkeys(
        ["organizer", "presenter", "attendee", "viewer"], "not_supported")),
    ({"type": "leave"}, {}),
]  # fmt: skip


def webcast(house: House) -> None:
    live = house.prepare(kind="webcast")
    live.execute(Start(), None)


def code(answer: dict[str, Any]) -> str:
    return str(answer.get("code", answer["type"]))


@pytest.mark.parametrize("role", ["organizer", "presenter", "attendee", "viewer"])
@pytest.mark.parametrize(("request_", "refused"), TABLE, ids=lambda value: str(value)[:40])
def test_every_request_by_every_role(
    house: House, role: str, request_: dict[str, Any], refused: dict[str, str]
) -> None:
    webcast(house)
    of, me = house.member(), house.member(role)
    fields = {key: of.id if value == "of" else value for key, value in request_.items()}
    assert code(me.ask(**fields)) == refused.get(role, OK)


def test_the_table_is_complete() -> None:
    tried = {request["type"] for request, _ in TABLE}
    assert tried | {"join", "answer", "restart_ice"} == {*messages.REQUESTS, *messages.UNSUPPORTED}


def test_the_end_is_answered_before_it_closes(house: House) -> None:
    pia, dan = house.presenter(), house.member()
    dan.read()
    pia.session.receive('{"type":"end","id":99}', house.now)
    frames = pia.read()
    assert {"type": "ok", "id": 99} in frames
    assert {"type": "ended"} in frames
    closed = pia.closed()
    assert closed is not None
    assert closed.code == 4004
    assert dan.read()[-1] == {"type": "ended"}
    assert house.live().stage is None


def test_who_removes_themself_gets_the_answer_too(house: House) -> None:
    pia = house.member("presenter")
    assert pia.ask("remove", participant=pia.id)["type"] == "ok"
    pia.read()
    closed = pia.closed()
    assert closed is not None
    assert closed.code == 4000


def test_start_is_told_and_may_be_refused(house: House) -> None:
    house.prepare()
    house.rooms.parallel_events = {"dev": 1}
    olga, pia = house.member("organizer"), house.member("presenter")
    assert olga.ask("start")["type"] == "ok"
    assert pia.events("started") == [{"type": "started"}]
    house.prepare("other")
    rival = house.member("presenter", room="other")
    assert code(rival.ask("start")) == "parallel_events_exceeded"


# Seats


def test_a_seat_is_given_and_taken_in_place(house: House) -> None:
    pia, dan, eve = house.presenter(), house.member(), house.member()
    for each in (dan, eve):
        each.answer()
    house.pass_time(0.3)
    eve.read()
    dan.read()
    assert code(dan.publish({"0": "microphone", "1": "camera"})) == NO
    assert pia.ask("grant_seat", participant=dan.id)["type"] == "ok"
    assert dan.events("offer") == []
    assert dan.publish({"0": "microphone", "1": "camera"})["type"] == "ok"
    house.pass_time(0.3)
    frames = eve.read()
    assert [each["type"] for each in frames if each["type"] == "offer"] == []
    slots = [each["slots"] for each in frames if each["type"] == "slots"]
    assert slots[-1]["seat-2"] == {"participant": dan.id, "camera": True, "microphone": True}
    (event,) = [each for each in frames if each["type"] == "participant"]
    assert [(each["id"], each["role"], each["seat"]) for each in event["updated"]] == [
        (dan.id, "presenter", 2)
    ]
    house.worker.take()
    assert pia.ask("revoke_seat", participant=dan.id)["type"] == "ok"
    # The plane has been told before the answer came.
    names = [name for name, _ in house.worker.take()]
    assert names.count("remove_track") == 2
    house.pass_time(0.3)
    (event,) = eve.events("participant")
    assert event["updated"][0]["role"] == "attendee"
    assert event["updated"][0]["seat"] is None
    assert event["updated"][0]["sources"] == {}
    assert code(dan.publish({"0": "microphone"})) == NO


def test_a_new_presenter_is_told_of_everybody(house: House) -> None:
    pia, dan = house.member("presenter"), house.member()
    crowd = [house.member() for _ in range(5)]
    house.pass_time(0.3)
    dan.read()
    pia.ask("grant_seat", participant=dan.id)
    told = {each["id"] for event in dan.events("participant") for each in event["joined"]}
    assert told == {pia.id, dan.id, *(each.id for each in crowd)}
    # From now on as presenters are told, and later no more.
    new = house.member()
    house.pass_time(0.3)
    assert new.id in [e["id"] for event in dan.events("participant") for e in event["joined"]]
    pia.ask("revoke_seat", participant=dan.id)
    house.pass_time(0.3)
    dan.read()
    house.member()
    house.pass_time(0.3)
    assert [event["joined"] for event in dan.events("participant")] == [[]]


def test_what_is_done_to_somebody_is_told_to_them(house: House) -> None:
    pia, dan = house.member("presenter"), house.member()
    house.pass_time(0.3)
    pia.read()
    dan.read()
    pia.ask("block", participant=dan.id)
    house.pass_time(0.3)
    for each in (pia, dan):
        (event,) = each.events("participant")
        assert [(p["id"], p["blocked"]) for p in event["updated"]] == [(dan.id, True)]
    pia.ask("unblock", participant=dan.id)
    pia.ask("allow", participant=dan.id, sources=["microphone"])
    dan.ask("status", value="hand")
    house.pass_time(0.3)
    for each in (pia, dan):
        (event,) = each.events("participant")
        (person,) = event["updated"]
        assert (person["blocked"], person["allowed"], person["status"]) == (
            False, ["microphone"], "hand",
        )  # fmt: skip


def test_viewers_are_a_count_and_can_be_promoted(house: House) -> None:
    webcast(house)
    pia, dan = house.member("presenter"), house.member()
    house.pass_time(0.3)
    pia.read()
    dan.read()
    vic, una = house.member("viewer"), house.member("viewer")
    house.pass_time(0.3)
    for each in (pia, dan):
        (event,) = each.events("participant")
        assert (event["joined"], event["updated"], event["left"]) == ([], [], [])
        assert event["counts"]["viewer"] == 2
    assert una.id not in json.dumps(house.member("presenter").joined)
    house.pass_time(0.3)
    pia.read()
    vic.read()
    dan.read()
    una.ask("leave")
    pia.ask("promote", participant=vic.id)
    house.pass_time(0.3)
    (event,) = pia.events("participant")
    assert [(each["id"], each["role"]) for each in event["joined"]] == [(vic.id, "attendee")]
    assert event["left"] == []
    (event,) = [each for each in vic.events("participant") if each["updated"]]
    assert event["updated"][0]["role"] == "attendee"
    assert vic.ask("status", value="hand")["type"] == "ok"
    assert pia.ask("grant_seat", participant=vic.id)["type"] == "ok"
    assert vic.publish({"0": "microphone"})["type"] == "ok"


# Modes


def test_in_presenters_only_attendees_are_shown_nothing(house: House) -> None:
    pia, pat, dan = house.presenter(), house.presenter(), house.member()
    dan.read()
    pat.read()
    assert pia.ask("mode", mode="presenters-only")["type"] == "ok"
    frames = dan.read()
    assert frames[0] == {"type": "mode", "mode": "presenters-only", "by": pia.id}
    assert frames[1]["type"] == "slots"
    assert set(frames[1]["slots"].values()) == {None}
    assert list(frames[1]["slots"]) == list(dan.joined["slots"])
    assert pat.events("slots")[-1]["slots"]["seat-2"]["microphone"] is False
    pat.ask("mute", source="microphone", muted=False)
    house.live()._heard([(pat.id, 10)], house.now)
    house.now += 1
    house.live()._heard([(pat.id, 10)], house.now)
    assert pia.events("speaker") == [{"type": "speaker", "participant": pat.id}]
    assert [each["type"] for each in dan.read()] == []
    late = house.member()
    assert set(late.joined["slots"].values()) == {None}
    pia.ask("mode", mode="webinar")
    for each in (dan, late):
        frames = [f for f in each.read() if f["type"] in ("mode", "slots", "speaker")]
        assert [f["type"] for f in frames] == ["mode", "slots"]
        assert list(frames[1]["slots"]) == list(dan.joined["slots"])
        assert frames[1]["slots"]["seat-1"]["participant"] == pia.id
        assert frames[1]["slots"]["seat-1"]["camera"] is True


def test_a_seat_given_in_presenters_only_opens_the_eyes(house: House) -> None:
    pia, dan = house.presenter(), house.member()
    pia.ask("mode", mode="presenters-only")
    dan.read()
    pia.ask("grant_seat", participant=dan.id)
    assert dan.events("slots")[-1]["slots"]["seat-1"]["participant"] == pia.id
    pia.ask("revoke_seat", participant=dan.id)
    assert set(dan.events("slots")[-1]["slots"].values()) == {None}
    pia.ask("mute", source="camera", muted=True)
    assert dan.events("slots") == []


def test_a_meeting_adds_slots_by_one_offer_on_the_same_connection(house: House) -> None:
    pia = house.presenter()
    crowd = [house.member() for _ in range(3)]
    for each in crowd:
        each.answer()
        each.read()
    silent = house.member()  # has not answered its first offer yet
    house.worker.take()
    assert pia.ask("mode", mode="meeting")["type"] == "ok"
    assert house.live().room.mode is Mode.MEETING
    house.pass_time(0.2)
    for each in crowd:
        (offer,) = each.events("offer")
        before = each.offer
        mids = [re.findall("a=mid:(.*)\r\n", each["sdp"]) for each in (before, offer)]
        assert mids[1][: len(mids[0])] == mids[0]
        assert {mid: offer["slots"][mid] for mid in mids[0]} == before["slots"]
        assert len(offer["slots"]) == len(before["slots"]) + 2 * 25
        # The same connection, the same streams.
        assert offer["sdp"].split("m=")[1 : len(mids[0])] == before["sdp"].split("m=")[1:-1]
        each.offer = offer
        assert each.answer()["type"] == "ok"
    names = [name for name, _ in house.worker.take()]
    assert names.count("add_egress") == 3 * 2 * 25
    assert "open_transport" not in names
    assert silent.events("offer") == []
    assert silent.answer()["type"] == "ok"
    (offer,) = silent.events("offer")
    silent.offer = offer
    assert silent.answer()["type"] == "ok"
    # The way back and there again costs no offer.
    pia.ask("mode", mode="webinar")
    pia.ask("mode", mode="meeting")
    house.pass_time(0.3)
    assert [each.events("offer") for each in [*crowd, silent]] == [[]] * 4


def test_new_slots_are_not_offered_to_all_in_one_go(house: House) -> None:
    pia = house.presenter()
    crowd = [house.member() for _ in range(20)]
    for each in crowd:
        each.answer()
        each.read()
    house.pass_time(0.3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audience, "OFFERS", 8)
        pia.ask("mode", mode="meeting")
        told = []
        for _ in range(4):
            house.live().tick(house.now)
            told.append(sum(len(each.events("offer")) for each in crowd))
    assert sum(told) == 20
    assert max(told) <= 8


# App messages


def texts(visitor: Visitor) -> list[Any]:
    return [each["body"] for each in visitor.events("message")]


def test_messages_reach_whom_they_are_for(house: House) -> None:
    webcast(house)
    pia, pat = house.member("presenter"), house.member("presenter")
    dan, eve, vic = house.member(), house.member(), house.member("viewer")
    everybody = [pia, pat, dan, eve, vic]
    readers = {
        "all": [pia, pat, eve, vic], "presenters": [pia, pat], "attendees": [eve],
        eve.id: [eve], dan.id: [],
    }  # fmt: skip
    for to, expected in readers.items():
        assert dan.ask("message", to=to, topic="chat", body={"to": to})["type"] == "ok"
        for each in everybody:
            events = each.events("message")
            if each not in expected:
                assert events == []
                continue
            assert events == [
                {"type": "message", "from": dan.id, "to": to, "topic": "chat", "body": {"to": to}}
            ]
    eve.ask("leave")
    assert code(dan.ask("message", to=eve.id, body=1)) == "participant_not_found"
    assert code(dan.ask("message", to="everyone", body=1)) == "participant_not_found"


def test_messages_of_a_sender_keep_their_order(house: House) -> None:
    dan, eve = house.member(), house.member()
    for number in range(40):
        dan.ask("message", to=("all", eve.id)[number % 2], body=number)
    assert texts(eve) == list(range(40))


def test_messages_are_limited_by_person(house: House) -> None:
    dan, eve, ivy = house.member(), house.member(), house.member()
    answers = [dan.ask("message", to="all", body=number) for number in range(60)]
    assert [code(each) for each in answers] == [OK] * 50 + ["rate_limited"] * 10
    assert 0 < answers[-1]["retry_after"] <= 0.1
    assert ivy.ask("message", to=eve.id, body="x")["type"] == "ok"
    house.now += 1
    answers = [dan.ask("message", to="all", body=number) for number in range(12)]
    assert [code(each) for each in answers] == [OK] * 10 + ["rate_limited"] * 2
    assert len(texts(eve)) == 50 + 1 + 10


def test_bodies_are_any_json_of_a_size(house: House) -> None:
    dan, eve = house.member(), house.member()
    deep: Any = "x"
    for _ in range(150):
        deep = [deep]
    bodies: list[Any] = [None, 0, 2**80, -1.5e300, "", "\u2028\x00é😀", {"": {}}, [[]], deep]
    for body in bodies:
        assert dan.ask("message", to="all", body=body)["type"] == "ok"
        assert texts(eve) == [body]
    most = house.settings.limits.message_bytes
    assert dan.ask("message", to="all", body="x" * (most - 2))["type"] == "ok"
    answer = dan.ask("message", to="all", body="x" * (most - 1))
    assert (code(answer), answer["path"]) == ("too_large", "body")
    assert code(dan.ask("message", to="all", body="é" * (most // 2))) == "too_large"
    assert len(texts(eve)) == 1


def test_the_backend_may_send_too(house: House) -> None:
    dan = house.member()
    house.live().execute(Send("all", "notice", {"text": "soon"}), None)
    assert dan.events("message") == [
        {"type": "message", "from": None, "to": "all", "topic": "notice", "body": {"text": "soon"}}
    ]
