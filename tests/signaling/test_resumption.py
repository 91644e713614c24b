"""A session that goes on over another socket: seat, media, missed events, and who may do it."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import connect as open_socket

from sfu.commands import Remove
from sfu.signaling import door
from sfu.signaling.outbox import KEPT_BYTES
from sfu.signaling.resumption import Resumption, digest, make_token
from tests.signaling.listening import ask, kill, listening, settings

if TYPE_CHECKING:
    from tests.sfu.house import House, Visitor


def resume(house: "House", lost: "Visitor", **fields: Any) -> "Visitor":
    """The same person on another socket; what is read is the answer only."""
    back = house.visitor()
    back.joined = back.ask("join", room="hall", resume=lost.joined["resume"], **fields)
    return back


def talk(visitor: "Visitor", *bodies: object) -> None:
    for body in bodies:
        assert visitor.ask("message", to="all", body=body)["type"] == "ok"


def test_seat_and_media_go_on_and_nobody_notices(house: "House") -> None:
    ann, dan = house.presenter(), house.member()
    house.stay(ann)
    house.pass_time(1)
    dan.read()
    house.worker.take()
    assert ann.session.dropped()
    house.pass_time(29)
    back = resume(house, ann)
    assert back.joined["resumed"]
    assert back.id == ann.id
    assert back.joined["participant"]["seat"] == 1
    assert set(back.joined["participant"]["sources"]) == {"microphone", "camera"}
    assert back.joined["resume"] != ann.joined["resume"]
    house.pass_time(1)
    assert dan.read() == []
    touched = {name for name, _ in house.worker.take()}
    assert not touched & {"close_transport", "remove_track", "open_transport", "bind"}
    # All that the former session could do, this one does: its connections are the same.
    assert back.ask("mute", source="camera", muted=True)["type"] == "ok"
    assert back.publish({"0": "microphone", "1": "camera"})["type"] == "ok"
    assert not house.worker.named("open_transport")
    # The old session has nothing to say any more.
    ann.session.closed(house.now)
    assert back.id in house.live().room.participants


def test_missed_events_follow_in_order_once(house: "House") -> None:
    ann, dan = house.member("presenter"), house.member()
    house.pass_time(1)
    seen = 1 + len(ann.read())  # with the offer
    talk(dan, 1)
    assert [frame["body"] for frame in ann.read()] == [1]
    # What was sent last may never have come.
    assert ann.session.dropped()
    talk(dan, 2, 3)
    back = resume(house, ann, received=seen)
    assert (back.joined["events"], back.joined["lost"]) == (seen, 0)
    assert [each["body"] for each in back.events("message")] == [1, 2, 3]
    talk(dan, 4)
    back.read()
    assert back.session.dropped()
    # Lost again, before anything is missed: 1 of the 4 messages was not counted by the client.
    again = resume(house, back, received=seen + 3)
    assert [each["body"] for each in again.events("message")] == [4]


def test_who_does_not_count_gets_what_was_not_sent(house: "House") -> None:
    ann, dan = house.member("presenter"), house.member()
    house.pass_time(1)
    talk(dan, 1)
    ann.read()
    talk(dan, 2)
    assert ann.session.dropped()
    talk(dan, 3)
    back = resume(house, ann)
    assert [each["body"] for each in back.events("message")] == [2, 3]


def test_too_much_is_a_snapshot_and_a_number(house: "House") -> None:
    ann, dan = house.member("presenter"), house.member("presenter")
    house.pass_time(1)
    ann.read()
    ann.answer()
    assert ann.session.dropped()
    body = "x" * 60_000
    for _ in range(10):
        house.pass_time(1)
        talk(dan, body)
    dan.ask("leave")
    back = resume(house, ann)
    kept = [len(json.dumps(each)) for each in back.events("message")]
    assert sum(kept) <= KEPT_BYTES
    assert back.joined["lost"] > 0
    assert [each["id"] for each in back.joined["participants"]] == [ann.id]


def test_an_offer_without_answer_is_made_again(house: "House") -> None:
    dan = house.member()
    assert dan.session.dropped()
    back = resume(house, dan)
    offer = back.events("offer")[0]
    assert offer["slots"] == dan.offer["slots"]
    back.offer = offer
    assert back.answer()["type"] == "ok"
    # Answered: not made again.
    assert back.session.dropped()
    assert resume(house, back).events("offer") == []


def test_a_lost_connection_is_made_anew_for_who_is_away(house: "House") -> None:
    ann = house.presenter()
    ann.receive()
    assert ann.session.dropped()
    stage = house.live().stage
    assert stage is not None
    house.downlink(ann).close("consent expired", house.now)
    uplink = stage.uplinks.get(ann.id)
    assert uplink is not None
    uplink.close("consent expired", house.now)
    back = resume(house, ann)
    told = back.read()
    assert [each["connection"] for each in told if each["type"] == "connection"] == [
        "receive",
        "publish",
    ]
    assert [each["type"] for each in told].count("offer") == 1


def test_a_place_in_the_queue_is_kept(house: "House") -> None:
    ann = house.member("presenter")
    ann.ask("lock")
    first, second = house.guest(), house.guest()
    assert first.session.dropped()
    house.pass_time(5)
    back = resume(house, first)
    assert (back.joined["status"], back.joined["position"]) == ("waiting", 1)
    assert back.session.dropped()
    ann.ask("admit", participant=first.id)
    inside = resume(house, back)
    assert inside.joined["status"] == "admitted"
    assert [each["type"] for each in inside.read()] == ["offer"]
    assert second.id in house.live().room.waiting


def test_nothing_comes_twice_to_who_has_waited(house: "House") -> None:
    ann = house.member("presenter")
    ann.ask("lock")
    first, second = house.guest(), house.guest()
    first.ask("leave")
    house.pass_time(2 * door.ROUND)
    ann.ask("admit", participant=second.id)
    told = second.read()
    assert [each["type"] for each in told[:3]] == ["queue", "admitted", "offer"]
    # The number is that of the events so far, with this one.
    assert told[1]["events"] == 2
    talk(ann, 1)
    counted = told[1]["events"] + len(told[2:]) + len(second.read())
    assert second.session.dropped()
    talk(ann, 2)
    back = resume(house, second, received=counted)
    assert (back.joined["events"], back.joined["lost"]) == (counted, 0)
    assert [each["body"] for each in back.events("message")] == [2]


def test_a_token_is_good_once_for_one_room_of_one_session(house: "House") -> None:
    ann = house.member("presenter")
    house.member(room="lobby")
    elsewhere = house.visitor().ask("join", room="lobby", resume=ann.joined["resume"])
    assert elsewhere["code"] == "cannot_resume"
    other = house.visitor().ask("join", room="hall", tenant="x", resume=ann.joined["resume"])
    assert other["code"] == "cannot_resume"
    for guess in ("", "x", "é" * 9, ann.id):
        answer = house.visitor().ask("join", room="hall", resume=guess)
        assert answer["code"] == "cannot_resume"
    # The socket is still there: whoever has the token goes on all the same.
    back = resume(house, ann)
    closed = ann.closed()
    assert closed is not None
    assert closed.code == 4005
    assert back.ask("ping")["type"] == "ok"
    assert house.visitor().ask("join", room="hall", resume=ann.joined["resume"])["code"] == (
        "cannot_resume"
    )


def test_an_answer_that_does_not_arrive_costs_nothing(house: "House") -> None:
    ann, dan = house.member("presenter"), house.member()
    house.pass_time(1)
    seen = 1 + len(ann.read())
    kept = len(house.admission.sessions)
    attempts = [ann]
    for number in range(3):
        # Whether the server knows that the socket is gone or not: nothing of it was read.
        if number < 2:
            assert attempts[-1].session.dropped()
        talk(dan, number)
        attempts.append(resume(house, ann, received=seen))
        assert attempts[-1].joined["resumed"]
        assert len(house.admission.sessions) == kept + 1
    for each in attempts[:-1]:
        each.session.closed(house.now)  # as their time is over
    back = attempts[-1]
    assert back.id == ann.id
    assert back.joined["lost"] == 0
    told = back.read()
    assert [each.get("body", each["type"]) for each in told] == [0, 1, 2, "offer"]
    # Whoever says something has the answer.
    back.send("rubbish")
    assert len(house.admission.sessions) == kept
    assert resume(house, ann).joined["code"] == "cannot_resume"
    again = resume(house, back, received=back.joined["events"] + len(told))
    assert again.joined["events"] == back.joined["events"] + len(told)
    assert [each["type"] for each in again.read()] == ["offer"]
    again.ask("leave")
    assert len(house.admission.sessions) == kept - 1


def test_who_comes_by_the_new_token_has_it(house: "House") -> None:
    ann = house.member("presenter")
    assert ann.session.dropped()
    back = resume(house, ann)
    assert back.session.dropped()
    again = resume(house, back)
    assert resume(house, ann).joined["code"] == "cannot_resume"
    assert resume(house, back).id == again.id == ann.id


@pytest.mark.parametrize("end", ["left", "expired", "replaced", "removed", "ended", "abuse"])
def test_what_is_over_is_not_taken_up(house: "House", end: str) -> None:
    boss, ann = house.member("organizer"), house.member("presenter", name="Ann")
    match end:
        case "left":
            ann.ask("leave")
        case "expired":
            assert ann.session.dropped()
            ann.session.closed(house.now)
        case "replaced" | "removed":
            house.live().execute(Remove(ann.id, False, end), None)
        case "ended":
            boss.ask("end")
        case "abuse":
            for _ in range(100):
                ann.send("rubbish")
            ann.read()
            assert not ann.session.dropped()
            ann.session.closed(house.now)
    assert resume(house, ann).joined["code"] == "cannot_resume"


def test_bounds_go_on_with_the_session(house: "House") -> None:
    ann = house.member("presenter")
    for number in range(60):
        answer = ann.ask("message", to="presenters", body=number)
    assert answer["code"] == "rate_limited"
    assert ann.session.dropped()
    back = resume(house, ann)
    assert back.ask("message", to="presenters", body=0)["code"] == "rate_limited"


def test_tokens_are_kept_as_digests() -> None:
    token = make_token()
    sessions: Resumption[str] = Resumption()
    sessions.keep(token, "session")
    assert len(token.text) >= 32
    assert token.text not in repr(token)
    assert sessions.find(token.text) is None
    assert sessions.find(digest(token.text)) == "session"
    sessions.forget(token)
    assert (sessions.find(token.digest), len(sessions)) == (None, 0)


async def test_a_session_goes_on_after_a_restart(tmp_path: Path) -> None:
    store = settings(SFU_STORE__PATH=str(tmp_path / "sfu.sqlite"))
    async with listening(store) as (server, host):
        first, second = [await open_socket(f"ws://{host}/v1/signal") for _ in range(2)]
        await ask(first, "join", room="hall", role="presenter", name="Ann")
        ben = await ask(second, "join", room="hall", role="presenter", name="Ben")
        # The token that counts is the last one.
        third = await open_socket(f"ws://{host}/v1/signal")
        again = await ask(third, "join", room="hall", resume=ben["resume"])
        await ask(third, "lock")
        await kill(server)
    async with listening(store) as (server, host):
        async with open_socket(f"ws://{host}/v1/signal") as socket:
            used = await ask(socket, "join", room="hall", resume=ben["resume"])
            assert used["code"] == "cannot_resume"
            astray = await ask(socket, "join", room="lobby", resume=again["resume"])
            assert astray["code"] == "cannot_resume"
            back = await ask(socket, "join", room="hall", resume=again["resume"])
            assert (back["status"], back["resumed"]) == ("admitted", True)
            same = ("id", "identity", "name", "role", "seat")
            assert [back["participant"][key] for key in same] == [
                ben["participant"][key] for key in same
            ]
            assert back["participant"]["seat"] == 2
            await ask(socket, "leave")
        journal = server._daemon.journal
        assert journal is not None
        await journal.durable()
        records = (await journal.store.usage("dev")).items
        ended = [each for each in records if each.get("participant") == back["participant"]["id"]]
        assert [each["reason"] for each in ended] == ["left"]


async def test_an_answer_that_does_not_arrive_after_a_restart(tmp_path: Path) -> None:
    store = settings(SFU_STORE__PATH=str(tmp_path / "sfu.sqlite"))
    async with listening(store) as (server, host):
        socket = await open_socket(f"ws://{host}/v1/signal")
        ann = await ask(socket, "join", room="hall", role="presenter")
        await kill(server)
    past = {"room": "hall", "resume": ann["resume"], "received": 50}
    async with listening(store) as (_, host):
        for _ in range(2):
            lost = await open_socket(f"ws://{host}/v1/signal")
            assert (await ask(lost, "join", **past))["resumed"]
            await lost.recv()  # the offer, which nobody answers
            lost.transport.abort()
        async with open_socket(f"ws://{host}/v1/signal") as socket:
            back = await ask(socket, "join", **past)
            # Nothing that this server told has come: all begins anew, and so do the counts.
            assert (back["resumed"], back["events"], back["lost"]) == (True, 0, 0)
            assert back["participant"]["id"] == ann["participant"]["id"]
            counted, told = 0, ""
            async with asyncio.timeout(5):
                while told != "offer":
                    told = json.loads(await socket.recv())["type"]
                    counted += 1
            await ask(socket, "ping")
        async with open_socket(f"ws://{host}/v1/signal") as socket:
            assert (await ask(socket, "join", **past))["code"] == "cannot_resume"
            past = {"room": "hall", "resume": back["resume"], "received": counted}
            again = await ask(socket, "join", **past)
            assert (again["resumed"], again["events"], again["lost"]) == (True, counted, 0)


async def test_who_comes_back_after_a_restart_has_a_place_in_a_full_tenant(tmp_path: Path) -> None:
    path = str(tmp_path / "sfu.sqlite")
    store = settings(SFU_STORE__PATH=path, SFU_TENANTS__DEV__MAX_PARTICIPANTS="1")
    async with listening(store) as (server, host):
        ann = await ask(await open_socket(f"ws://{host}/v1/signal"), "join", room="hall")
        await kill(server)
    async with listening(store) as (server, host):
        other, socket, late = [await open_socket(f"ws://{host}/v1/signal") for _ in range(3)]
        assert (await ask(other, "join", room="lobby"))["status"] == "admitted"
        assert (await ask(late, "join", room="hall"))["code"] == "overloaded"
        back = await ask(socket, "join", room="hall", resume=ann["resume"])
        assert (back["status"], back["resumed"]) == ("admitted", True)
        assert server.rooms.crowds.people == {"dev": 2}
        await ask(other, "leave")
        assert (await ask(late, "join", room="hall"))["code"] == "overloaded"
        await ask(socket, "leave")
        assert (await ask(late, "join", room="hall"))["status"] == "admitted"
