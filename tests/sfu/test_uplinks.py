"""What publishers may send, and are told."""

from dataclasses import replace
from typing import Any

from sfu.commands import Configure
from sfu.config.budgets import upload
from tests.sfu.house import House, fresh_connection
from tests.signaling.descriptions import CHROMIUM

HD = upload("hd", "lite")


def told(house: House) -> list[int]:
    return [bps for _, bps, _ in house.worker.named("set_upload")]


def configure(house: House, **changes: Any) -> None:
    live = house.live()
    live.execute(Configure(replace(live.room.options, **changes)), None)


def test_the_ceiling_is_the_budget_of_all_that_is_published(house: House) -> None:
    ann = house.member("presenter")
    ann.publish({"0": "microphone"})
    assert told(house) == [HD["microphone"]]
    ann.publish({"0": "microphone", "1": "camera"})
    assert told(house)[1:] == [HD["microphone"] + HD["camera"]]
    stage = house.live().stage
    assert stage is not None
    uplink = stage.uplinks.get(ann.id)
    assert uplink is not None
    assert {id for id, *_ in house.worker.named("set_upload")} == {uplink.id}
    assert stage.uplinks.ceiling(ann.id) == HD["microphone"] + HD["camera"]
    ann.ask("unpublish", source="camera")
    assert told(house)[2:] == [HD["microphone"]]


def test_it_follows_the_settings_of_the_room(house: House) -> None:
    ann = house.presenter()
    before = told(house)
    configure(house, video="sd")
    sd = upload("sd", "lite")
    assert told(house)[len(before) :] == [sd["microphone"] + sd["camera"]]
    configure(house, screen="hq")
    assert len(told(house)) == len(before) + 1, "nobody shares a screen"
    ann.ask("mute", source="camera", muted=True)
    assert len(told(house)) == len(before) + 1


def test_a_new_connection_is_told_anew(house: House) -> None:
    ann = house.presenter()
    before = told(house)
    ann.publish({"0": "microphone", "1": "camera"}, fresh_connection(CHROMIUM))
    assert told(house)[len(before) :] == before
