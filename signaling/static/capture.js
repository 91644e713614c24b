// @ts-check
/** The person's devices: what was captured here, and must be released here. */

import { captureError, SfuError } from './errors.js';

/** @typedef {import('./publishing.js').Source} Source */

/**
 * Devices by kind, as the browser lists them; labels are empty until one of them may be used.
 *
 * @typedef {{microphones: MediaDeviceInfo[], cameras: MediaDeviceInfo[], speakers: MediaDeviceInfo[]}} DeviceList
 */

/** @returns {Promise<DeviceList>} */
export async function listDevices() {
  const all = await navigator.mediaDevices?.enumerateDevices() ?? [];
  /** @param {MediaDeviceKind} kind */
  const of = (kind) => all.filter((each) => each.kind === kind);
  return { microphones: of('audioinput'), cameras: of('videoinput'), speakers: of('audiooutput') };
}

/**
 * Holds the captured track of each source. When a device is pulled out, the default one takes its
 * place: `replaced` is called with its track. `ended` is called when there is none, or when sharing
 * was ended in the browser's own controls.
 */
export class Capture {
  /** @type {Map<Source, MediaStreamTrack>} */ #tracks = new Map();
  /** How the camera was asked for, but for the device. */ #camera = cameraConstraints('hd');
  /** @type {(source: Source) => void} */ #ended;
  /** @type {(source: 'camera' | 'microphone', track: MediaStreamTrack) => void} */ #replaced;

  /**
   * @param {(source: Source) => void} ended
   * @param {(source: 'camera' | 'microphone', track: MediaStreamTrack) => void} replaced
   */
  constructor(ended, replaced) {
    this.#ended = ended;
    this.#replaced = replaced;
  }

  /**
   * @param {'sd' | 'hd'} quality
   * @param {string} [deviceId]
   * @returns {Promise<MediaStreamTrack>}
   */
  camera(quality, deviceId) {
    this.#camera = cameraConstraints(quality);
    return this.#device('camera', { video: { ...this.#camera, deviceId } });
  }

  /**
   * @param {string} [deviceId]
   * @returns {Promise<MediaStreamTrack>}
   */
  microphone(deviceId) {
    return this.#device('microphone', { audio: { ...CLEANED, deviceId } });
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

  /**
   * Another device for a source that is captured already; the one before is released.
   *
   * @param {'camera' | 'microphone'} source
   * @param {string} [deviceId] default: the default device
   * @returns {Promise<MediaStreamTrack>}
   */
  another(source, deviceId) {
    // Else the browser might give the same device again.
    const exactly = deviceId === undefined ? undefined : { exact: deviceId };
    return source === 'microphone' ? this.#device(source, { audio: { ...CLEANED, deviceId: exactly } })
      : this.#device(source, { video: { ...this.#camera, deviceId: exactly } });
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
    track.onended = () => {
      if (source === 'camera' || source === 'microphone') this.#fallBack(source, track);
      else this.#ended(source);
    };
  }

  /**
   * @param {'camera' | 'microphone'} source
   * @param {MediaStreamTrack} lost
   */
  async #fallBack(source, lost) {
    try {
      const track = await this.another(source);
      if (this.#tracks.get(source) === track) this.#replaced(source, track);
    } catch {
      if (this.#tracks.get(source) === lost) this.#ended(source);
    }
  }
}

const CLEANED = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/**
 * @param {'sd' | 'hd'} quality
 * @returns {MediaTrackConstraints}
 */
function cameraConstraints(quality) {
  const [width, height] = quality === 'sd' ? [640, 360] : [1280, 720];
  return { width, height, frameRate: { ideal: 30, max: 30 } };
}
