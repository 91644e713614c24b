import pytest

from sfu.config.budgets import Budget, call_types, download, upload


@pytest.mark.parametrize(
    ("budget", "audio", "video", "screen"),
    [
        (download(0, "sd"), 512_000, 0, 0),
        (download(1, "sd"), 512_000, 1_000_000, 0),
        (download(1, "hd"), 512_000, 2_000_000, 0),
        (download(3, "sd"), 1_500_000, 3_000_000, 0),
        (download(4, "hd"), 2_000_000, 4_000_000, 0),
        (download(5, "sd"), 2_500_000, 5_000_000, 0),
        (download(6, "sd"), 3_000_000, 6_000_000, 0),
        (download(7, "hd"), 3_500_000, 7_000_000, 0),
        (download(1, "sd", "lite"), 512_000, 1_000_000, 2_000_000),
        (download(1, "sd", "hq"), 512_000, 1_000_000, 5_000_000),
        (download(1, "sd", "browser"), 512_000, 1_000_000, 4_000_000),
    ],
)
def test_the_table(budget: Budget, audio: int, video: int, screen: int) -> None:
    assert budget == (audio, video, screen)
    assert budget.total == audio + video + screen


def test_upload() -> None:
    assert upload("hd", "browser") == {
        "microphone": 512_000,
        "camera": 2_000_000,
        "screen": 4_000_000,
        "screen_audio": 512_000,
    }


def test_call_types_are_the_table() -> None:
    types = {each.name: each for each in call_types()}
    assert next(iter(types)) == "audio"
    assert types["audio and one camera, HD"].download.most == 2_512_000
    assert types["7 cameras"].download.most == 10_500_000
    assert types["7 cameras"].upload.most == 1_512_000
    assert types["screen share, hq"].upload == (2_128_000, 5_512_000)
    assert all(each.download.least <= each.download.most for each in types.values())
