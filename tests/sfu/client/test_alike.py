"""Both clients have the same verbs, know the same of a room, and tell the same events: what one has
alone has its reason here."""

import re
from collections.abc import Iterable
from pathlib import Path

from sfu.client import Client
from sfu.client.room_view import RoomView
from sfu.signaling import events, messages

ROOT = Path(__file__).parents[3]
STATIC = ROOT / "signaling" / "static"

BROWSER_ALONE = {
    "connect": "Python's `async with` does it",
    "on": "Python reads `events()`",
    "publish_camera": "a browser captures; Python is given tracks, by `publish`",
    "publish_microphone": "the same",
    "publish_screen": "the same",
    "publish_stats": "aiortc has none of layers",
    "publish_connection": "aiortc's are not for others to touch",
    "receive_connection": "the same",
    "streams": "`track` gives each",
    "stats": "aiortc has none of slots",
    "devices": "of a browser",
    "use_device": "of a browser",
}
PYTHON_ALONE = {
    "publish": "`publishCamera` and its sisters",
    "events": "`on`",
    "until": "for scripts; pages react to events",
    "close": "a page that goes closes its socket",
    "seat": "for bots, which look at slots by name",
}
BROWSER_EVENTS = {
    "state": "Python has it as a property, for `until`",
    "stream": "Python's tracks are there before their slot has anybody",
    "local": "Python's sources are the program's own tracks",
    "device": "of a browser",
    "devices": "of a browser",
}

NOT_ASKED: dict[str, set[str]] = {"*.js": set(), "*.py": {"restart_ice", "stats"}}
"""Requests that a client never makes: aiortc cannot restart ICE, and does not know what froze."""
EVENTS = [
    each
    for each in vars(events).values()
    if isinstance(each, type) and issubclass(each, messages.Message) and "type" in each.model_fields
]


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def of_browser(
    names: Iterable[str] = ("commands", "own-sources", "sfu-client", "room-view"),
) -> set[str]:
    """Public methods, getters and fields of its declarations."""
    found: set[str] = set()
    for name in names:
        text = (STATIC / "types" / f"{name}.d.ts").read_text(encoding="utf-8")
        text = re.sub(r"(?s)/\*.*?\*/ *", "", text)
        body = text[text.index("export class") :].partition("\n}\n")[0]
        found |= set(re.findall(r"^    (?:get )?(\w+)(?:<.*>)?[(:]", body, re.MULTILINE))
    return {snake(name) for name in found} - {"constructor"}


def of_python() -> set[str]:
    fields = vars(RoomView()).keys()
    return {name for name in {*dir(Client), *fields} if not name.startswith("_")}


def test_verbs_and_what_is_known() -> None:
    browser, python = of_browser(), of_python()
    assert {"grant_seat", "participants", "may_publish"} <= browser & python
    assert browser - python == BROWSER_ALONE.keys()
    assert python - browser == PYTHON_ALONE.keys()


def test_every_request_of_the_protocol_is_made_by_both() -> None:
    requests = {
        field.default
        for each in vars(messages).values()
        if isinstance(each, type) and issubclass(each, messages.Request)
        for name, field in each.model_fields.items()
        if name == "type" and isinstance(field.default, str)
    }
    assert "grant_seat" in requests
    for folder, ending in ((STATIC, "*.js"), (ROOT / "sfu" / "client", "*.py")):
        sources = "".join(path.read_text(encoding="utf-8") for path in folder.glob(ending))
        made = set(re.findall(r"""(?:request|insist)\(\s*['"](\w+)['"]""", sources))
        assert requests - made == NOT_ASKED[ending], folder


def test_own_events() -> None:
    types = (STATIC / "types" / "types.d.ts").read_text(encoding="utf-8")
    block = types[types.index("export type OwnEvents") :].partition("\n};\n")[0]
    browser = set(re.findall(r"^    (\w+):", block, re.MULTILINE))
    protocol = {each.model_fields["type"].default for each in EVENTS}
    told = set(re.findall(r"`(\w+)`\s+\(", Client.events.__doc__ or ""))
    assert told >= {"joined", "closed"}
    assert browser - protocol - told == BROWSER_EVENTS.keys()
    assert not told - browser


def test_the_same_events_change_what_is_known() -> None:
    script = (STATIC / "room-view.js").read_text(encoding="utf-8")
    program = (ROOT / "sfu/client/room_view.py").read_text(encoding="utf-8")
    followed = set(re.findall(r"case '(\w+)':", script))
    assert len(followed) > 5
    assert followed == set(re.findall(r'case "(\w+)":', program))
