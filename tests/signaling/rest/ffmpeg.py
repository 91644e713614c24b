"""A program that publishes a test picture and a tone by FFmpeg's WHIP muxer, until its input ends:

    python -m tests.signaling.rest.ffmpeg URL TOKEN CERTIFICATE KEY

It is a process of its own, for PyAV holds the interpreter's lock while FFmpeg talks to the server.
"""

import fractions
import sys
import threading
import time

import av
import numpy as np
from av import AudioFrame, VideoFrame

from sfu.client import TestPicture

RATE = 48_000
STEP = RATE // 50
"""Samples of 20 ms; every other time there is a picture, too."""
TONE = 1000
"""Hz."""
H264 = {"profile": "baseline", "preset": "ultrafast", "tune": "zerolatency", "g": "10", "bf": "0"}


def publish(url: str, options: dict[str, str], enough: threading.Event) -> None:
    """In real time, as `ffmpeg -re … -f whip` does; `options` are the muxer's."""
    picture = TestPicture()
    with av.open(url, "w", format="whip", options=options) as output:
        video = output.add_stream("libx264", rate=25, options=H264)
        video.width, video.height, video.pix_fmt = picture.width, picture.height, "yuv420p"
        audio = output.add_stream("libopus", rate=RATE, layout="stereo")
        audio.bit_rate = 64_000
        began = time.monotonic()
        for step in range(2**15):
            at = step * STEP
            if step % 2 == 0:
                shown = VideoFrame.from_ndarray(picture.drawn(step // 2), format="rgb24")
                shown.pts, shown.time_base = step // 2, fractions.Fraction(1, 25)
                output.mux(video.encode(shown))
            wave = 16_000 * np.sin(2 * np.pi * TONE * (at + np.arange(STEP)) / RATE)
            both = wave.astype(np.int16).repeat(2).reshape(1, -1)
            sound = AudioFrame.from_ndarray(both, format="s16", layout="stereo")
            sound.sample_rate, sound.pts, sound.time_base = RATE, at, fractions.Fraction(1, RATE)
            output.mux(audio.encode(sound))
            if enough.wait(max(0.0, began + at / RATE - time.monotonic())):
                return


def main(url: str, token: str, certificate: str, key: str) -> None:
    """Publishes until the input ends."""
    options = {"authorization": token, "cert_file": certificate, "key_file": key}
    enough = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        enough.set()

    threading.Thread(target=listen, daemon=True).start()
    publish(url, options, enough)


if __name__ == "__main__":
    main(*sys.argv[1:])
