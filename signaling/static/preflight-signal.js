// @ts-check
/** A picture and a sound to be measured with: no device is needed, nobody is asked. */

/** A picture that is as hard to encode as a real one: an encoder spends all bits it may on it. */
const WIDTH = 640;
const HEIGHT = 360;
const BLOCK = 4;
const FPS = 25;

/** @returns {{tracks: MediaStreamTrack[], stop: () => void}} */
export function testSignal() {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const paper = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { alpha: false }));
  const noise = patterns();
  let number = 0;
  const draw = () => {
    paper.putImageData(noise[number % noise.length], 0, 0);
    number += 1;
  };
  draw();
  const timer = setInterval(draw, 1000 / FPS);
  const tracks = canvas.captureStream(FPS).getVideoTracks();
  const sound = new AudioContext();
  const out = sound.createMediaStreamDestination();
  const tone = sound.createOscillator();
  tone.connect(out);
  tone.start();
  // Without a gesture a page may not make sound yet; silence is packets all the same.
  sound.resume().catch(() => {});
  return {
    tracks: [...tracks, ...out.stream.getAudioTracks()],
    stop: () => {
      clearInterval(timer);
      for (const track of [...tracks, ...out.stream.getAudioTracks()]) track.stop();
      sound.close().catch(() => {});
    },
  };
}

/** Pictures of random blocks, drawn once: making them anew would be the most of the work. */
function patterns() {
  return Array.from({ length: 8 }, () => {
    const image = new ImageData(WIDTH, HEIGHT);
    const pixels = new Uint32Array(image.data.buffer);
    for (let y = 0; y < HEIGHT; y += BLOCK) {
      for (let x = 0; x < WIDTH; x += BLOCK) {
        const colour = 0xFF000000 | Math.floor(Math.random() * 0x1000000);
        for (let row = y; row < y + BLOCK; row += 1) {
          pixels.fill(colour, row * WIDTH + x, row * WIDTH + x + BLOCK);
        }
      }
    }
    return image;
  });
}
