"""Limits of a tenant's people: what counts, who is refused, and who is not."""

import contextlib
import random
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from sfu.commands import Admit, Command, Configure, End, Join, Leave, Lock, Remove, Start
from sfu.config import TenantSettings
from sfu.errors import Refusal
from sfu.live_room import LiveRoom
from sfu.participant import Role
from sfu.room import Options, State
from tests.sfu.house import House


def limit(house: House, tenant: str = "dev", **limits: Any) -> None:
    house.rooms.crowds.configure({tenant: TenantSettings(secret=SecretStr("x"), **limits)})


def refused(house: House, room: str = "hall", **fields: Any) -> tuple[str, float | None]:
    """Code and `retry_after` of a join."""
    answer = house.visitor().ask("join", room=room, **fields)
    assert answer["type"] == "error", answer
    return answer["code"], answer.get("retry_after")


def counted(house: House) -> dict[str, int]:
    """By tenant, from the rooms themselves."""
    people: dict[str, int] = {}
    for live in house.rooms:
        here = len(live.room.participants) + len(live.room.waiting)
        people[live.room.tenant] = people.get(live.room.tenant, 0) + here
    return {tenant: number for tenant, number in people.items() if number}


def test_a_tenant_has_so_many_people_in_all_its_rooms(house: House) -> None:
    limit(house, max_participants=2)
    ann, ben = house.member("presenter"), house.member(room="other")
    assert refused(house) == ("overloaded", 5.0)
    # Presenters are people, too: a tenant gives out as many tokens as it likes.
    assert refused(house, role="presenter") == ("overloaded", 5.0)
    ben.ask("leave")
    house.member(room="third")
    assert refused(house, "other") == ("overloaded", 5.0)
    ann.session.closed(house.now)
    house.member("presenter")
    assert house.rooms.crowds.people == {"dev": 2}


def test_another_tenant_has_its_own(house: House) -> None:
    limit(house, max_participants=1)
    house.member()
    other = house.rooms.create("acme", "hall", Options())
    for number in range(3):
        other.join(Join(f"p-{number}", f"{number}", "x", Role.ATTENDEE))
    assert house.rooms.crowds.people == {"dev": 1, "acme": 3}


def test_who_comes_again_takes_their_own_place(house: House) -> None:
    limit(house, max_participants=2)
    live = house.rooms.create("dev", "hall", Options())
    for number in range(5):
        live.join(Join(f"p-{number}", "ann", "Ann", Role.ATTENDEE))
    live.join(Join("p-ben", "ben", "Ben", Role.ATTENDEE))
    live.join(Join("p-ann", "ann", "Ann", Role.ATTENDEE))
    with pytest.raises(Refusal):  # the same identity elsewhere is one more
        house.rooms.create("dev", "b", Options()).join(Join("p", "ann", "Ann", Role.ATTENDEE))
    assert house.rooms.crowds.people == {"dev": 2}


def test_those_who_wait_count_once(house: House) -> None:
    limit(house, max_participants=3)
    ann = house.member("presenter")
    ann.ask("lock")
    guest = house.guest()
    house.guest()
    assert refused(house) == ("overloaded", 5.0)
    ann.ask("admit", participant=guest.id)
    assert refused(house) == ("overloaded", 5.0)
    guest.ask("leave")
    house.guest()
    house.rooms.remove("dev", "hall")
    assert house.rooms.crowds.people == {}


def test_who_has_lost_the_socket_keeps_the_place(house: House) -> None:
    limit(house, max_participants=1, joins_per_second=1)
    ann = house.member()
    assert ann.session.dropped()
    house.now += 1
    assert refused(house)[0] == "overloaded"
    back = house.visitor()
    for _ in range(3):  # takes up what is there already: neither a place nor a join
        back.joined = back.ask("join", room="hall", resume=ann.joined["resume"])
        assert back.joined["resumed"]
        assert back.session.dropped()
        ann, back = back, house.visitor()
    assert house.rooms.crowds.people == {"dev": 1}
    ann.session.closed(house.now)
    house.member()


