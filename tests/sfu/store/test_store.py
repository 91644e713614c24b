"""What every store does, the same for each."""

import asyncio
import json

import pytest

from sfu.participant import Client, Role
from sfu.store import Store, StoreError
from sfu.store.records import (
    Document,
    Event,
    Idempotent,
    LastSeen,
    Stay,
    StoredRoom,
    Totals,
)
from sfu.store.writes import (
    AddUsage,
    CloseEvent,
    CloseStay,
    Delivered,
    Enqueue,
    OpenEvent,
    OpenStay,
    Prune,
    RemoveBan,
    RemoveIdentity,
    RemoveRoom,
    Retry,
    RevokeToken,
    SaveBan,
    SaveIdempotency,
    SaveIdentity,
    SaveRoom,
    TouchStays,
)
from sfu.usage import Attendance
from tests.sfu.store.conftest import MakeStore

NOW = 1_700_000_000.0
DAY = 86_400.0
ODD = {"name": "Zoë ☕ \U0001f600 \0 \ud800", "deep": [[[{"n": 1.5, "none": None}]]], "": True}


def stay(id: str, role: Role = Role.ATTENDEE, at: float = NOW, identity: str = "") -> Stay:
    return Stay(id, "acme", "lobby", "e1", identity or f"i-{id}", at, role, at)


def close(stay: Stay, at: float, *, announce: bool = False) -> CloseStay:
    return CloseStay(stay, at, "left", Totals(), at, announce)


def hook(room: str, number: int, at: float = NOW) -> Enqueue:
    return Enqueue("acme", room, f"h{number}", "room.started", at, {"number": number})


async def all_usage(store: Store, tenant: str = "acme") -> list[Document]:
    return (await store.usage(tenant, limit=1000)).items


async def waiting(store: Store, room: str = "lobby") -> list[str]:
    return [each.id for each in await store.outbox("acme", room, 1000)]


async def test_rooms_are_kept_and_replaced_and_removed(make: MakeStore) -> None:
    store = make()
    await store.open()
    await store.commit([SaveRoom("acme", "a", {"x": 1}, 1), SaveRoom("acme", "b", ODD, 7)])
    await store.commit([SaveRoom("acme", "a", {"x": 2}, 2), SaveRoom("other", "a", {}, 1)])
    await store.commit([RemoveRoom("other", "a"), RemoveRoom("other", "never-made")])
    await store.close()
    store = make()
    await store.open()
    a, b = StoredRoom("acme", "a", 2, {"x": 2}), StoredRoom("acme", "b", 7, ODD)
    assert sorted(await store.rooms(), key=lambda room: room.id) == [a, b]
    assert await store.room("acme", "a") == a
    assert await store.room("other", "a") is None
    await store.close()


async def test_bans_go_with_their_room(store: Store) -> None:
    await store.commit([SaveBan("acme", "a", "eve", NOW), SaveBan("acme", "a", "e/v\n", NOW)])
    await store.commit([SaveBan("acme", "a", "eve", NOW), RemoveBan("acme", "a", "nobody")])
    assert await store.bans("acme", "a") == {"eve", "e/v\n"}
    assert await store.bans("other", "a") == set()
    await store.commit([RemoveBan("acme", "a", "e/v\n")])
    assert await store.bans("acme", "a") == {"eve"}
    await store.commit([RemoveRoom("acme", "a")])
    assert await store.bans("acme", "a") == set()


async def test_what_is_kept_of_identities_goes_with_their_room(store: Store) -> None:
    await store.commit([SaveIdentity("acme", "a", name, {"n": name}) for name in ("ann", "b/b\n")])
    await store.commit([SaveIdentity("acme", room, "ann", ODD) for room in ("a", "b")])
    assert await store.identities("acme", "a") == {"ann": ODD, "b/b\n": {"n": "b/b\n"}}
    assert await store.identities("other", "a") == {}
    await store.commit([RemoveIdentity("acme", "a", "ann"), RemoveIdentity("acme", "a", "nobody")])
    assert await store.identities("acme", "a") == {"b/b\n": {"n": "b/b\n"}}
    await store.commit([RemoveIdentity("acme", "a", None)])
    assert await store.identities("acme", "a") == {}
    await store.commit([RemoveRoom("acme", "b")])
    assert await store.identities("acme", "b") == {}


async def test_revoked_tokens_are_kept_until_they_would_have_ended(store: Store) -> None:
    await store.commit([RevokeToken("acme", "j/1", NOW + 10), RevokeToken("acme", "j2", NOW + 20)])
    assert await store.revoked(NOW) == {("acme", "j/1"), ("acme", "j2")}
    assert await store.revoked(NOW + 10) == {("acme", "j2")}
    await store.commit([Prune(NOW + 15)])
    assert await store.revoked(NOW) == {("acme", "j2")}


