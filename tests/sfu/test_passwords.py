"""Passwords are kept as hashes and checked elsewhere."""

from collections.abc import Callable

import pytest

from sfu import passwords
from sfu.errors import Refusal
from sfu.passwords import Passwords, Verdict, check_password, hash_password


class Elsewhere:
    """Keeps checks until they are asked for."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], bool], Verdict]] = []

    def __call__(self, check: Callable[[], bool], verdict: Verdict) -> None:
        self.waiting.append((check, verdict))

    def go_on(self) -> None:
        while self.waiting:
            check, verdict = self.waiting.pop(0)
            verdict(check())


STORED = hash_password("open sesame")


def test_only_the_password_fits() -> None:
    assert check_password("open sesame", STORED)
    assert not check_password("open sesame ", STORED)
    assert not check_password("", STORED)
    assert "sesame" not in STORED
    assert hash_password("open sesame") != STORED  # salted


@pytest.mark.parametrize(
    "stored",
    [
        "", "open sesame", "$scrypt$$$", "$scrypt$ln=40,r=8,p=1$c2FsdA$aGFzaA",
        "$scrypt$ln=20,r=8,p=99$c2FsdA$aGFzaA", "$scrypt$ln=x,r=8,p=1$c2FsdA$aGFzaA",
        "$argon2$ln=4,r=8,p=1$c2FsdA$aGFzaA", "$scrypt$ln=4,r=8,p=1$*$*",
    ],
)  # fmt: skip
def test_what_is_no_hash_fits_nothing(stored: str) -> None:
    assert not check_password("", stored)


def test_equal_checks_are_one_and_right_ones_are_remembered() -> None:
    elsewhere = Elsewhere()
    checks = Passwords(elsewhere)
    verdicts: list[bool] = []
    for _ in range(1000):
        checks.check("open sesame", STORED, verdicts.append)
    checks.check("guess", STORED, verdicts.append)
    assert len(elsewhere.waiting) == 2
    assert verdicts == []
    elsewhere.go_on()
    assert verdicts == [True] * 1000 + [False]
    checks.check("open sesame", STORED, verdicts.append)
    assert verdicts[-1] is True
    assert not elsewhere.waiting
    # A wrong one is never remembered, nor is a right one of another hash.
    checks.check("guess", STORED, verdicts.append)
    checks.check("open sesame", STORED + "x", verdicts.append)
    assert len(elsewhere.waiting) == 2


class Threads:
    """Runs as many checks as there are threads; notes in which order they begin."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.running: list[Verdict] = []

    def __call__(self, check: Callable[[], bool], verdict: Verdict) -> None:
        check()
        self.running.append(verdict)
        assert len(self.running) <= passwords.THREADS


def test_one_rooms_guesses_do_not_hold_up_another_room(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = Threads()

    def wrong(password: str, stored: str) -> bool:
        threads.began.append(stored)
        return False

    monkeypatch.setattr(passwords, "check_password", wrong)
    checks = Passwords(threads)
    verdicts: list[str] = []
    for number in range(passwords.WAITING_PER_ROOM):
        checks.check(f"guess {number}", "attacked", lambda _: verdicts.append("attacked"))
    with pytest.raises(Refusal) as refused:
        checks.check("one more", "attacked", lambda _: None)
    assert refused.value.code == "overloaded"
    checks.check("open sesame", "quiet", lambda _: verdicts.append("quiet"))
    checks.check("open sesame", "calm", lambda _: verdicts.append("calm"))
    assert len(threads.running) == passwords.THREADS
    while threads.running:
        threads.running.pop(0)(False)
    # After those that were running, the others have their turns.
    assert set(threads.began[: passwords.THREADS + 3]) == {"attacked", "quiet", "calm"}
    assert len(verdicts) == passwords.WAITING_PER_ROOM + 2


def test_the_queue_is_bounded() -> None:
    elsewhere = Elsewhere()
    checks = Passwords(elsewhere)
    for number in range(passwords.WAITING):
        checks.check("guess", str(number), lambda right: None)
    with pytest.raises(Refusal) as refused:
        checks.check("guess", "one more", lambda right: None)
    assert refused.value.code == "overloaded"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "check_password", lambda password, stored: True)
    elsewhere = Elsewhere()
    checks = Passwords(elsewhere)
    for number in range(passwords.REMEMBERED + 50):
        checks.check("x", str(number), lambda right: None)
        elsewhere.go_on()
    assert len(checks._right) == passwords.REMEMBERED
