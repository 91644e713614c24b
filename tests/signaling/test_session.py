"""A client's session: every request, its errors, its end."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.participant import Role
from sfu.signaling import messages
from sfu.signaling.tokens import mint
from sfu.track import Source
from tests.sfu import fake_plane
from tests.sfu.house import House, Visitor
from tests.signaling.descriptions import CAPTURED, CHROMIUM


def error(answer: dict[str, Any]) -> str:
    assert answer["type"] == "error", answer
    return str(answer["code"])


def close_code(visitor: Visitor) -> int | None:
    visitor.read()
    closed = visitor.closed()
    return closed.code if closed else None


# Joining


def test_a_join_answers_with_a_snapshot_and_an_offer_follows(house: House) -> None:
    ann = house.member("presenter", name="Ann", client={"browser": "x"})
    joined = ann.joined
    assert joined["status"] == "admitted"
    assert joined["participant"] == {
        "id": ann.id,
        "identity": joined["participant"]["identity"],
        "name": "Ann",
        "role": "presenter",
        "seat": 1,
        "sources": {},
        "status": None,
        "blocked": False,
        "allowed": None,
        "joined_at": 1_700_001_000.0,
        "metadata": None,
    }
    assert joined["room"]["id"] == "hall"
    assert joined["room"]["state"] == "live"
    assert joined["room"]["mode"] == "webinar"
    assert joined["room"]["video"] == "hd"
    assert joined["room"]["counts"]["presenter"] == 1
    assert joined["slots"]["seat-0"] is None
    assert joined["slots"]["seat-1"] == {
        "participant": ann.id,
        "camera": False,
        "microphone": False,
    }
    assert list(joined["slots"])[-1] == "screen"
    assert joined["profiles"]["upload"]["camera"] == 2_000_000
    assert joined["ice_servers"] == []
    assert len(joined["resume"]) >= 22
    assert ann.offer["type"] == "offer"
    assert ann.offer["slots"]["v0"] == "seat-0"
    assert ann.offer["slots"]["as"] == "screen"
    assert "a=ice-lite" in ann.offer["sdp"]


def test_what_must_come_first(house: House) -> None:
    visitor = house.visitor()
    assert visitor.ask("ping")["type"] == "ok"
    requests: list[tuple[str, dict[str, Any]]] = [
        ("publish", {"sdp": "v=0", "sources": {}}),
        ("answer", {"sdp": "v=0"}),
        ("mute", {"source": "camera", "muted": True}),
        ("view", {}),
        ("unpublish", {"source": "camera"}),
    ]
    for type, fields in requests:
        assert error(visitor.ask(type, **fields)) == "not_joined"
    visitor = house.member()
    assert error(visitor.ask("join", room="hall")) == "already_joined"


@pytest.mark.parametrize("type", sorted(messages.UNSUPPORTED))
def test_what_comes_later_is_not_supported(house: House, type: str) -> None:
    assert error(house.member("presenter").ask(type)) == "not_supported"
    assert error(house.visitor().ask(type)) == "not_supported"


def test_a_server_that_stops_takes_nobody(house: House) -> None:
    house.admission.draining = True
    assert error(house.visitor().ask("join", room="hall", role="attendee")) == "draining"


def test_joins_are_limited_by_address(house: House) -> None:
    house.join_wait = 0.25
    answer = house.visitor().ask("join", room="hall")
    assert error(answer) == "rate_limited"
    assert answer["retry_after"] == 0.25


def test_who_is_refused_may_try_again(house: House) -> None:
    visitor = house.visitor()
    assert error(visitor.ask("join", room="hall", role="viewer")) == "not_allowed"
    assert error(visitor.ask("join", room="a b")) == "bad_request"
    assert visitor.ask("join", room="hall")["participant"]["role"] == "attendee"
    # Nothing is left of the refused ones.
    assert len(house.live().room.participants) == 1
    assert error(house.visitor().ask("join", room="cast", role="viewer")) == "not_allowed"
    assert house.live("cast").stage is None


def test_the_same_identity_replaces_itself(house: House) -> None:
    secret = house.settings.tenants["dev"].secret
    tokens = [
        mint(
            secret, tenant="dev", room="hall", identity="ann", role=Role.PRESENTER,
            now=house.clock.wall(), ttl=60,
        )
        for _ in range(2)
    ]  # fmt: skip
    first = house.member("presenter", token=tokens[0])
    first.publish({"0": "microphone", "1": "camera"})
    second = house.member("presenter", token=tokens[1])
    assert second.joined["participant"]["seat"] == 1
    assert first.read()[-1] == {"type": "removed", "reason": "replaced"}
    assert first.closed() is not None
    assert close_code(first) == 4002
    first.session.closed(house.now)
    assert list(house.live().room.participants) == [second.id]
    assert house.live().room.participant(second.id).tracks == {}


# Publishing


def test_publish_answers_and_shows(house: House) -> None:
    dan = house.member()
    ann = house.presenter()
    assert dan.events("slots")[-1]["slots"]["seat-1"] == {
        "participant": ann.id,
        "camera": True,
        "microphone": True,
    }
    answer = ann.publish({"0": "microphone"})
    assert answer["type"] == "ok"
    sections = answer["sdp"].split("m=")
    assert "a=recvonly" in sections[1]
    assert "a=inactive" in sections[2]
    assert ann.ask("unpublish", source="microphone")["type"] == "ok"
    assert ann.ask("unpublish", source="microphone")["type"] == "ok"


@pytest.mark.parametrize(
    ("sdp", "sources", "code"),
    [
        ("v=0", {"0": "microphone"}, "bad_sdp"),
        (CHROMIUM, {"9": "microphone"}, "unknown_mid"),
        (CHROMIUM, {"0": "camera"}, "wrong_source_kind"),
        (CHROMIUM.replace("a=fingerprint", "a=x"), {"0": "microphone"}, "dtls_required"),
        (CHROMIUM.replace("a=ice-ufrag", "a=x"), {"0": "microphone"}, "ice_required"),
        (CHROMIUM.replace("a=rtcp-mux", "a=x"), {"0": "microphone"}, "rtcp_mux_required"),
    ],
)
def test_offers_that_cannot_be_agreed_to(
    house: House, sdp: str, sources: dict[str, str], code: str
) -> None:
    ann = house.member("presenter")
    assert error(ann.publish(sources, sdp)) == code
    # Nothing is left of it, and a good one still goes.
    assert house.worker.named("add_track") == []
    opened = {args[0] for args in house.worker.named("open_transport")}
    closed = {args[0] for args in house.worker.named("close_transport")}
    assert len(opened - closed) == 1  # that of the offer
    assert ann.publish({"0": "microphone"})["type"] == "ok"


def test_rights_are_checked_before_anything_is_opened_for_long(house: House) -> None:
    dan = house.member()
    assert error(dan.publish({"0": "microphone"})) == "not_allowed"
    opened = {args[0] for args in house.worker.named("open_transport")}
    closed = {args[0] for args in house.worker.named("close_transport")}
    assert len(opened - closed) == 1


def test_a_refused_republish_changes_nothing(house: House) -> None:
    sdp = CAPTURED["chromium-screen"]
    ann, bob = house.member("presenter"), house.member("presenter")
    mid = sdp.split("a=mid:")[-1].split("\r\n")[0]
    ann.publish({mid: "screen"}, sdp)
    bob.publish({"0": "microphone"})
    house.worker.take()
    answer = bob.publish({"0": "microphone", "1": "screen"})
    assert error(answer) == "screen_busy"
    assert answer["participant"] == ann.id
    assert house.worker.take() == []
    assert list(house.live().room.participant(bob.id).tracks) == [Source.MICROPHONE]


def test_a_description_may_not_be_huge(house: House) -> None:
    ann = house.member("presenter")
    answer = ann.publish({"0": "microphone"}, "x" * (house.settings.limits.sdp_bytes + 1))
    assert (error(answer), answer["path"]) == ("bad_request", "sdp")


# Receiving


def test_an_answer_is_taken_once(house: House) -> None:
    dan = house.member()
    assert dan.answer()["type"] == "ok"
    assert error(dan.answer()) == "no_offer"


def test_an_answer_that_does_not_fit_may_be_sent_again(house: House) -> None:
    dan = house.member()
    assert error(dan.ask("answer", sdp="v=0")) == "bad_sdp"
    assert error(dan.ask("answer", sdp=CHROMIUM)) == "answer_mismatch"
    assert not house.worker.named("add_egress")
    assert dan.answer()["type"] == "ok"


def test_who_never_answers_stays_without_media(house: House) -> None:
    dan = house.member()
    house.pass_time(120)
    assert dan.ask("ping")["type"] == "ok"
    assert house.live().room.participant(dan.id)


# Muting, views


def test_mutes(house: House) -> None:
    ann, bob, dan = house.presenter(), house.presenter(), house.member()
    dan.read()
    assert bob.ask("mute", source="microphone", muted=True, participant=ann.id)["type"] == "ok"
    assert ann.events("muted") == [{"type": "muted", "source": "microphone", "by": bob.id}]
    assert dan.events("slots")[-1]["slots"]["seat-1"]["microphone"] is False
    answer = bob.ask("mute", source="microphone", muted=False, participant=ann.id)
    assert error(answer) == "not_allowed"
    answer = dan.ask("mute", source="microphone", muted=True, participant=bob.id)
    assert error(answer) == "not_allowed"
    assert ann.ask("mute", source="microphone", muted=False)["type"] == "ok"
    assert ann.ask("mute", source="camera", muted=True)["type"] == "ok"
    assert ann.events("muted") == []  # not by somebody else
    assert error(ann.ask("mute", source="screen", muted=True)) == "not_published"
    answer = bob.ask("mute", source="camera", muted=True, participant="p-nobody")
    assert error(answer) == "participant_not_found"


def test_views_name_slots_that_exist(house: House) -> None:
    dan = house.member()
    assert dan.ask("view", slots={"screen": {"max_height": 1080}}, pin=None)["type"] == "ok"
    answer = dan.ask("view", slots={"seat-99": "off"})
    assert (error(answer), answer["path"]) == ("bad_request", "slots.seat-99")


# The end


def test_leaving_answers_before_it_closes(house: House) -> None:
    ann, dan = house.presenter(), house.member()
    dan.read()
    assert ann.ask("leave")["type"] == "ok"
    assert close_code(ann) == 1000
    assert dan.events("slots")[-1] == {"type": "slots", "slots": {"seat-1": None}}
    ann.session.closed(house.now)
    assert list(house.live().room.participants) == [dan.id]
    stranger = house.visitor()
    assert stranger.ask("leave")["type"] == "ok"
    assert close_code(stranger) == 1000


def test_a_socket_that_closes_leaves(house: House) -> None:
    dan = house.member()
    dan.session.closed(house.now)
    assert not house.live().room.participants
    house.visitor().session.closed(house.now)


def test_nothing_is_taken_after_the_end(house: House) -> None:
    dan = house.member()
    dan.ask("leave")
    dan.send('{"type":"ping","id":77}')
    assert dan.read() == []


# Abuse


def test_every_malformed_frame_is_answered_until_it_is_too_much(house: House) -> None:
    visitor = house.visitor()
    visitor.send("rubbish")
    visitor.send(b"\x00\x01")
    visitor.send('{"type":"ping","id":[]}')
    answers = visitor.read()
    assert [answer["code"] for answer in answers] == ["bad_request"] * 3
    assert answers[2]["path"] == "id"
    assert "path" not in answers[0]
    for _ in range(96):
        visitor.send("rubbish")
    assert visitor.ask("ping")["type"] == "ok"
    visitor.send("rubbish")
    assert close_code(visitor) == 1008


def test_slowly_malformed_is_not_abuse(house: House) -> None:
    visitor = house.visitor()
    for _ in range(300):
        visitor.send("rubbish")
        visitor.read()
        house.now += 0.2
    assert close_code(visitor) is None


def test_refused_rights_are_not_abuse(house: House) -> None:
    dan = house.member()
    for _ in range(300):
        assert error(dan.ask("mute", source="camera", muted=True)) in (
            "not_published",
            "rate_limited",
        )
        house.now += 0.02
    assert close_code(dan) is None


def test_requests_are_limited(house: House) -> None:
    dan = house.member()
    answers = [dan.ask("ping")["type"] for _ in range(300)]
    assert answers[:150] == ["ok"] * 150
    assert answers[-1] == "error"
    house.now += 1
    assert dan.ask("ping")["type"] == "ok"


def test_a_fault_of_ours_is_contained(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, dan = house.presenter(), house.member()

    def explode(*args: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(type(house.live()), "execute", explode)
    answer = ann.ask("mute", source="camera", muted=True)
    assert error(answer) == "internal"
    assert "secret" not in json.dumps(answer)
    monkeypatch.undo()
    fake_plane.install(monkeypatch)
    assert ann.ask("mute", source="camera", muted=True)["type"] == "ok"
    assert dan.events("slots")[-1]["slots"]["seat-1"]["camera"] is False


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


FIELDS = [
    "sdp", "sources", "source", "muted", "slots", "participant", "pin", "room", "to", "topic",
    "body", "mode", "value", "all", "ban",
]  # fmt: skip


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*messages.REQUESTS, "record", "nonsense"]),
            st.dictionaries(
                st.sampled_from(FIELDS),
                json_values
                | st.sampled_from([CHROMIUM, {"0": "microphone"}, "camera", "me", True])
                | st.sampled_from(["all", "presenters", "meeting", "hand"]),
            ),
        ),
        max_size=8,
    )
)
def test_every_frame_gets_exactly_one_answer(frames: list[tuple[str, dict[str, Any]]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        fake_plane.install(patch)
        house = House()
        client = house.member("presenter")
        for id, (type, fields) in enumerate(frames, 1000):
            fields = {key: client.id if value == "me" else value for key, value in fields.items()}
            client.send(json.dumps({**fields, "type": type, "id": id}))
            answers = [frame for frame in client.read() if "id" in frame]
            assert [answer["id"] for answer in answers] == [id]
            if client.outbox.closing:
                assert type in ("leave", "end", "remove")
                break
            assert answers[0].get("code") != "internal"
