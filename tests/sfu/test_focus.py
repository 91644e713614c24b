"""What those see who have few m-lines: which slots, when they change, and at what cost."""

import pytest

from sfu.focus import Line
from sfu.forwarder import Remote
from sfu.room import SCREEN
from sfu.transport import Transport
from tests.sfu.house import House, Visitor
from tests.signaling.descriptions import CHROMIUM

REMOTE = Remote(("sha-256 AB",), False, {}, [(96, "vp8", 97), (111, "opus", -1)], "sfu")


class Player:
    """Somebody who watches with so many pictures and sounds."""

    def __init__(self, house: House, pictures: int = 1, sounds: int = 1) -> None:
        self.house = house
        self.visitor = house.member()
        self.stage = house.live().open_stage()
        self.transport: Transport = self.stage.offer(self.visitor.id)
        numbers = iter(range(1000, 2000))
        lines = [
            Line(video, f"{'v' if video else 'a'}{at}", next(numbers), next(numbers))
            for video, count in ((True, pictures), (False, sounds))
            for at in range(count)
        ]
        self.stage.play(self.visitor.id, self.transport, REMOTE, lines, house.now)

    @property
    def shown(self) -> tuple[list[str], list[str]]:
        """The slots of the pictures and of the sounds, by line."""
        receiver = self.stage.receivers[self.visitor.id]
        return list(receiver.video), list(receiver.audio)


def speaks(house: House, visitor: Visitor | None) -> None:
    from sfu.events import SpeakerChanged

    stage = house.live().open_stage()
    stage.follow([SpeakerChanged(visitor.id if visitor else None)], house.now)


def seat(visitor: Visitor) -> str:
    return f"seat-{visitor.joined['participant']['seat']}"


def share(visitor: Visitor, **sources: str) -> None:
    answer = visitor.publish(sources or {"0": "screen_audio", "1": "screen"}, CHROMIUM)
    assert answer["type"] == "ok", answer


def test_the_picture_follows_who_speaks_and_the_screen_goes_first(house: House) -> None:
    ann, bob = house.presenter(), house.presenter()
    player = Player(house)
    assert player.shown == ([seat(ann)], [seat(ann)])
    speaks(house, bob)
    assert player.shown == ([seat(bob)], [seat(bob)])
    speaks(house, None)
    assert player.shown == ([seat(bob)], [seat(bob)]), "who spoke last"
    house.member("presenter").publish({"1": "screen"})
    assert player.shown == ([SCREEN], [seat(bob)])
    bob.ask("unpublish", source="camera")
    bob.ask("unpublish", source="microphone")
    assert player.shown == ([SCREEN], [seat(ann)])


def test_a_screens_sound_is_heard_while_nobody_speaks(house: House) -> None:
    ann = house.presenter()
    one, two = Player(house), Player(house, sounds=2)
    share(house.member("presenter"))
    assert one.shown[1] == [SCREEN]
    assert two.shown[1] == [seat(ann), SCREEN]
    speaks(house, ann)
    assert one.shown[1] == [seat(ann)]
    assert two.shown[1] == [seat(ann), SCREEN]


def test_the_second_picture_is_who_comes_next(house: House) -> None:
    ann, bob, cem = house.presenter(), house.presenter(), house.presenter()
    player = Player(house, pictures=2)
    speaks(house, ann)
    speaks(house, cem)
    assert player.shown[0] == [seat(cem), seat(ann)]
    house.member("presenter").publish({"1": "screen"})
    assert player.shown[0] == [SCREEN, seat(cem)]
    for each in (ann, bob, cem):
        each.ask("unpublish", source="camera")
    main, second = player.shown[0]
    assert main == SCREEN
    assert second != SCREEN


def test_a_change_is_one_command_for_all_and_the_streams_stay(house: House) -> None:
    ann, bob = house.presenter(), house.presenter()
    players = [Player(house) for _ in range(3)]
    speaks(house, ann)
    house.worker.take()
    speaks(house, bob)
    commands = house.worker.take()
    moves = [args for name, args in commands if name == "show_routes"]
    assert len(moves) == 1
    assert len(moves[0][0]) == 2 * len(players)
    assert not {"add_egress", "remove_egress"} & {name for name, _ in commands}
    speaks(house, bob)
    assert not house.worker.named("show_routes")


def test_only_what_has_a_line_is_paid_for(house: House) -> None:
    for _ in range(3):
        house.presenter()
    player = Player(house)
    view = house.live().room.participant(player.visitor.id).view
    on = [slot for slot in house.live().room.slots if view.slots.get(slot) != "off"]
    assert on == player.shown[0]


@pytest.mark.parametrize("how", ["left", "lost"])
def test_who_is_gone_is_moved_no_more(house: House, how: str) -> None:
    ann, bob = house.presenter(), house.presenter()
    player = Player(house)
    if how == "left":
        player.visitor.ask("leave")
    else:
        player.transport.close("consent expired", house.now)
    speaks(house, ann)
    house.worker.take()
    speaks(house, bob)
    assert not house.worker.named("show_routes")
