"""Commands in order, reports to whom they concern, and faults contained."""

from typing import Any

import numpy as np
import pytest

from sfu.bandwidth.rows import FEEDBACK, RATES
from sfu.bandwidth.staircase import Demand, Layer, staircase
from sfu.config import MediaSettings
from sfu.forwarder import start_worker
from tests.sfu import fake_plane
from tests.sfu.house import House


class Owner:
    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def transport_lost(self, transport: Any, now: float) -> None:
        raise AssertionError

    def leveled(self, transports: Any, now: float) -> None:
        self.heard.append(("leveled", list(transports)))

    def exceeded(self, transport: Any, now: float) -> None:
        self.heard.append(("exceeded", transport.id))

    def audible(self, track: int, audible: bool, now: float) -> None:
        self.heard.append(("audible", track, audible))

    def levels(self, levels: Any, now: float) -> None:
        self.heard.append(("levels", levels))

    def rates(self, track: int, layers: Any) -> None:
        self.heard.append(("rates", track, layers))

    def switched(self, egress: int, track: int | None, spatial: int) -> None:
        self.heard.append(("switched", egress, track, spatial))


def test_commands_wait_in_order_while_the_queue_is_full(house: House) -> None:
    forwarder, worker = house.forwarders[0], house.worker
    forwarder.order(worker.add_route, 1, False)
    worker.busy = True
    forwarder.order(worker.add_route, 2, True)
    forwarder.tick(house.now)
    worker.busy = False
    forwarder.order(worker.add_route, 3, False)  # may not overtake
    assert worker.named("add_route") == [(1, False)]
    forwarder.tick(house.now)
    assert worker.named("add_route") == [(1, False), (2, True), (3, False)]
    forwarder.order(worker.add_route, 4, True)
    assert worker.named("add_route")[-1] == (4, True)


def test_a_command_that_cannot_be_does_not_hold_up_those_behind_it(house: House) -> None:
    def impossible() -> None:
        if house.worker.busy:
            raise fake_plane.PlaneBusy
        raise ValueError("a bug")

    forwarder, worker = house.forwarders[0], house.worker
    worker.busy = True
    forwarder.order(impossible)
    forwarder.order(worker.add_route, 1, False)
    worker.busy = False
    forwarder.tick(house.now)
    assert worker.named("add_route") == [(1, False)]