async def test_an_answer_is_kept_with_its_key_for_a_while(store: Store) -> None:
    answer = {"status": 201, "body": ODD}
    await store.commit([SaveIdempotency("acme", "k/1", "sha", answer, NOW + DAY)])
    assert await store.idempotency("acme", "k/1", NOW) == Idempotent("sha", answer)
    assert await store.idempotency("other", "k/1", NOW) is None
    assert await store.idempotency("acme", "k/1", NOW + DAY) is None
    await store.commit([Prune(NOW + DAY)])
    assert await store.idempotency("acme", "k/1", NOW) is None


async def test_a_stay_is_open_until_it_is_closed(make: MakeStore) -> None:
    first = Stay(
        id="p1",
        tenant="acme",
        room="lobby",
        event="e1",
        identity="ann",
        joined_at=NOW + 0.25,
        role=None,
        since=NOW + 2,
        spent={Role.ATTENDEE: 0.75, Role.PRESENTER: 1.0},
        client=Client("Firefox", None),
        resume=ODD,
        left=(NOW + 9.5, "removed"),
    )
    store = make()
    await store.open()
    await store.commit([OpenStay(stay("p2")), OpenStay(first)])
    counted = Totals(5, 2**60, 4.25, 10.5)
    await store.commit([TouchStays(NOW + 10.5, {"p1": counted, "gone": Totals()})])
    await store.close()
    store = make()
    await store.open()
    found = sorted(await store.open_stays(), key=lambda each: each.stay.id)
    assert found == [
        LastSeen(first, NOW + 10.5, counted),
        LastSeen(stay("p2"), NOW, Totals()),
    ]
    await store.commit([TouchStays(NOW + 5, {"p1": Totals(6, 7, None)})])
    # Earlier: the clock has been set back.
    assert LastSeen(first, NOW + 5, Totals(6, 7)) in await store.open_stays()
    await store.commit([close(first, NOW + 20)])
    assert [each.stay.id for each in await store.open_stays()] == ["p2"]
    await store.close()


async def test_closing_twice_makes_one_record(store: Store) -> None:
    await store.commit([OpenStay(stay("p1")), close(stay("p1"), NOW + 5, announce=True)])
    await store.commit([close(stay("p1"), NOW + 9, announce=True), close(stay("p2"), NOW)])
    (record,) = await all_usage(store)
    assert record["left_at"] == "2023-11-14T22:13:25.000Z"
    assert await waiting(store) == ["usage-stay-p1"]


async def test_a_closed_stay_is_not_opened_again(store: Store) -> None:
    await store.commit([OpenStay(stay("p1")), close(stay("p1"), NOW + 5)])
    await store.commit([OpenStay(stay("p1"))])
    assert await store.open_stays() == []


async def test_an_open_stay_is_changed_in_place(store: Store) -> None:
    first = stay("p1")
    later = first.with_role(Role.PRESENTER, NOW + 3)
    await store.commit(
        [OpenStay(first), TouchStays(NOW + 2, {"p1": Totals(1, 2)}), OpenStay(later)]
    )
    assert await store.open_stays() == [LastSeen(later, NOW + 3, Totals(1, 2))]
    await store.commit([TouchStays(NOW + 9, {"p1": Totals(3, 4, 5.0)}), OpenStay(later)])
    assert await store.open_stays() == [LastSeen(later, NOW + 9, Totals(3, 4, 5.0))]


@pytest.mark.parametrize("step", [DAY, -DAY])
async def test_open_stays_are_put_right_when_the_clock_is_set(store: Store, step: float) -> None:
    attendance = Attendance()
    gone = LastSeen(stay("gone"), NOW + 5, Totals(1, 2, 4.0, 5.0))
    here = stay("here", at=NOW + 7)
    await store.commit([OpenStay(gone.stay), TouchStays(gone.seen_at, {"gone": gone.totals})])
    await store.commit(attendance.recover([gone], [], {"e1"}, NOW + 6) + attendance.join(here))
    await store.commit(attendance.clock_set(step))
    found = sorted(await store.open_stays(), key=lambda each: each.stay.id)
    assert found == [gone.moved(step), LastSeen(here, NOW + 7, Totals()).moved(step)]


