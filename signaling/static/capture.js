// @ts-check
/** The person's devices: what was captured here, and must be released here. */

import { captureError, SfuError } from './errors.js';

/** @typedef {import('./publishing.js').Source} Source */

/** Holds the captured track of each source. `ended` is called when one ends by itself. */
export class Capture {
  /** @type {Map<Source, MediaStreamTrack>} */ #tracks = new Map();
  /** @type {(source: Source) => void} */ #ended;

  /** @param {(source: Source) => void} ended */
  constructor(ended) {
    this.#ended = ended;
  }

  /**
   * @param {'sd' | 'hd'} quality
   * @param {string} [deviceId]
   * @returns {Promise<MediaStreamTrack>}
   */
  camera(quality, deviceId) {
    const [width, height] = quality === 'sd' ? [640, 360] : [1280, 720];
    const video = { deviceId, width, height, frameRate: { ideal: 30, max: 30 } };
    return this.#device('camera', { video });
  }

  /**
   * @param {string} [deviceId]
   * @returns {Promise<MediaStreamTrack>}
   */
  microphone(deviceId) {
    const cleaned = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    return this.#device('microphone', { audio: { deviceId, ...cleaned } });
  }

  /**
   * The screen's picture, and its sound where the browser gives it.
   *
   * @returns {Promise<MediaStreamTrack[]>}
   */
  async screen() {
    if (!navigator.mediaDevices?.getDisplayMedia) {
      throw new SfuError('capture_unsupported', 'this browser cannot share a screen');
    }
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({
        video: { frameRate: { ideal: 15, max: 30 } },
        audio: true,
      });
      const tracks = [...stream.getVideoTracks(), ...stream.getAudioTracks()];
      for (const track of tracks) {
        this.#keep(track.kind === 'video' ? 'screen' : 'screen_audio', track);
      }
      return tracks;
    } catch (error) {
      throw captureError('screen', error);
    }
  }

  /** @param {Source} source */
  release(source) {
    const track = this.#tracks.get(source);
    if (track === undefined) return;
    track.onended = null;
    track.stop();
    this.#tracks.delete(source);
  }

  releaseAll() {
    for (const source of [...this.#tracks.keys()]) this.release(source);
  }

  /**
   * @param {'camera' | 'microphone'} source
   * @param {MediaStreamConstraints} constraints
   */
  async #device(source, constraints) {
    if (!navigator.mediaDevices) {
      throw new SfuError('capture_unsupported', 'the browser gives no devices to this page');
    }
    try {
      const stream = await navigator.mediaDevices.getUserMedia(constraints);
      const [track] = stream.getTracks();
      this.#keep(source, track);
      return track;
    } catch (error) {
      throw captureError(source, error);
    }
  }

  /**
   * @param {Source} source
   * @param {MediaStreamTrack} track
   */
  #keep(source, track) {
    this.release(source);
    this.#tracks.set(source, track);
    // The device was pulled out, or sharing was ended in the browser's own controls.
    track.onended = () => this.#ended(source);
  }
}
