"""The bytes of a stay, over all its connections."""

import numpy as np

from sfu.accounts import Account
from sfu.bandwidth.rows import FEEDBACK
from sfu.bandwidth.stills import Freezes
from sfu.store.records import Totals
from sfu.transport import State, Transport
from tests.sfu.house import House


def transport(house: House, account: Account, received: int, sent: int) -> Transport:
    stage = house.live().open_stage()
    opened = stage.open()
    opened.traffic = (received, sent)
    account.open(opened)
    return opened


def test_an_account_is_the_sum_of_its_connections(house: House) -> None:
    house.member()
    account = Account()
    assert (account.settled, account.totals) == (True, Totals())
    first = transport(house, account, 1, 10)
    transport(house, account, 2, 20)
    assert account.totals == Totals(bytes_received=3, bytes_sent=30)
    first.counted(100, 1000)
    assert account.totals == Totals(bytes_received=102, bytes_sent=1020)
    assert not account.settled


def test_news_are_bytes(house: House) -> None:
    house.member()
    account = Account()
    assert not account.has_news()
    first = transport(house, account, 1, 10)
    assert [account.has_news(), account.has_news()] == [True, False]
    first.traffic = (1, 11)
    assert [account.has_news(), account.has_news()] == [True, False]
    first.counted(1, 12)
    assert [account.has_news(), account.has_news()] == [True, False]


def test_it_is_settled_with_the_last_word_on_the_last_connection(house: House) -> None:
    house.member()
    account = Account()
    first, second = (transport(house, account, 0, 0) for _ in range(2))
    settled: list[Totals] = []
    account.when_settled(lambda: settled.append(account.totals))
    second.counted(5, 6)
    assert settled == []
    first.counted(7, 8)
    assert settled == [Totals(bytes_received=12, bytes_sent=14)]
    assert account.settled


def test_quality_is_the_mean_of_all_scored_seconds() -> None:
    account = Account()
    assert account.quality is None
    account.spoil(10.0)
    assert account.quality is None
    account = Account()
    account.score(40.0, 10.0)
    account.score(30.0, 10.0)
    assert account.quality == 3.5
    assert account.totals == Totals(quality=3.5, scored=20.0)


def test_freezes_are_the_sum_of_all_connections(house: House) -> None:
    ben = house.member()
    house.presenter()
    ben.answer()
    house.carry(ben, 2_000_000)
    account, downlink = house.rooms.account(ben.id), house.downlink(ben)
    downlink._become(State.OPEN, None)
    subscribers = downlink.forwarder.subscribers
    subscribers.open(downlink.id, house.now)
    row = np.zeros(1, dtype=FEEDBACK)
    row["transport"] = downlink.id
    row["freezes"] = row["freezes_keyframe"] = 1
    row["frozen_ms"] = row["frozen_keyframe_ms"] = 750
    house.worker.rows += row.tobytes()
    house.pass_time(0.1)
    assert account.totals.freezes == Freezes(0, 1, 0, 0.0, 0.75)
    account.freeze(Freezes(2, 0, 0, 3.0))
    downlink.close("for the test", house.now)
    assert account.totals.freezes == Freezes(2, 1, 0, 3.0, 0.75)


def test_what_a_client_finds_no_good_is_bad() -> None:
    account = Account()
    account.score(100.0, 20.0)
    account.spoil(5.0)
    assert account.quality == 4.0
    account.spoil(1e9)
    assert account.quality == 1.0
