"""People and their views."""

import pytest

from sfu.participant import Client, Participant, Role, SlotView, View
from sfu.track import Media, Source, Track


@pytest.mark.parametrize(
    ("role", "presents"),
    [(Role.ORGANIZER, True), (Role.PRESENTER, True), (Role.ATTENDEE, False), (Role.VIEWER, False)],
)
def test_who_presents(role: Role, presents: bool) -> None:
    assert role.presents is presents


def test_a_view_is_merged_slot_by_slot() -> None:
    old = View({"seat-0": SlotView(180, 1), "seat-1": "off"}, "gallery", "ann", True)
    new = old.merged(View({"seat-0": "off"}, auto_speaker=False))
    assert new == View({"seat-0": "off", "seat-1": "off"}, "gallery", "ann", False)
    assert new.merged(View(pin="")).pin == ""
    assert new.merged(View()) == new


def test_what_is_sent() -> None:
    ann = Participant("p1", "ann", "Ann", Role.PRESENTER, 0.0)
    assert not ann.sends(Source.CAMERA)
    ann.tracks[Source.CAMERA] = Track("p1", Source.CAMERA, Media("1", "vp8", ()))
    assert ann.sends(Source.CAMERA)
    ann.tracks[Source.CAMERA].muted = True
    assert not ann.sends(Source.CAMERA)


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ({"browser": "Chromium 139", "platform": "Linux"}, Client("Chromium 139", "Linux")),
        ({"browser": " \n\0Fire\ud800fox\u202e ", "platform": 7}, Client("Firefox", None)),
        ({"browser": "x" * 1000, "platform": ""}, Client("x" * 64, None)),
        ({"browser": ["x"], "platform": {}}, Client()),
        ({"name": "else"}, Client()),
        ({}, Client()),
    ],
)
def test_a_client_may_say_anything_of_itself(said: dict[str, object], taken: Client) -> None:
    assert Client.said(said) == taken
