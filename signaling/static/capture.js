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
 * was ended in the browser's own controls. A device that comes when its source was released
 * meanwhile is let go at once: that call rejects with `capture_ended`.
 */
export class Capture {
  /** @type {Map<Source, MediaStreamTrack>} */ #tracks = new Map();
  /** Sources for which the default device is being opened. @type {Set<Source>} */
  #recovering = new Set();
  /** How often a source was released. @type {Map<Source, number>} */ #releases = new Map();
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
    const since = this.#releasesOf('screen');
    /** @type {MediaStream} */ let stream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({
        video: { frameRate: { ideal: 15, max: 30 } },
        audio: true,
      });
    } catch (error) {
      throw captureError('screen', error);
    }
    this.#wanted('screen', since, stream);
    const tracks = [...stream.getVideoTracks(), ...stream.getAudioTracks()];
    for (const track of tracks) {
      this.#keep(track.kind === 'video' ? 'screen' : 'screen_audio', track);
    }
    return tracks;
  }

  /**
   * Another device for a source that is captured already; the one before is released.
   *
   * @param {'camera' | 'microphone'} source
   * @param {string} [deviceId] default: the default device
   * @returns {Promise<MediaStreamTrack>}
   */
  async another(source, deviceId) {
    // Else the browser might give the same device again.
    const exactly = deviceId === undefined ? undefined : { exact: deviceId };
    const constraints = source === 'microphone' ? { audio: { ...CLEANED, deviceId: exactly } }
      : { video: { ...this.#camera, deviceId: exactly } };
    const held = this.#tracks.get(source);
    try {
      return await this.#device(source, constraints);
    } catch (error) {
      const busy = error instanceof SfuError && error.code === 'device_busy';
      if (!busy || held?.readyState !== 'live' || this.#tracks.get(source) !== held) throw error;
      return this.#instead(source, held, constraints);
    }
  }

  /**
   * @param {Source} source
   * @returns {boolean} whether another device has taken, or is taking, the place of an ended one
   */
  recovers(source) {
    return this.#recovering.has(source) || this.#tracks.get(source)?.readyState === 'live';
  }

  /**
   * Lets a source's device go, and does not take one that is still to come.
   *
   * @param {Source} source
   */
  release(source) {
    this.#releases.set(source, this.#releasesOf(source) + 1);
    this.#stop(source);
  }

  /**
   * Lets a device go, if it is still the source's.
   *
   * @param {Source} source
   * @param {MediaStreamTrack} track
   */
  releaseTrack(source, track) {
    if (this.#tracks.get(source) === track) this.#stop(source);
  }

  releaseAll() {
    const all = /** @type {Source[]} */ (['microphone', 'camera', 'screen', 'screen_audio']);
    for (const source of all) this.release(source);
  }

  /** @param {Source} source */
  #stop(source) {
    const track = this.#tracks.get(source);
    if (track === undefined) return;
    track.onended = null;
    track.stop();
    this.#tracks.delete(source);
  }

  /** @param {Source} source */
  #releasesOf(source) {
    return this.#releases.get(source) ?? 0;
  }

  /**
   * Phones open one camera at a time: the one in use makes room for the next, and comes back where
   * that fails.
   *
   * @param {'camera' | 'microphone'} source
   * @param {MediaStreamTrack} held
   * @param {MediaStreamConstraints} constraints
   */
  async #instead(source, held, constraints) {
    const { deviceId } = held.getSettings();
    held.onended = null;
    held.stop();
    try {
      return await this.#device(source, constraints);
    } catch (error) {
      if (this.#tracks.get(source) === held) {
        const before = await this.another(source, deviceId).catch(() => null);
        if (before !== null) this.#replaced(source, before);
        else if (this.#tracks.get(source) === held) this.#ended(source);
      }
      throw error;
    }
  }

  /**
   * @param {Source} source
   * @param {number} since how often it had been released when it was asked for
   * @param {MediaStream} stream
   */
  #wanted(source, since, stream) {
    if (this.#releasesOf(source) === since) return;
    for (const track of stream.getTracks()) track.stop();
    throw new SfuError('capture_ended', `${source}: it was ended before it began`);
  }

  /**
   * @param {'camera' | 'microphone'} source
   * @param {MediaStreamConstraints} constraints
   */
  async #device(source, constraints) {
    if (!navigator.mediaDevices) {
      throw new SfuError('capture_unsupported', 'the browser gives no devices to this page');
    }
    const since = this.#releasesOf(source);
    /** @type {MediaStream} */ let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia(constraints);
    } catch (error) {
      throw captureError(source, error);
    }
    this.#wanted(source, since, stream);
    const [track] = stream.getTracks();
    this.#keep(source, track);
    return track;
  }

  /**
   * @param {Source} source
   * @param {MediaStreamTrack} track
   */
  #keep(source, track) {
    this.#stop(source);
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
    this.#recovering.add(source);
    try {
      const track = await this.another(source);
      if (this.#tracks.get(source) === track) this.#replaced(source, track);
    } catch {
      if (this.#tracks.get(source) === lost) this.#ended(source);
    } finally {
      this.#recovering.delete(source);
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
