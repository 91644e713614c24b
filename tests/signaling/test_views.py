"""Domain values as clients see them."""

from sfu.commands import Join, Publish
from sfu.events import Picture
from sfu.participant import Role
from sfu.room import Options, Room
from sfu.signaling import answers, events, views
from sfu.track import Media, Source


def hall() -> Room:
    room = Room("acme", "hall", Options(video="hd", presenters=1))
    room.apply(Join("ann", "id-of-ann", "Ann", Role.PRESENTER), "ann", 12.34567)
    media = Media("1", "vp8", ())
    room.apply(Publish("ann", {Source.CAMERA: media, Source.SCREEN: media}), "ann", 13)
    return room


def test_a_person() -> None:
    person = views.person(hall().participant("ann"))
    assert person == answers.Person(
        id="ann",
        identity="id-of-ann",
        name="Ann",
        role="presenter",
        seat=1,
        sources={"camera": {"muted": False}, "screen": {"muted": False}},
        status=None,
        blocked=False,
        allowed=None,
        joined_at=12.346,
    )
    # It is made without checks, for speed: what it holds must pass them.
    assert answers.Person.model_validate(person.model_dump()) == person


def test_slots_nest() -> None:
    assert views.slots(hall()) == {
        "seat-0": None,
        "seat-1": answers.SeatContent(participant="ann", camera=True, microphone=False),
        "screen": answers.ScreenContent(participant="ann", screen=True, screen_audio=False),
    }
    event = events.SlotsEvent(slots=views.slots(hall())).model_dump_json()
    assert '"seat-0":null' in event
    assert '"seat-1":{"participant":"ann","camera":true,"microphone":false}' in event


def test_facts_and_profiles() -> None:
    facts = views.facts(hall())
    assert facts.limits == {
        "attendees": 1000,
        "presenters": 1,
        "cameras": 4,
        "meeting": 25,
        "viewers": 10_000,
        "microphones": 5,
    }
    assert facts.counts["presenter"] == 1
    assert views.profiles(hall())["download"] == {
        "audio": 512_000,
        "camera": 2_512_000,
        "cameras": 6_000_000,
        "screen": 2_000_000,
    }


def test_pictures() -> None:
    assert views.picture(None) is None
    shown = views.picture(Picture(640, 360, 30, "budget"))
    assert shown == events.PictureFacts(width=640, height=360, fps=30, reason="budget")
