// @ts-check
/** Whether camera, microphone and speaker work. Each asks the person's leave where it has to. */

import { captureError, SfuError } from './errors.js';

/** Milliseconds for a first picture, and for listening. */
const PICTURE = 5_000;
const LISTENING = 3_000;
/** Milliseconds in which sound begins, where the page may make any. */
const ALLOWED = 1_000;
/** Level, 0 to 1, above which a microphone is not just there but hears something. */
const HEARD = 0.01;
/** Brightness, 0 to 255, below which a picture is a covered lens. */
const DARK = 8;

/**
 * @param {{deviceId?: string, show?: (stream: MediaStream) => void}} [options] `show` is given the
 *   stream for a preview, which ends with the check
 * @returns {Promise<{label: string, width: number, height: number, dark: boolean}>}
 *   rejects with an SfuError: device_denied, device_missing, device_busy
 */
export async function checkCamera({ deviceId, show } = {}) {
  const stream = await media('camera', { video: { deviceId, width: 1280, height: 720 } });
  try {
    show?.(stream);
    const video = document.createElement('video');
    video.muted = true;
    video.playsInline = true;
    video.srcObject = stream;
    await within(PICTURE, video.play(), 'camera');
    const { videoWidth: width, videoHeight: height } = video;
    let dark = true;
    for (let look = 0; dark && look < 10; look += 1) {
      dark = brightness(video) < DARK;
      if (dark) await pause(100);
    }
    return { label: stream.getVideoTracks()[0].label, width, height, dark };
  } finally {
    stop(stream);
  }
}

/**
 * @param {{deviceId?: string, level?: (level: number) => void}} [options] `level` is told how loud
 *   it is, 0 to 1, again and again
 * @returns {Promise<{label: string, level: number, heard: boolean}>} the loudest; rejects as
 *   `checkCamera`, and as `playTone`
 */
export async function checkMicrophone({ deviceId, level = () => {} } = {}) {
  const stream = await media('microphone', { audio: { deviceId } });
  const sound = new AudioContext();
  try {
    await begun(sound);
    const analyser = sound.createAnalyser();
    sound.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let loudest = 0;
    for (const end = performance.now() + LISTENING; performance.now() < end;) {
      await pause(50);
      analyser.getFloatTimeDomainData(samples);
      const now = Math.sqrt(samples.reduce((sum, each) => sum + each * each, 0) / samples.length);
      loudest = Math.max(loudest, now);
      level(now);
    }
    return { label: stream.getAudioTracks()[0].label, level: loudest, heard: loudest > HEARD };
  } finally {
    stop(stream);
    await sound.close();
  }
}

/**
 * Plays two tones; whether they are heard only the person can tell. Rejects with an SfuError,
 * `gesture_missing`, in a page that nobody has clicked in or typed into yet: browsers let none sound.
 *
 * @param {{deviceId?: string}} [options] where the browser lets pages choose
 */
export async function playTone({ deviceId } = {}) {
  const sound = new AudioContext();
  try {
    if (deviceId && 'setSinkId' in sound) {
      await /** @type {any} */ (sound).setSinkId(deviceId);
    }
    await begun(sound);
    for (const [index, frequency] of [523, 659].entries()) {
      const tone = sound.createOscillator();
      const loudness = sound.createGain();
      const start = sound.currentTime + 0.4 * index;
      tone.frequency.value = frequency;
      loudness.gain.setValueAtTime(0, start);
      loudness.gain.linearRampToValueAtTime(0.3, start + 0.05);
      loudness.gain.linearRampToValueAtTime(0, start + 0.4);
      tone.connect(loudness).connect(sound.destination);
      tone.start(start);
      tone.stop(start + 0.4);
    }
    await pause(900);
  } finally {
    await sound.close();
  }
}

/** @param {AudioContext} sound */
async function begun(sound) {
  // Until somebody touches the page this is not settled at all.
  await Promise.race([sound.resume(), pause(ALLOWED)]);
  if (sound.state === 'suspended') {
    throw new SfuError('gesture_missing', 'the browser allows sound after a click in the page');
  }
}

/**
 * @param {string} device
 * @param {MediaStreamConstraints} constraints
 */
async function media(device, constraints) {
  try {
    return await navigator.mediaDevices.getUserMedia(constraints);
  } catch (error) {
    throw captureError(device, error);
  }
}

/** @param {HTMLVideoElement} video */
function brightness(video) {
  const canvas = document.createElement('canvas');
  canvas.width = 16;
  canvas.height = 9;
  const paper = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  paper.drawImage(video, 0, 0, 16, 9);
  const { data } = paper.getImageData(0, 0, 16, 9);
  return data.reduce((sum, value, at) => (at % 4 === 3 ? sum : sum + value), 0) / (16 * 9 * 3);
}

/**
 * @param {number} patience
 * @param {Promise<void>} work
 * @param {string} device
 */
async function within(patience, work, device) {
  const late = pause(patience).then(() => { throw captureError(device, new Error('no picture')); });
  await Promise.race([work, late]);
  late.catch(() => {});
}

/** @param {MediaStream} stream */
function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/** @param {number} milliseconds */
function pause(milliseconds) {
  return new Promise((resolve) => { setTimeout(resolve, milliseconds); });
}
