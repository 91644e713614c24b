"""Clients that are not ours, in Chromium: whip-whep from npm publishes, and watches."""

import re
import time
from pathlib import Path

import pytest

from sfu.config import DEV_SECRET, DEV_TENANT
from sfu.participant import Role
from sfu.signaling.tokens import mint
from tests.calls.conftest import ChromiumPage, Invite
from tests.calls.daemon import Daemon
from tests.calls.guest import Guest, near
from tests.calls.node import modules

pytestmark = pytest.mark.asyncio(loop_scope="session")

DOCS = Path(__file__).parents[2] / "docs" / "whip-whep.md"
GREEN = (0, 255, 0)
PUBLISH = """async ([url, token]) => {
    const stream = await navigator.mediaDevices.getUserMedia({
        audio: true, video: {width: 640, height: 360},
    });
    window.pc = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
    for (const track of stream.getTracks()) pc.addTransceiver(track, {direction: 'sendonly'});
    window.client = new WHIPClient();
    await client.publish(pc, url, token);
}"""
WATCH = """async ([url, token]) => {
    window.pc = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
    for (const kind of ['audio', 'video']) pc.addTransceiver(kind, {direction: 'recvonly'});
    window.shown = document.createElement('video');
    Object.assign(shown, {autoplay: true, srcObject: new MediaStream()});
    document.body.append(shown);
    pc.ontrack = ({track}) => shown.srcObject.addTrack(track);
    window.client = new WHEPClient();
    await client.view(pc, url, token);
}"""
FRAMES = """pc.getStats().then((all) => [...all.values()]
    .find(({type, kind}) => type === 'inbound-rtp' && kind === 'video')?.framesDecoded ?? 0)"""
SOUND = """pc.getStats().then((all) => [...all.values()]
    .find(({type, kind}) => type === 'inbound-rtp' && kind === 'audio')?.totalAudioEnergy ?? 0)"""
CENTRE = """(() => {
    if (shown.videoWidth === 0) return [0, 0, 0];
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [64, 36];
    const paper = canvas.getContext('2d');
    paper.drawImage(shown, 0, 0, 64, 36);
    return [...paper.getImageData(32, 8, 1, 1).data.slice(0, 3)];
})()"""


async def begin(guest: Guest, daemon: Daemon, protocol: str, script: str, role: Role) -> None:
    """Starts the npm client of a protocol in a page that is in no room."""
    assert isinstance(guest.page, ChromiumPage)
    await guest.page.goto(daemon.url)
    code = (modules() / "whip-whep" / f"{protocol}.js").read_text()
    # The page lets in no modules from elsewhere.
    name = f"{protocol.upper()}Client"
    code = code.replace(f"export class {name}", f"window.{name} = class")
    # It puts commas between the candidates of a restart, which is no description any more.
    code = code.replace("candidates.join()", "candidates.join('')")
    await guest.page.tab.evaluate(f"() => {{ {code} }}")
    # In one layer, the floor of three is more than the room's budget for a picture.
    await guest.evaluate("probe.honest()")
    url = f"{daemon.url}/v1/{protocol}/{guest.room}"
    await guest.page.tab.evaluate(script, [url, token_of(guest, protocol, role)])


def token_of(guest: Guest, identity: str, role: Role) -> str:
    return mint(
        DEV_SECRET, tenant=DEV_TENANT, room=guest.room, identity=identity, role=role,
        now=time.time(), ttl=600,
    )  # fmt: skip


async def watch_by_the_docs(guest: Guest, daemon: Daemon) -> None:
    (code,) = re.findall(r"```js\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert isinstance(guest.page, ChromiumPage)
    script = f"""async ([url, token]) => {{
        {code}
        window.shown = document.createElement('video');
        shown.autoplay = true;
        document.body.append(shown);
        window.stop = await watch(url, token, shown);
    }}"""
    url = f"{daemon.url}/v1/whep/{guest.room}"
    await guest.page.tab.evaluate(script, [url, token_of(guest, "whep", Role.ATTENDEE)])


async def until_more_frames(guest: Guest) -> None:
    before = await guest.evaluate(FRAMES)
    await guest.until(FRAMES, lambda frames: frames >= before + 10)


async def test_publishing_and_watching_by_http(invite: Invite, daemon: Daemon) -> None:
    camera, viewer = await invite("Camera", "presenter"), await invite("Viewer", "attendee")
    await begin(camera, daemon, "whip", PUBLISH, Role.PRESENTER)
    await begin(viewer, daemon, "whep", WATCH, Role.ATTENDEE)
    await until_more_frames(viewer)
    await viewer.until(SOUND, lambda energy: energy > 1e-4)
    # Both restart ICE, and nothing else begins anew.
    for guest in (camera, viewer):
        before = await guest.evaluate("client.etag ?? null")
        await guest.evaluate("client.restart()")
        assert await guest.evaluate("client.etag") != before
        await guest.until("pc.iceConnectionState", "connected")
    await until_more_frames(viewer)
    # A screen takes the only picture that a player of one picture has, and gives it back.
    anna = await invite("Anna", "presenter")
    await anna.enter()
    await anna.publish("publishScreen({track: probe.plain('#00ff00')})")
    await viewer.until(CENTRE, lambda colour: near(colour, GREEN))
    await anna.evaluate("sfu.unpublish('screen')")
    await viewer.until(CENTRE, lambda colour: not near(colour, GREEN))
    await until_more_frames(viewer)
    people = "[...sfu.participants.values()].map(({identity}) => identity).sort()"
    names = await anna.evaluate(people)
    assert {"whip", "whep"} <= set(names)
    # The player of the docs takes the place of the other.
    await viewer.evaluate("client.stop()")
    await viewer.page.goto(daemon.url)
    await watch_by_the_docs(viewer, daemon)
    await viewer.until("shown.videoWidth", lambda width: width > 0)
    await viewer.evaluate("stop()")
    await camera.evaluate("client.stop()")
    await anna.until(people, lambda left: not {"whip", "whep"} & set(left))
