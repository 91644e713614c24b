"""The native engine from Python: arguments, and the floor in small."""

import select

import pytest

from sfu.bench._load import Engine, floor


def test_the_floor_delivers_every_packet() -> None:
    cost = floor(receivers=17, presenters=1, bitrate=1_200_000, fps=30, seconds=0.5, core=None)
    received = cost["received"]
    assert received["video"] + received["audio"] == received["received"] == cost["sent"]
    assert received["verified"] * 17 == cost["sent"] * 2  # two of seventeen verify
    assert (received["damaged"], received["skipped"], received["late"]) == (0, 0, 0)
    assert 0 < cost["cpu_ns"] < cost["wall_ns"]
    assert 0 < received["audio_p50_ns"] <= received["audio_p99_ns"] <= received["audio_max_ns"]


@pytest.mark.parametrize(
    "wrong", [{"receivers": 0}, {"presenters": 0}, {"fps": 0}, {"bitrate": 1}, {"seconds": -1.0}]
)
def test_the_floor_refuses_what_makes_no_sense(wrong: dict[str, float]) -> None:
    good = {"receivers": 1, "presenters": 1, "bitrate": 10**6, "fps": 30, "seconds": 0.1}
    with pytest.raises(ValueError, match=r"camera|seconds|needs"):
        floor(**{**good, **wrong}, core=None)  # type: ignore[arg-type]


def test_an_engine_counts_its_clients_and_checks_arguments() -> None:
    engine = Engine()
    try:
        assert engine.add_attendee(verify=True) == 0
        presenter = engine.add_presenter(video_ssrc=1, audio_ssrc=2, bitrate=10**6, fps=30, seed=1)
        assert presenter == 1
        snapshot = engine.snapshot()
        assert (snapshot["attendees"], snapshot["received"], snapshot["sent_video"]) == (1, 0, 0)
        with pytest.raises(ValueError, match="no endpoint 2"):
            engine.connect(2, "127.0.0.1", 1, "a:b", "c")
        with pytest.raises(ValueError, match="IP address"):
            engine.connect(0, "localhost", 1, "a:b", "c")
        with pytest.raises(ValueError, match="profile"):
            engine.set_keys(0, "NULL", b"", b"")
        with pytest.raises(ValueError, match="28 bytes"):
            engine.set_keys(0, "AEAD_AES_128_GCM", b"short", bytes(28))
    finally:
        engine.stop()
    with pytest.raises(RuntimeError, match="stopped"):
        engine.snapshot()


def test_a_path_comes_up_when_its_check_is_answered() -> None:
    """Two engines' clients are no server: nothing answers, so nothing comes up."""
    engine = Engine()
    try:
        engine.connect(engine.add_attendee(verify=False), "127.0.0.1", 9, "them:us", "secret")
        readable, _, _ = select.select([engine.fileno], [], [], 0.2)
        assert readable == []
        assert engine.events() == []
    finally:
        engine.stop()
