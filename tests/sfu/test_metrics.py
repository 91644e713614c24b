"""Every metric of the table is given, and the plane's counters find their places."""

import re
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sfu.config import ServerSettings
from sfu.daemon import Daemon
from sfu.metrics import TABLE, place, render
from sfu.tls import Tls
from tests.sfu import fake_plane
from tests.sfu.authority import DAY, Authority
from tests.sfu.house import House
from tests.sfu.test_stage import tracks


@pytest.fixture
def daemon(house: House) -> Daemon:
    daemon = Daemon(house.settings, dev=True)
    daemon.forwarders += house.forwarders
    return daemon


def values(text: bytes) -> dict[str, float]:
    return {
        sample.name + str(sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_every_metric_of_the_table_is_given_with_its_help(daemon: Daemon) -> None:
    families = {
        family.name: family
        for family in text_string_to_metric_families(daemon.metrics.render().decode())
        if not family.name.endswith("_created")  # the library's, beside each histogram
        and not family.name.startswith("process_")
    }
    assert families.keys() == TABLE.keys()
    for name, (kind, _, help) in TABLE.items():
        assert families[name].type == kind
        assert families[name].documentation == help


def test_the_planes_counters_are_shown(daemon: Daemon) -> None:
    shown = values(daemon.metrics.render())
    assert shown["sfu_packets_total['in', 'rtp']"] == 7
    assert shown["sfu_bytes_total['out', 'rtx']"] == 9
    assert shown["sfu_drops_total['no_keys']"] == 2
    assert shown["sfu_nacks_total['in']"] == 3
    assert shown["sfu_plis_total['out']"] == 4
    assert shown["sfu_retransmissions_total[]"] == 5
    assert shown["sfu_srtp_failures_total[]"] == 6
    assert shown["sfu_layer_switches_total[]"] == 1
    assert shown["sfu_freezes_total['keyframe']"] == 2
    assert shown["sfu_frozen_seconds_total['keyframe']"] == 1.5
    assert shown["sfu_plane_busy_share['0']"] == 0.25


def test_rooms_and_people_are_counted(daemon: Daemon, house: House) -> None:
    house.member("presenter")
    house.member()
    daemon.rooms = house.rooms
    shown = values(daemon.metrics.render())
    assert shown["sfu_rooms[]"] == 1
    assert shown["sfu_participants['presenter']"] == 1
    assert shown["sfu_participants['attendee']"] == 1
    assert shown["sfu_participants['viewer']"] == 0
    assert shown["sfu_transports['new']"] == 2


def test_joins_and_refusals_are_counted(daemon: Daemon, house: House) -> None:
    daemon.admission = house.admission
    joined = house.member().joined
    house.prepare("later")
    house.guest(room="later")
    visitor = house.visitor()
    assert visitor.ask("join", room="hall", resume=joined["resume"])["resumed"]
    assert house.visitor().ask("join", room="hall", token="rubbish")["code"] == "invalid_token"
    assert visitor.ask("join", room="hall")["code"] == "already_joined"
    shown = values(daemon.metrics.render())
    for result in ("admitted", "waiting", "resumed"):
        assert shown[f"sfu_joins_total['{result}']"] == 1
    refused = {name: count for name, count in shown.items() if name.startswith("sfu_joins_refused")}
    assert {name: count for name, count in refused.items() if count} == {
        "sfu_joins_refused_total['already_joined']": 1,
        "sfu_joins_refused_total['invalid_token']": 1,
    }
    assert refused["sfu_joins_refused_total['room_full']"] == 0


@pytest.mark.parametrize(
    ("counter", "metric", "labels"),
    [
        ("packets_in_stun", "sfu_packets", ("in", "stun")),
        ("bytes_out_dtls", "sfu_bytes", ("out", "dtls")),
        ("drop_stun_unknown_user", "sfu_drops", ("stun_unknown_user",)),
        ("freezes_link", "sfu_freezes", ("link",)),
        ("frozen_us_link", "sfu_frozen_seconds", ("link",)),
        ("nacks_out", "sfu_nacks", ("out",)),
        ("firs_in", "sfu_firs", ("in",)),
        ("packets_in", "sfu_plane_events", ("packets_in",)),
        ("nacks_in_all", "sfu_plane_events", ("nacks_in_all",)),
        ("drop", "sfu_plane_events", ("drop",)),
    ],
)
def test_places(counter: str, metric: str, labels: tuple[str, ...]) -> None:
    assert place(counter) == (metric, labels)
    assert len(TABLE[metric][1]) == len(labels)


def test_the_process_is_measured(daemon: Daemon) -> None:
    shown = values(daemon.metrics.render())
    assert shown["process_resident_memory_bytes[]"] > 1e6
    assert shown["process_open_fds[]"] > 0


def test_the_end_of_the_certificate(daemon: Daemon, tmp_path: Path) -> None:
    assert "sfu_certificate_end_seconds[]" not in values(daemon.metrics.render())
    certificate, key = Authority().issue(tmp_path, "sfu.example", valid_for=DAY)
    daemon.tls = Tls(ServerSettings(certificate=str(certificate), key=str(key)))
    end = values(daemon.metrics.render())["sfu_certificate_end_seconds[]"]
    assert 0.99 < (end - time.time()) / DAY.total_seconds() < 1.01


def test_two_servers_do_not_share_a_registry(house: House) -> None:
    one, two = Daemon(house.settings, dev=True), Daemon(house.settings, dev=True)
    one.metrics.lag.observe(0.5)
    lag = re.compile(rb"sfu_event_loop_lag_seconds_count (\S+)")
    assert lag.findall(one.metrics.render()) == [b"1.0"]
    assert lag.findall(two.metrics.render()) == [b"0.0"]


def test_the_page_is_up_to_date() -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert page == render(), "python -m sfu.metrics > docs/metrics.md"


LAYERS = [(150_000, 30.0, 320, 180), (450_000, 30.0, 640, 360), (2_500_000, 30.0, 1280, 720)]


def test_paths_layers_and_uploads_are_shown(daemon: Daemon, house: House) -> None:
    house.presenter()
    dan, eve = house.member(), house.member()
    house.report(fake_plane.TrackRates(tracks(house)["vp8"], LAYERS))
    dan.receive()
    eve.receive(300_000)
    house.pass_time(2)
    daemon.rooms = house.rooms
    shown = values(daemon.metrics.render())
    assert shown["sfu_subscribers['full']"] == 1
    assert shown["sfu_subscribers['short']"] == 1
    assert shown["sfu_subscribers['silent']"] == 0
    assert shown["sfu_subscribers_paced[]"] == 0
    given, wanted = (shown[f"sfu_subscriber_bps['{rate}']"] for rate in ("given", "wanted"))
    assert 0 < given < wanted < shown["sfu_subscriber_bps['estimate']"]
    assert shown["sfu_subscriber_share['0.05']"] < 0.5
    assert shown["sfu_subscriber_share['0.95']"] > 0.9
    assert shown["sfu_pictures['0']"] == 1
    assert shown["sfu_pictures['2']"] == 1
    assert shown["sfu_level_changes_total[]"] > 0
    assert shown["sfu_probes_total['begun']"] > 0
    assert shown["sfu_upload_bps['sent']"] == 3_100_000
    assert shown["sfu_upload_bps['budget']"] == 2_512_000
    assert shown["sfu_uploads_over_budget[]"] == 1


def test_workers_are_added_up(daemon: Daemon, house: House) -> None:
    daemon.forwarders += house.forwarders
    for forwarder in set(daemon.forwarders):
        forwarder.subscribers.tally.padding = 7
    assert values(daemon.metrics.render())["sfu_subscriber_bytes_total['padding']"] == 14


def test_who_is_sent_packet_by_packet_is_counted(daemon: Daemon, house: House) -> None:
    house.presenter()
    dan, eve = house.member(), house.member()
    dan.receive()
    eve.receive()
    told = house.forwarders[0].subscribers.estimator._pacing
    told._pacing[0] = 1.05 * told._target[0]
    assert values(daemon.metrics.render())["sfu_subscribers_paced[]"] == 1


def test_what_stops_is_a_pause(daemon: Daemon, house: House) -> None:
    house.presenter()
    dan = house.member()
    dan.receive()
    before = values(daemon.metrics.render())["sfu_picture_pauses_total[]"]
    dan.ask("view", slots={"seat-1": "off"})
    assert values(daemon.metrics.render())["sfu_picture_pauses_total[]"] == before + 1