def test_a_fault_about_one_does_not_keep_the_others_at_their_levels(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Leveled(Owner):
        def leveled(self, transports: Any, now: float) -> None:
            self.heard.append(tuple(transports))
            if self is faulty:
                raise RuntimeError("a bug")

    forwarder = house.forwarders[0]
    faulty, fine = Leveled(), Leveled()
    ids = [forwarder.open_transport(owner).id for owner in (faulty, fine)]
    monkeypatch.setattr(forwarder.subscribers, "tick", lambda *_: (b"", ids))
    forwarder.tick(house.now)
    assert (faulty.heard, fine.heard) == ([(ids[0],)], [(ids[1],)])


def test_a_transport_that_cannot_look_looks_again_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []

    def faulty(now: float) -> None:
        looked.append(now)
        raise RuntimeError("a bug")

    forwarder = house.forwarders[0]
    transport = forwarder.open_transport(Owner())
    monkeypatch.setattr(transport, "deadline", lambda: house.now)
    monkeypatch.setattr(transport, "expire", faulty)
    forwarder.watch(transport)
    for _ in range(50):
        house.now += 0.05
        forwarder.tick(house.now)
    assert len(looked) == 3


def test_a_worker_that_takes_nothing_any_more_is_given_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sfu.forwarder.BACKLOG", 10)
    house.worker.busy = True
    for _ in range(12):
        house.forwarders[0].order(house.worker.add_route, 1, False)
    assert house.forwarders[0].fault is not None


def test_ids_are_never_used_again(house: House) -> None:
    ids = [house.forwarders[0].new_id() for _ in range(100)]
    assert len(set(ids)) == 100


def test_reports_find_their_owners(house: House) -> None:
    forwarder = house.forwarders[0]
    ann, bob, ear = Owner(), Owner(), Owner()
    transport = forwarder.open_transport(ann)
    one = forwarder.add_track(ann, transport, "0", "opus", [("", 1, 0)])
    two = forwarder.add_track(bob, transport, "1", "opus", [("", 2, 0)])
    egress = forwarder.add_egress(ear, transport, 5, "a0", 10, 0)
    house.report(
        fake_plane.Audible(one, True),
        fake_plane.Levels([(one, 20), (two, 30), (999, 1)]),
        fake_plane.TrackRates(two, [(1, 2.0, 3, 4)]),
        fake_plane.Switched(egress, one, 2, 1),
        fake_plane.Refused("bind", "no such route"),
        fake_plane.Audible(999, True),
        fake_plane.Switched(999, None, -1, 0),
        fake_plane.PathUp(999, "127.0.0.1:1"),
    )
    assert ann.heard == [("audible", one, True), ("levels", [(one, 20)])]
    assert bob.heard == [("levels", [(two, 30)]), ("rates", two, [(1, 2.0, 3, 4)])]
    assert ear.heard == [("switched", egress, one, 2)]
    forwarder.remove_track(one)
    forwarder.forget_egress(egress)
    house.report(fake_plane.Audible(one, True), fake_plane.Switched(egress, one, 2, 1))
    assert len(ann.heard) == 2
    assert len(ear.heard) == 1
    forwarder.remove_track(one)
    assert house.worker.named("remove_track") == [(one,)]


def test_a_fault_about_one_does_not_cost_the_others_their_reports(house: House) -> None:
    class Faulty(Owner):
        def audible(self, track: int, audible: bool, now: float) -> None:
            raise RuntimeError("a bug")

    forwarder = house.forwarders[0]
    faulty, fine = Faulty(), Owner()
    transport = forwarder.open_transport(fine)
    one = forwarder.add_track(faulty, transport, "0", "opus", [("", 1, 0)])
    two = forwarder.add_track(fine, transport, "1", "opus", [("", 2, 0)])
    house.report(fake_plane.Audible(one, True), fake_plane.Audible(two, True))
    assert fine.heard == [("audible", two, True)]


def test_a_panic_is_noted_and_no_more_commands_are_kept(house: House) -> None:
    house.report(fake_plane.Fault("index out of bounds"))
    assert house.forwarders[0].fault == "index out of bounds"
    house.worker.busy = True
    house.forwarders[0].order(house.worker.add_route, 1, False)
    house.forwarders[0].tick(house.now)
    assert not house.forwarders[0]._backlog


def test_a_worker_that_has_stopped_is_noticed_by_its_commands(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*args: Any) -> None:
        raise RuntimeError("the worker has stopped")

    monkeypatch.setattr(house.worker, "add_route", stopped, raising=False)
    house.forwarders[0].order(house.worker.add_route, 1, False)
    assert house.forwarders[0].fault == "the worker has stopped"


def test_a_flood_of_datagrams_leaves_no_timers_behind(house: House) -> None:
    from sfu.dtls import Certificate
    from sfu.forwarder import Remote

    forwarder = house.forwarders[0]
    transport = forwarder.open_transport(Owner())
    remote = Remote((Certificate.generate().fingerprint,), True, {}, [], "c")
    forwarder.connect(transport, remote, house.now)
    house.report(fake_plane.PathUp(transport.id, "127.0.0.1:1"))
    for _ in range(500):
        house.report(fake_plane.Handshake(transport.id, b"\x16\xfe\xfd"))
    assert len(forwarder._deadlines) < 10


def test_feedback_becomes_rates_and_levels_each_tick(house: House) -> None:
    forwarder = house.forwarders[0]
    owner = Owner()
    transports = [forwarder.open_transport(owner).id for _ in range(3)]
    house.worker.rows = bytes(FEEDBACK.itemsize * 5)
    forwarder.tick(house.now)
    assert forwarder.subscribers.tally.rows == 5
    assert house.worker.named("set_rates") == [], "nobody receives"
    camera = Demand("seat-0", (Layer(100_000, 180), Layer(2_000_000, 720)))
    stairs = staircase([camera], audio=64_000, ceiling=3_000_000)
    forwarder.subscribers.assign(transports, stairs)
    for transport in transports[:2]:
        forwarder.subscribers.open(transport, house.now)
    forwarder.tick(house.now + 0.05)
    ((rates,),) = house.worker.named("set_rates")
    assert np.frombuffer(rates, RATES)["transport"].tolist() == transports[:2]
    assert owner.heard == [("leveled", transports[:2])]
    forwarder.tick(house.now + 0.1)
    assert len(house.worker.named("set_rates")) == 2, "a sign of life, whatever is new"
    assert len(owner.heard) == 1


def test_a_transport_that_has_gone_is_no_subscriber(house: House) -> None:
    forwarder = house.forwarders[0]
    transport = forwarder.open_transport(Owner())
    forwarder.subscribers.assign([transport.id], staircase([], audio=1, ceiling=1))
    forwarder.subscribers.open(transport.id, house.now)
    forwarder.drop_transport(transport, "done", house.now)
    assert len(forwarder.subscribers) == 0
    forwarder.tick(house.now)
    assert house.worker.named("set_rates") == []


def test_workers_have_consecutive_ports(house: House) -> None:
    settings = MediaSettings(udp_port=7970, host="127.0.0.1", video_ring=256)
    worker: Any = start_worker(settings, 2)
    assert worker.settings["port"] == 7972
    assert worker.settings["host"] == "127.0.0.1"
    assert worker.settings["video_ring"] == 256
    anywhere: Any = start_worker(MediaSettings(udp_port=0), 2)
    assert anywhere.settings["port"] == 0
    assert anywhere.settings["host"] is None
