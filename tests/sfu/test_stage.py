"""A room's media: what the worker is told, whatever people do."""

import dataclasses

from sfu.commands import Configure
from tests.sfu import fake_plane
from tests.sfu.house import House, Visitor


def routes(house: House) -> list[int]:
    return [args[0] for args in house.worker.named("add_route")]


def targets(house: House) -> dict[int, int]:
    """The last target of each egress."""
    return {
        egress: spatial
        for args in house.worker.named("set_targets")
        for egress, spatial, _ in args[0]
    }


def egress(house: House, visitor: Visitor, mid: str) -> int:
    """The egress behind an m-line of the visitor's last answered offer."""
    stage = house.live().stage
    assert stage is not None
    downlink = stage.downlink(visitor.id)
    assert downlink is not None
    (found,) = [
        args[0]
        for args in house.worker.named("add_egress")
        if (args[1], args[3]) == (downlink.id, mid)
    ]
    return int(found)


def tracks(house: House) -> dict[str, int]:
    """Codec to the newest track of it."""
    return {args[3]: args[0] for args in house.worker.named("add_track")}


def test_a_room_has_two_routes_for_each_slot_while_somebody_is_there(house: House) -> None:
    ann = house.member("presenter")
    assert [args[1] for args in house.worker.named("add_route")] == [False, True] * 6
    assert house.forwarders[0].load == 1
    ann.ask("leave")
    assert sorted(args[0] for args in house.worker.named("remove_route")) == routes(house)
    assert house.forwarders[0].load == 0
    assert house.live().stage is None


def test_publishing_binds_the_seats_routes(house: House) -> None:
    house.presenter()
    ids = tracks(house)
    assert house.worker.named("add_track")[1][2:] == (
        "1",
        "vp8",
        [("q", 0, 0), ("h", 0, 0), ("f", 0, 0)],
    )
    seat_one = routes(house)[2:4]
    assert house.worker.named("bind") == [(seat_one[0], ids["opus"]), (seat_one[1], ids["vp8"])]


def test_a_source_costs_one_bind_and_one_command_of_targets_whatever_the_audience(
    house: House,
) -> None:
    ann = house.member("presenter")
    crowd = [house.member() for _ in range(40)]
    for each in crowd:
        each.receive()
    house.worker.take()
    ann.publish({"0": "microphone", "1": "camera"})
    names = [name for name, _ in house.worker.take()]
    assert names == [
        "open_transport", "set_remote", "set_upload", "add_track", "compete", "add_track", "bind",
        "bind", "set_targets",
    ]  # fmt: skip
    # Microphone off and on: nothing but the mute.
    ann.ask("mute", source="microphone", muted=True)
    ann.ask("mute", source="microphone", muted=False)
    assert [name for name, _ in house.worker.take()] == ["mute", "mute"]


def test_microphones_of_a_room_compete_for_the_places_that_its_settings_give(
    house: House,
) -> None:
    house.presenter()
    house.presenter()
    house.presenter(room="annex")
    first, second, other = house.worker.named("compete")
    assert (first[1:], second[1:]) == ((first[1], 5), (first[1], 5))
    assert other[1] != first[1]
    microphones = [args[0] for args in house.worker.named("add_track") if args[3] == "opus"]
    assert [each[0] for each in (first, second, other)] == microphones
    house.worker.take()
    live = house.live()
    live.execute(Configure(dataclasses.replace(live.room.options, microphones=2)), None)
    assert house.worker.named("compete") == [(*first[:2], 2), (*second[:2], 2)]
    live.execute(Configure(dataclasses.replace(live.room.options, attendees=7)), None)
    assert len(house.worker.named("compete")) == 2


def test_a_receiver_has_an_egress_for_each_line_it_answered(house: House) -> None:
    attendee = house.member()
    attendee.answer()
    added = house.worker.named("add_egress")
    assert [args[3] for args in added] == [
        "a0", "v0", "a1", "v1", "a2", "v2", "a3", "v3", "a4", "v4", "as", "vs",
    ]  # fmt: skip
    assert [args[2] for args in added] == routes(house)
    ssrcs = [args[4] for args in added] + [args[5] for args in added if args[5]]
    assert len(set(ssrcs)) == 18
    for args in added:
        assert f"a=ssrc:{args[4]} " in attendee.offer["sdp"]


def test_ones_own_seat_carries_no_media(house: House) -> None:
    ann = house.presenter()
    ann.receive()
    bob = house.presenter()
    bob.receive()
    aims = targets(house)
    assert aims[egress(house, ann, "a1")] == aims[egress(house, ann, "v1")] == -1
    assert aims[egress(house, ann, "a2")] == 0
    assert aims[egress(house, ann, "v2")] == 2
    assert aims[egress(house, bob, "v1")] == 2
    assert aims[egress(house, bob, "v2")] == -1


def test_the_view_chooses_the_layer(house: House) -> None:
    house.presenter()
    dan = house.member()
    dan.receive()
    camera, sound = egress(house, dan, "v1"), egress(house, dan, "a1")
    assert targets(house)[camera] == 2
    for view, spatial in [
        ({"max_height": 180}, 0),
        ({"max_height": 300}, 1),
        ("off", -1),
        ({"max_height": 720}, 2),
    ]:
        house.worker.take()
        dan.ask("view", slots={"seat-1": view})
        assert house.worker.named("set_targets") == [([(camera, spatial, 7)],)]
    # Sound goes on, whatever is looked at.
    house.worker.take()
    dan.ask("view", slots={"seat-1": "off"})
    assert targets(house) == {camera: -1}
    assert sound != camera


