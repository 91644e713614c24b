// @ts-check
/** What a person sends: their microphone, camera and screen, from the device to the server. */

import { Capture, listDevices } from './capture.js';
import { Commands } from './commands.js';
import { SfuError } from './errors.js';
import { PRESETS, sendingOf } from './presets.js';
import { withinBudget } from './publishing.js';

/** @import { Publishing } from './publishing.js' */
/** @import { DeviceList } from './capture.js' */
/** @import { CameraOptions, LayerStats, ScreenOptions, Source } from './types.js' */

/**
 * The own sources. A client makes `publishing` when it is in the room.
 *
 * @abstract
 */
export class OwnSources extends Commands {
  /** @protected @type {Publishing | null} */ publishing = null;
  /** What the server has taken, and has not ended since. @protected @type {Set<Source>} */
  taken = new Set();
  #capture = new Capture(
    (source) => this.unpublish(source).catch(() => {}),
    (source, track) => this.#replace(source, track, 'unplugged').catch((error) => this.fail(error)),
  );
  #onDevices = () => {
    listDevices().then((all) => this.tell('devices', all), (error) => this.fail(error));
  };
  /** @type {Set<Source>} */ #muted = new Set();

  /** The peer connection, for what this class does not cover, such as getStats of one's own. */
  get publishConnection() { return this.publishing?.connection ?? null; }

  /** @returns {Source[]} what is published now */
  get sources() {
    return this.publishing?.sources ?? [];
  }

  /**
   * @param {Source} source
   * @returns {MediaStreamTrack | null} the own track, for a preview
   */
  track(source) {
    return this.publishing?.track(source) ?? null;
  }

  /**
   * @param {Source} source
   * @returns {boolean} whether it is muted, by whomever
   */
  isMuted(source) {
    return this.#muted.has(source);
  }

  /** @param {CameraOptions} [options] */
  async publishCamera(options = {}) {
    const { simulcast = true, codec = 'vp8', deviceId } = options;
    const quality = options.quality ?? (this.room.video === 'sd' ? 'sd' : 'hd');
    const track = options.track ?? await this.#capture.camera(quality, deviceId);
    const sending = sendingOf(options.layers ?? PRESETS.camera[quality], simulcast, codec);
    await this.#publish([{ source: 'camera', track, sending }]);
  }

  /** @param {{deviceId?: string, track?: MediaStreamTrack}} [options] */
  async publishMicrophone(options = {}) {
    const track = options.track ?? await this.#capture.microphone(options.deviceId);
    await this.#publish([{ source: 'microphone', track, sending: { encodings: [{}] } }]);
  }

  /**
   * Shares a screen, a window or a tab, with its sound where the browser gives it.
   *
   * @param {ScreenOptions} [options]
   */
  async publishScreen(options = {}) {
    const { codec = 'vp8', simulcast = false } = options;
    /** @type {keyof typeof PRESETS.screen} */
    const quality = this.room.screen in PRESETS.screen ? this.room.screen : 'lite';
    const maxBitrate = options.maxBitrate ?? this.profiles.upload?.screen ?? 2_000_000;
    const sending = simulcast ? sendingOf(options.layers ?? PRESETS.screen[quality], true, codec)
      : { codec, encodings: [{ maxBitrate }] };
    const [video, audio] = options.track ? [options.track] : await this.#capture.screen();
    // Text must stay sharp; rather fewer pictures than blurred ones.
    video.contentHint = 'detail';
    /** @type {Parameters<Publishing['add']>[0]} */
    const additions = [{ source: 'screen', track: video, sending }];
    if (audio) {
      additions.push({ source: 'screen_audio', track: audio, sending: { encodings: [{}] } });
    }
    await this.#publish(additions);
  }

  /** @returns {Promise<DeviceList>} microphones, cameras and speakers; `devices` tells of changes */
  async devices() {
    return listDevices();
  }

  /**
   * Goes on with another device, without a new offer: nobody else notices but by what they see and
   * hear. Before the source is published, give the device to `publishCamera` or
   * `publishMicrophone` instead.
   *
   * @param {'camera' | 'microphone'} source
   * @param {string} [deviceId] default: the default device
   */
  async useDevice(source, deviceId) {
    if (this.track(source) === null) throw new SfuError('not_published', `${source} is not published`);
    await this.#replace(source, await this.#capture.another(source, deviceId), 'chosen');
  }

  /**
   * Stops a source; what this client captured is released. A screen takes its sound along.
   *
   * @param {Source} source
   */
  async unpublish(source) {
    const all = /** @type {Source[]} */ (source === 'screen' ? ['screen', 'screen_audio'] : [source]);
    for (const each of all.filter((one) => this.sources.includes(one))) {
      await this.#drop(each);
      await this.request('unpublish', { source: each });
    }
  }

  /**
   * Mutes or unmutes an own source, or mutes somebody else's (presenters only; nobody unmutes
   * others). The server does not forward a muted source.
   *
   * @param {Source} source
   * @param {boolean} muted
   * @param {string} [participant] id of somebody else
   */
  async mute(source, muted, participant) {
    const own = participant === undefined || participant === this.participant?.id;
    if (own && muted) this.applyMute(source, true);
    await this.request('mute', { source, muted, participant });
    if (own && !muted) this.applyMute(source, false);
  }

  /** @returns {Promise<Map<Source, LayerStats[]>>} what is sent; rates are since the last call */
  async publishStats() {
    return (await this.publishing?.stats()) ?? new Map();
  }

  /**
   * Dispatches an event.
   *
   * @protected
   * @param {string} type
   * @param {unknown} detail
   */
  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /**
   * Something failed that no call is waiting for.
   *
   * @protected
   * @param {unknown} error
   */
  fail(error) {
    const code = error instanceof SfuError ? error.code : 'browser_failed';
    this.tell('error', { code, message: String(error) });
  }

  /**
   * @protected
   * @param {Source} source
   * @param {boolean} muted
   */
  applyMute(source, muted) {
    const track = this.track(source);
    if (track !== null) track.enabled = !muted;
    if (muted) this.#muted.add(source);
    else this.#muted.delete(source);
  }

  /** After a publishing connection was lost. @protected */
  async publishAgain() {
    this.taken.clear();
    await this.publishing?.again();
    for (const source of this.#muted) await this.request('mute', { source, muted: true });
  }

  /**
   * Lets the devices go of what the server has ended by itself, with a seat, a mode, a block. What
   * it has not taken yet it has not ended.
   *
   * @protected
   * @param {Set<string>} published what goes on
   */
  dropEnded(published) {
    for (const source of this.taken) {
      if (!published.has(source)) this.#drop(source).catch((error) => this.fail(error));
    }
  }

  /** Tells of devices that come and go, from joining on. @protected */
  watchDevices() {
    globalThis.navigator?.mediaDevices?.addEventListener?.('devicechange', this.#onDevices);
  }

  /** @protected */
  releaseSources() {
    globalThis.navigator?.mediaDevices?.removeEventListener?.('devicechange', this.#onDevices);
    this.#capture.releaseAll();
    this.publishing?.close();
  }

  /** @param {Parameters<Publishing['add']>[0]} additions */
  async #publish(additions) {
    const { publishing } = this;
    try {
      if (publishing === null) throw new SfuError('not_joined', 'join a room first');
      await publishing.add(additions.map(({ source, track, sending }) => (
        { source, track, sending: withinBudget(sending, this.profiles.upload?.[source]) }
      )));
    } catch (error) {
      for (const { source } of additions) this.#capture.release(source);
      throw error;
    }
    for (const { source, track } of additions) {
      this.#muted.delete(source);
      this.tell('local', { source, track });
    }
  }

  /**
   * @param {'camera' | 'microphone'} source
   * @param {MediaStreamTrack} track
   * @param {'unplugged' | 'chosen'} reason
   */
  async #replace(source, track, reason) {
    track.enabled = !this.isMuted(source);
    await this.publishing?.replace(source, track);
    const { label } = track;
    this.tell('device', { source, reason, label, deviceId: track.getSettings().deviceId ?? '' });
    this.tell('local', { source, track });
  }

  /** @param {Source} source */
  async #drop(source) {
    this.taken.delete(source);
    await this.publishing?.remove(source);
    this.#capture.release(source);
    this.#muted.delete(source);
    this.tell('local', { source, track: null });
  }
}