async def test_an_event_counts_its_stays(store: Store) -> None:
    event = Event("e1", "acme", "lobby", "webinar", NOW + 2)
    organizer = stay("p1", Role.ORGANIZER)
    await store.commit([OpenStay(organizer)])
    assert await store.open_events() == []
    await store.commit([OpenEvent(event)])
    assert await store.open_events() == [event]
    await store.commit([OpenStay(stay("p2")), OpenStay(stay("p3")), OpenStay(stay("p3"))])
    await store.commit([close(stay("p3"), NOW + 1.5), OpenStay(stay("p4", identity="i-p3"))])
    ends = [close(organizer, NOW + 60), close(stay("p2"), NOW + 60), close(stay("p4"), NOW + 60)]
    await store.commit([*ends, CloseEvent("e1", event, NOW + 61, "ended", NOW + 61, announce=True)])
    assert await store.open_events() == []
    record = (await all_usage(store))[-1]
    assert record == {
        "id": "event-e1",
        "kind": "event",
        "tenant": "acme",
        "room": "lobby",
        "event": "e1",
        "room_kind": "webinar",
        "started_at": "2023-11-14T22:13:22.000Z",
        "ended_at": "2023-11-14T22:14:21.000Z",
        "reason": "ended",
        "recordings": [],
        "peak_attendance": 3,
        "participants": 3,
        "stays": 4,
        "seconds_by_role": {"organizer": 60, "presenter": 0, "attendee": 121.5, "viewer": 0},
    }
    (announced,) = await store.outbox("acme", "lobby", 10)
    assert json.loads(announced.body)["usage"] == record
    assert announced.name == "usage"


async def test_an_event_ends_once_and_one_that_never_started_makes_no_record(store: Store) -> None:
    event = Event("e1", "acme", "lobby", "webinar", NOW)
    ended = CloseEvent("e1", event, NOW + 1, "ended", NOW + 1)
    await store.commit([OpenEvent(event), ended, ended])
    await store.commit([OpenEvent(event), ended])
    await store.commit([OpenStay(stay("p1")), CloseEvent("e1", None, NOW + 1, "removed", NOW + 1)])
    assert [record["id"] for record in await all_usage(store)] == ["event-e1"]
    assert await store.open_events() == []


async def test_usage_is_read_page_by_page_and_none_twice(store: Store) -> None:
    def add(number: int, at: float) -> AddUsage:
        return AddUsage("acme", "lobby", f"r{number}", {"number": number}, at)

    await store.commit([AddUsage("other", "lobby", "r", {}, NOW)])
    await store.commit([add(1, NOW), add(2, NOW + 1), add(3, NOW + 1), add(2, NOW + 9)])
    first = await store.usage("acme", limit=2)
    assert [item["number"] for item in first.items] == [1, 2]
    assert first.more
    second = await store.usage("acme", cursor=first.cursor, limit=2)
    assert [item["number"] for item in second.items] == [3]
    assert not second.more
    third = await store.usage("acme", cursor=second.cursor)
    assert (third.items, third.cursor, third.more) == ([], second.cursor, False)
    # Behind the cursor, even when the clock has been set back meanwhile.
    await store.commit([add(4, NOW - 100)])
    third = await store.usage("acme", cursor=second.cursor)
    assert [item["number"] for item in third.items] == [4]
    since = await store.usage("acme", since=NOW + 1)
    assert [item["number"] for item in since.items] == [2, 3, 4]
    both = await store.usage("acme", since=NOW + 1, cursor=first.cursor)
    assert [item["number"] for item in both.items] == [3, 4]
    assert (await store.usage("acme", since=NOW + 2)).items == []
    assert (await store.usage("acme", since=NOW, limit=0)).more


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1" * 30, "٣", "1-", "1-1-1", "+", "1.5"])
async def test_what_is_no_cursor_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        await store.usage("acme", cursor=cursor)


async def test_webhooks_wait_in_the_order_of_their_room(store: Store) -> None:
    await store.commit([hook("a", 1), hook("b", 2), hook("a", 3)])
    first, second = await store.outbox("acme", "a", 10)
    assert (first.id, second.id) == ("h1", "h3")
    assert (first.name, first.at, first.attempts) == ("room.started", NOW, 0)
    assert json.loads(first.body) == {
        "id": "h1",
        "event": "room.started",
        "at": "2023-11-14T22:13:20.000Z",
        "room": "a",
        "number": 1,
    }
    assert await store.outbox("acme", "a", 1) == [first]
    assert sorted(await store.outbox_due(NOW, 10)) == [("acme", "a"), ("acme", "b")]


async def test_a_failed_delivery_holds_its_room_back(store: Store) -> None:
    await store.commit([hook("a", 1), hook("a", 2), hook("b", 3)])
    await store.commit([Retry("acme", "a", NOW + 5, 1), Retry("acme", "unknown", NOW, 1)])
    await store.commit([hook("a", 4)])
    assert await store.outbox_due(NOW + 4, 10) == [("acme", "b")]
    assert await store.outbox_due(NOW + 5, 10) == [("acme", "b"), ("acme", "a")]
    waits = await store.outbox("acme", "a", 10)
    assert [each.attempts for each in waits] == [1, 0, 0]
    await store.commit([Delivered("acme", "a", waits[0].position)])
    await store.commit([Delivered("acme", "a", waits[0].position)])
    assert ("acme", "a") in await store.outbox_due(NOW, 10)
    waits = await store.outbox("acme", "a", 10)
    assert [(each.id, each.attempts) for each in waits] == [("h2", 0), ("h4", 0)]
    await store.commit([Delivered("acme", "a", each.position) for each in waits])
    assert await store.outbox_due(NOW + DAY, 10) == [("acme", "b")]