def test_who_was_cut_off_by_a_restart_comes_back(house: House) -> None:
    limit(house, max_participants=1, joins_per_second=1)
    live = house.rooms.create("dev", "hall", Options(access="open"))
    for number in range(3):
        who = f"p-{number}"
        live.join(Join(who, who, "x", Role.ATTENDEE, returning=True))
    assert house.rooms.crowds.people == {"dev": 3}
    assert refused(house)[0] == "overloaded"
    for number in range(3):
        live.execute(Leave(f"p-{number}", "left"), None)
    house.member()


def test_joins_have_a_rate(house: House) -> None:
    limit(house, joins_per_second=4)
    for _ in range(4):
        house.member().ask("leave")
    assert refused(house) == ("rate_limited", 0.25)
    assert refused(house, "other") == ("rate_limited", 0.25)
    house.now += 0.25
    house.member()
    assert refused(house) == ("rate_limited", 0.25)


def test_who_is_refused_takes_nothing_from_the_others(house: House) -> None:
    limit(house, joins_per_second=1)
    live = house.rooms.create("dev", "hall", Options())
    live.room.banned.add("mallory")
    for _ in range(100):
        with pytest.raises(Refusal, match="banned"):
            live.join(Join("p-m", "mallory", "x", Role.ATTENDEE))
        assert refused(house, token="rubbish")[0] == "invalid_token"
    live.join(Join("p-a", "ann", "Ann", Role.ATTENDEE))
    with pytest.raises(Refusal, match="too many joins"):
        live.join(Join("p-b", "ben", "Ben", Role.ATTENDEE))


def test_a_reload_counts_for_those_who_come(house: House) -> None:
    for _ in range(3):
        house.member()
    limit(house, max_participants=2)
    assert refused(house)[0] == "overloaded"
    assert len(house.live().room.participants) == 3
    limit(house, max_participants=4, joins_per_second=1)
    house.member()
    limit(house)
    house.member()
    assert house.rooms.crowds.people == {"dev": 5}


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_the_count_is_right(house: House, seed: int) -> None:
    chance = random.Random(seed)
    for room in ("a", "b"):
        house.rooms.create("acme", room, Options(attendees=2, waiting=3))
    house.rooms.create("dev", "c", Options(attendees=3), state=State.PREPARING)
    for number in range(200):
        with contextlib.suppress(Refusal):
            happen(house, chance, chance.choice(list(house.rooms)), f"p-{number}")
        house.pass_time(0.05)
        assert house.rooms.crowds.people == counted(house)
    for live in house.rooms:
        live.close("stopped")
    assert house.rooms.crowds.people == {}


def happen(house: House, chance: random.Random, live: LiveRoom, id: str) -> None:
    """Mostly somebody comes or goes; a door opens, places come or go; seldom a room is over."""
    room, here = live.room, [*live.room.participants, *live.room.waiting]
    others: list[Command] = [
        Admit(None),
        Start(),
        Lock(not room.locked),
        Configure(replace(room.options, attendees=chance.randrange(1, 6))),
        End(),
    ]
    what = chance.random()
    if what >= 0.98 or room.state is State.ENDED:
        house.rooms.remove(room.tenant, room.id)
        house.rooms.create(room.tenant, room.id, Options(attendees=2))
    elif what < 0.6 or not here:
        role = chance.choice([Role.ATTENDEE, Role.ATTENDEE, Role.PRESENTER])
        live.join(Join(id, f"who-{chance.randrange(12)}", "x", role))
    elif what < 0.75:
        live.execute(Leave(chance.choice(here), "left"), None)
    elif what < 0.8:
        live.execute(Remove(chance.choice(here)), None)
    else:
        live.execute(chance.choices(others, [4, 4, 4, 4, 1])[0], None)