def test_real_heights_and_rates_replace_what_was_assumed(house: House) -> None:
    house.presenter()
    dan = house.member()
    dan.receive()
    dan.ask("view", slots={"seat-1": {"max_height": 360}})
    camera = egress(house, dan, "v1")
    assert targets(house)[camera] == 1
    house.report(
        fake_plane.TrackRates(
            tracks(house)["vp8"],
            [(100_000, 30.0, 640, 360), (300_000, 30.0, 1280, 720), (900_000, 30.0, 1920, 1080)],
        )
    )
    house.pass_time(0.6)
    assert targets(house)[camera] == 0


def test_the_rooms_budget_is_a_ceiling(house: House) -> None:
    presenters = [house.presenter() for _ in range(3)]
    dan = house.member()
    dan.receive()
    # Three cameras: 1.5 + 3 Mbit/s in all. Each at 2.6 Mbit/s on top would be 7.8.
    rates = [(150_000, 30.0, 320, 180), (500_000, 30.0, 640, 360), (2_600_000, 30.0, 1280, 720)]
    cameras = [args[0] for args in house.worker.named("add_track") if args[3] == "vp8"]
    for _ in range(20):
        house.report(*(fake_plane.TrackRates(track, rates) for track in cameras))
    house.pass_time(0.6)
    aims = targets(house)
    spatials = sorted(aims[egress(house, dan, f"v{seat}")] for seat in (1, 2, 3))
    assert spatials == [1, 2, 2], "two of them with half the frames"
    dan.ask("view", slots={"seat-3": {"max_height": 720, "priority": 9}})
    assert targets(house)[egress(house, dan, "v3")] == 2
    assert len(presenters) == 3


def test_who_is_pinned_steps_down_last(house: House) -> None:
    for _ in range(3):
        bob = house.presenter()
    dan = house.member()
    dan.receive()
    for track in [args[0] for args in house.worker.named("add_track") if args[3] == "vp8"]:
        rates = [(150_000, 30.0, 320, 180), (500_000, 30.0, 640, 360), (4_000_000, 30.0, 1280, 720)]
        for _ in range(20):
            house.report(fake_plane.TrackRates(track, rates))
    house.pass_time(0.6)
    assert targets(house)[egress(house, dan, "v3")] < 2
    dan.ask("view", pin=bob.id)
    assert targets(house)[egress(house, dan, "v3")] == 2
    dan.ask("view", pin=None)
    assert targets(house)[egress(house, dan, "v3")] < 2


def test_a_muted_camera_gives_its_share_back(house: House) -> None:
    ann = house.presenter()
    dan = house.member()
    dan.receive()
    camera = egress(house, dan, "v1")
    ann.ask("mute", source="camera", muted=True)
    assert targets(house)[camera] == -1
    ann.ask("mute", source="camera", muted=False)
    assert targets(house)[camera] == 2


def test_quality_is_told_once_a_second_and_only_when_it_changes(house: House) -> None:
    house.presenter()
    dan = house.member()
    dan.receive()
    camera, track = egress(house, dan, "v1"), tracks(house)["vp8"]
    rates = [(100_000, 30.0, 320, 180), (400_000, 30.0, 640, 360), (1_100_000, 30.0, 1280, 720)]
    house.report(fake_plane.TrackRates(track, rates))
    house.pass_time(1.1)
    dan.read()
    house.report(fake_plane.Switched(camera, track, 2, 2))
    house.pass_time(1.1)
    assert dan.events("quality") == [
        {
            "type": "quality",
            "slots": {"seat-1": {"width": 1280, "height": 720, "fps": 30, "reason": "full"}},
        }
    ]
    house.report(fake_plane.TrackRates(track, rates))
    house.pass_time(2.1)
    assert dan.events("quality") == []
    dan.ask("view", slots={"seat-1": {"max_height": 180}})
    house.report(fake_plane.Switched(camera, track, 0, 2))
    house.pass_time(1.1)
    (event,) = dan.events("quality")
    assert event["slots"]["seat-1"] == {"width": 320, "height": 180, "fps": 30, "reason": "view"}
    dan.ask("view", slots={"seat-1": "off"})
    house.pass_time(1.1)
    (event,) = dan.events("quality")
    assert event["slots"]["seat-1"]["reason"] == "off"


def test_a_layer_that_is_not_sent_is_the_publishers_doing(house: House) -> None:
    ann = house.presenter()
    dan = house.member()
    dan.receive()
    camera, track = egress(house, dan, "v1"), tracks(house)["vp8"]
    house.report(
        fake_plane.TrackRates(
            track, [(100_000, 30.0, 320, 180), (400_000, 30.0, 640, 360), (0, 0.0, 0, 0)]
        ),
        fake_plane.Switched(camera, track, 1, 2),
    )
    house.pass_time(1.1)
    assert dan.events("quality")[-1]["slots"]["seat-1"]["reason"] == "publisher"
    ann.ask("unpublish", source="camera")
    house.pass_time(1.1)
    assert dan.events("quality")[-1]["slots"] == {"seat-1": None}


def test_levels_name_the_speaker(house: House) -> None:
    ann = house.presenter()
    dan = house.member()
    sound = tracks(house)["opus"]
    for _ in range(5):
        house.report(fake_plane.Levels([(sound, 25)]))
        house.pass_time(0.2)
    assert dan.events("speaker") == [{"type": "speaker", "participant": ann.id}]
    ann.ask("mute", source="microphone", muted=True)
    assert dan.events("speaker") == [{"type": "speaker", "participant": None}]
    for _ in range(5):
        house.report(fake_plane.Levels([(sound, 25)]))
        house.pass_time(0.2)
    assert dan.events("speaker") == []