async def test_a_clock_that_is_set_back_holds_no_webhook_back(store: Store) -> None:
    await store.commit([Enqueue("acme", "a", "h", "x", NOW, {})])
    await store.commit([Retry("acme", "a", NOW + 60, 1)])
    assert await store.outbox_due(NOW, 10, 60) == []
    assert await store.outbox_due(NOW - 1, 10, 60) == [("acme", "a")]


async def test_no_tenant_takes_all_places_among_those_that_are_due(store: Store) -> None:
    await store.commit([hook(f"r{number}", number) for number in range(5)])
    await store.commit([Retry("acme", "r0", NOW + 1, 1)])
    await store.commit([Enqueue("other", "r", "h", "room.started", NOW, {})])
    due = await store.outbox_due(NOW + 1, 2)
    assert sorted(due) == [("acme", "r1"), ("acme", "r2"), ("other", "r")]


async def test_what_was_kept_long_enough_is_forgotten(store: Store) -> None:
    await store.commit([hook("a", 1, NOW), hook("a", 2, NOW + 5), hook("b", 3, NOW)])
    await store.commit([hook("c", number, NOW + 5) for number in range(8)])
    await store.commit([AddUsage("old", "r", "old", {}, NOW - 400 * DAY)])
    await store.commit([AddUsage("acme", "r", f"{n}", {"n": n}, NOW + n) for n in range(8)])
    await store.commit([Prune(NOW + DAY)])
    assert await waiting(store, "a") == ["h2"]
    assert await waiting(store, "b") == []
    assert await waiting(store, "c") == ["h3", "h4", "h5", "h6", "h7"]
    assert sorted(await store.outbox_due(NOW, 10)) == [("acme", "a"), ("acme", "c")]
    assert await all_usage(store, "old") == []
    assert [record["n"] for record in await all_usage(store)] == [3, 4, 5, 6, 7]
    await store.commit([AddUsage("acme", "r", "next", {"n": 8}, NOW + 8), hook("b", 9)])
    assert len(await all_usage(store)) == 6
    assert await waiting(store, "b") == ["h9"]


async def test_what_is_no_json_is_refused_where_it_comes_from(store: Store) -> None:
    for bad in (float("nan"), {1, 2}, object()):
        with pytest.raises((TypeError, ValueError)):
            store.submit([SaveRoom("acme", "fine", {}, 1), SaveRoom("acme", "a", {"x": bad}, 1)])
    with pytest.raises(ValueError, match="surrogates"):
        store.submit([SaveBan("acme", "a", "\ud800", NOW)])
    await store.commit([])
    assert await store.rooms() == []


async def test_a_commit_keeps_what_its_documents_were_when_it_was_handed_in(store: Store) -> None:
    document: dict[str, object] = {"x": 1}
    done = store.submit([SaveRoom("acme", "a", document, 1)])
    document["x"] = 2
    await done
    assert (await store.rooms())[0].document == {"x": 1}


async def test_commits_are_carried_out_in_the_order_they_were_handed_in(store: Store) -> None:
    commits = [store.submit([SaveRoom("acme", "a", {"n": n}, n)]) for n in range(500)]
    commits[100].cancel()
    await commits[-1]
    assert all(commit.done() for commit in commits)
    assert (await store.rooms())[0].version == 499


async def test_what_is_to_be_kept_comes_in_its_place(store: Store) -> None:
    store.keep([SaveRoom("acme", "a", {}, 1)])
    first = store.submit([SaveRoom("acme", "a", {}, 2)])
    store.keep([SaveRoom("acme", "b", {}, 3)])
    last = store.keep([SaveRoom("acme", "b", {}, 4)])
    await asyncio.gather(first, last)
    assert {room.id: room.version for room in await store.rooms()} == {"a": 2, "b": 4}


async def test_closing_carries_out_what_waits(make: MakeStore) -> None:
    store = make()
    await store.open()
    commits = [store.submit([SaveRoom("acme", f"r{n}", {}, n)]) for n in range(50)]
    await store.close()
    await asyncio.gather(*commits)
    await store.close()
    with pytest.raises(StoreError, match="not open"):
        store.submit([])
    store = make()
    await store.open()
    assert len(await store.rooms()) == 50
    await store.close()
