"""docs/webhooks.md: its events and fields are those that are told, and its receiver takes them."""

import re
import threading
import time
import typing
from dataclasses import fields
from http.server import ThreadingHTTPServer
from pathlib import Path
from unittest.mock import MagicMock

import httpx
import pytest

from sfu.announcements import announcement, person
from sfu.events import Change, LockChanged
from sfu.signaling import webhooks
from tests.signaling.rest.backend import serving
from tests.waiting import until

PAGE = (Path(__file__).parents[2] / "docs/webhooks.md").read_text(encoding="utf-8")
SECRET = "the-key-of-the-page"


def test_the_table_has_every_event_and_its_fields() -> None:
    changes = [kind(*(MagicMock() for _ in fields(kind))) for kind in typing.get_args(Change)]
    told = [announcement(MagicMock(), change) for change in (*changes, LockChanged(False, None))]
    events = {name: set(body) for name, body in filter(None, told)}
    events["usage"] = {"usage"}  # by the store
    rows = re.findall(r"^\| `([\w.]+)` \| .* \|(.*)\|$", PAGE, re.MULTILINE)
    assert {name: set(re.findall(r"`(\w+)`", said)) for name, said in rows} == events


def test_the_table_of_somebody_is_whole() -> None:
    (rows,) = re.findall(r"`participant` is somebody:\n\n((?:\|.*\n)+)", PAGE)
    assert set(re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE)) == set(person(MagicMock()))


def test_its_numbers_are_those_of_the_code() -> None:
    assert f"within {webhooks.TIMEOUT:.0f} seconds" in PAGE
    assert f"up to {webhooks.LONGEST_PAUSE / 60:.0f} minutes" in PAGE
    pauses = [webhooks.pause(attempt, 0.5) for attempt in (1, 2, 3)]
    assert f"after {pauses[0]:.0f} seconds, then {pauses[1]:.0f}, {pauses[2]:.0f}" in PAGE
    assert (webhooks.LANES_PER_TENANT, webhooks.GIVE_UP) == (8, 86_400)


async def test_its_receiver_takes_what_is_signed_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"^```python receiver\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    example: dict[str, typing.Any] = {"__name__": "receiver"}
    exec(code, example)
    with ThreadingHTTPServer(("127.0.0.1", 0), example["Receiver"]) as receiver:
        url = f"http://127.0.0.1:{receiver.server_port}/"
        threading.Thread(target=receiver.serve_forever).start()
        try:
            settings = {
                "SFU_TENANTS__ACME__WEBHOOK_URL": url,
                "SFU_TENANTS__ACME__WEBHOOK_SECRET": SECRET,
            }
            async with serving(tmp_path / "sfu.sqlite", **settings) as backend:
                await backend.create(start=False)
                await until(lambda: len(example["seen"]) == 1)
            body = b'{"id": "evt-1", "event": "room.ended", "room": "hall"}'
            now = int(time.time())
            headers = [
                {"Sfu-Signature": webhooks.signature(secret.encode(), at, body)}
                for secret, at in ((SECRET, now), (SECRET, now), ("no", now), (SECRET, now - 999))
            ]
            async with httpx.AsyncClient() as client:
                answers = [
                    await client.post(url, content=body, headers=each) for each in (*headers, {})
                ]
        finally:
            receiver.shutdown()
    assert [each.status_code for each in answers] == [204, 204, 401, 401, 401]
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.endswith(" hall") and line.startswith("room.")] == [
        "room.created hall",
        "room.ended hall",
    ]
