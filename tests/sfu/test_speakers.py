"""The active speaker: who, and how soon, and not for every cough."""

from sfu.speakers import HOLD, PAUSE, YIELD, Speakers


def talk(speakers: Speakers, now: float, seconds: float, **levels: int) -> tuple[float, list[str]]:
    """Levels five times a second; gives the time after, and each change of speaker."""
    changes = []
    for _ in range(round(seconds * 5)):
        if speakers.update(list(levels.items()), now):
            changes.append(speakers.speaker or "")
        now += 0.2
    return now, changes


def test_who_speaks_is_the_speaker_soon() -> None:
    speakers = Speakers()
    now, changes = talk(speakers, 0.0, HOLD / 2, ann=30)
    assert changes == []
    _, changes = talk(speakers, now, 1.0, ann=30)
    assert changes == ["ann"]


def test_a_cough_takes_nothing() -> None:
    speakers = Speakers()
    now, _ = talk(speakers, 0.0, 2.0, ann=30)
    now, changes = talk(speakers, now, 0.4, ann=30, bob=5)
    assert changes == []
    _, changes = talk(speakers, now, 2.0, ann=30)
    assert changes == []
    assert speakers.speaker == "ann"


def test_two_as_loud_as_each_other_do_not_flap() -> None:
    speakers = Speakers()
    now, changes = talk(speakers, 0.0, 2.0, ann=30)
    for round_ in range(30):
        now, more = talk(speakers, now, 0.2, ann=30 + round_ % 3, bob=31 - round_ % 3)
        changes += more
    assert changes == ["ann"]


def test_clearly_louder_for_a_while_takes_over() -> None:
    speakers = Speakers()
    now, _ = talk(speakers, 0.0, 2.0, ann=45)
    _, changes = talk(speakers, now, 2.0, ann=45, bob=20)
    assert changes == ["bob"]


def test_a_pause_gives_way_to_a_softer_voice() -> None:
    speakers = Speakers()
    now, _ = talk(speakers, 0.0, 2.0, ann=20)
    _, changes = talk(speakers, now, YIELD + HOLD + 0.6, bob=50)
    assert changes == ["bob"]


def test_silence_ends_a_speaker() -> None:
    speakers = Speakers()
    now, _ = talk(speakers, 0.0, 2.0, ann=20)
    assert not speakers.expire(now + PAUSE / 2)
    assert speakers.expire(now + PAUSE)
    assert speakers.speaker is None
    assert not speakers.expire(now + 10 * PAUSE)


def test_who_is_gone_is_forgotten() -> None:
    speakers = Speakers()
    now, _ = talk(speakers, 0.0, 2.0, ann=20, bob=40)
    assert not speakers.forget("bob")
    assert speakers.forget("ann")
    assert speakers.speaker is None
    _, changes = talk(speakers, now, 1.0, bob=40)
    assert changes == ["bob"]
