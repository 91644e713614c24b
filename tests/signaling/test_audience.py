"""Who is told what, and how often."""

from dataclasses import replace
from typing import Any

from sfu.commands import Configure
from tests.sfu import fake_plane
from tests.sfu.house import House, Visitor


def people(event: dict[str, Any], key: str) -> list[str]:
    return [each["id"] for each in event[key]]


def test_presenters_are_told_of_everybody_attendees_of_seats(house: House) -> None:
    ann, dan = house.member("presenter"), house.member()
    assert people(ann.joined, "participants") == [ann.id]
    assert people(dan.joined, "participants") == [dan.id, ann.id]
    house.pass_time(0.3)
    ann.read()
    dan.read()
    bob, eve = house.member("presenter"), house.member()
    house.pass_time(0.3)
    (to_ann,) = ann.events("participant")
    assert people(to_ann, "joined") == [bob.id, eve.id]
    (to_dan,) = dan.events("participant")
    assert people(to_dan, "joined") == [bob.id]
    assert to_dan["counts"] == {"organizer": 0, "presenter": 2, "attendee": 2, "viewer": 0}
    assert eve.id not in people(eve.joined, "participants")[1:]
    assert len(bob.joined["participants"]) == 3


def test_comings_and_goings_are_gathered(house: House) -> None:
    ann = house.member("presenter")
    house.pass_time(0.3)
    ann.read()
    crowd = [house.member() for _ in range(20)]
    for each in crowd[:5]:
        each.ask("leave")
    house.pass_time(0.3)
    (event,) = ann.events("participant")
    # Who came and went in between is not worth a word.
    assert people(event, "joined") == [each.id for each in crowd[5:]]
    assert event["left"] == []
    for each in crowd[5:15]:
        each.ask("leave")
        house.pass_time(0.05)
    house.pass_time(0.3)
    events = ann.events("participant")
    assert len(events) == 3  # half a second, every quarter of it
    left = [id for event in events for id in event["left"]]
    assert left == [each.id for each in crowd[5:15]]


def test_updates_are_told_to_those_who_know_the_person(house: House) -> None:
    ann, dan = house.member("presenter"), house.member()
    house.pass_time(0.3)
    ann.read()
    dan.read()
    ann.publish({"0": "microphone"})
    house.pass_time(0.3)
    (event,) = dan.events("participant")
    assert event["updated"][0]["sources"] == {"microphone": {"muted": False}}
    ann.ask("leave")
    house.pass_time(0.3)
    (event,) = dan.events("participant")
    assert event["left"] == [ann.id]


def test_a_slot_event_is_one_frame_for_everybody(house: House) -> None:
    crowd = [house.member() for _ in range(5)]
    for each in crowd:
        each.read()
    ann = house.member("presenter")
    ann.publish({"0": "microphone", "1": "camera"})
    for each in crowd:
        events = each.events("slots")
        assert [event["slots"]["seat-1"]["camera"] for event in events] == [False, True]


def test_a_join_costs_few_messages_whatever_the_crowd(house: House) -> None:
    """Messages grow linearly with joins: counts alone are told the less often the more are in."""
    presenter = house.member("presenter")
    crowd: list[Visitor] = []

    def sent(joins: int) -> int:
        total = 0
        for _ in range(joins):
            crowd.append(house.member())
            house.pass_time(0.05)
            total += sum(len(each.read()) for each in crowd)
        return total

    first = sent(100)
    second = sent(100)
    third = sent(100)
    # At most 200 a second for counts, over 5 s, whatever the number of people.
    assert max(first, second, third) <= 100 * 0.05 * 200 + 100 * 2
    assert third < 1.5 * second
    assert len(presenter.events("participant")) < 100


def test_the_counts_are_told_even_if_nobody_is_named(house: House) -> None:
    dan = house.member()
    house.pass_time(0.5)
    dan.read()
    house.member()
    house.pass_time(0.5)
    (event,) = dan.events("participant")
    assert event["joined"] == event["left"] == event["updated"] == []
    assert event["counts"]["attendee"] == 2
    house.pass_time(5)
    assert dan.read() == []


def test_who_is_shown_without_a_seat_is_known_to_all(house: House) -> None:
    pia, dan, eve = house.member("presenter"), house.member(), house.member()
    pia.ask("mode", mode="meeting")
    house.pass_time(0.3)
    eve.read()
    assert dan.publish({"1": "screen"})["type"] == "ok"
    house.pass_time(0.3)
    (event,) = eve.events("participant")
    assert [(p["id"], p["sources"]) for p in event["updated"]] == [
        (dan.id, {"screen": {"muted": False}})
    ]
    assert set(people(house.member().joined, "participants")) >= {pia.id, dan.id}
    assert dan.publish({"1": "camera"})["type"] == "ok"
    assert dan.id in people(house.member().joined, "participants")
    dan.ask("leave")
    house.pass_time(0.3)
    assert eve.events("participant")[-1]["left"] == [dan.id]


def test_in_presenters_only_nobody_else_learns_who_sends_what(house: House) -> None:
    pia, pat, dan = house.presenter(), house.presenter(), house.member()
    pia.ask("mode", mode="presenters-only")
    house.pass_time(0.3)
    dan.read()
    late = house.member()
    assert [p["sources"] for p in late.joined["participants"]] == [{}, {}, {}]
    pat.ask("mute", source="microphone", muted=False)
    house.pass_time(0.3)
    (event,) = dan.events("participant")
    assert [p["sources"] for p in event["updated"]] == [{}]
    assert pia.events("participant")[-1]["updated"][0]["sources"]["microphone"] == {"muted": False}
    pia.ask("mode", mode="webinar")
    house.pass_time(0.3)
    (event,) = dan.events("participant")
    both = {"microphone", "camera"}
    known = {p["id"]: set(p["sources"]) for p in event["updated"]}
    assert known == {pia.id: both, pat.id: both}


def test_whom_a_newcomer_has_seen_is_told_to_have_left(house: House) -> None:
    """Even if they came and went before anybody else was told."""
    olga = house.member("organizer")
    house.pass_time(0.3)
    olga.read()
    dan, pia = house.member(), house.member("presenter")
    assert dan.id in people(pia.joined, "participants")
    dan.ask("leave")
    house.pass_time(0.3)
    assert [event["left"] for event in pia.events("participant")] == [[dan.id]]


def test_the_settings_are_told_when_they_change(house: House) -> None:
    dan = house.member()
    live = house.live()
    live.execute(Configure(replace(live.room.options, messages="presenters")), None)
    assert [e["room"]["messages"] for e in dan.events("room")] == ["presenters"]
    assert dan.ask("message", to="all", body=1)["code"] == "not_allowed"


def test_a_newcomer_is_told_who_speaks(house: House) -> None:
    ann = house.presenter()
    assert house.member().joined["speaker"] is None
    microphone = next(args[0] for args in house.worker.named("add_track") if args[3] == "opus")
    for _ in range(5):
        house.report(fake_plane.Levels([(microphone, 30)]))
        house.now += 0.2
    assert house.member().joined["speaker"] == ann.id
    ann.ask("mode", mode="presenters-only")
    assert house.member().joined["speaker"] is None
