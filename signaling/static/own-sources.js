// @ts-check
/** What a person sends: their microphone, camera and screen, from the device to the server. */

import { Backoff } from './backoff.js';
import { Capture, listDevices } from './capture.js';
import { Commands } from './commands.js';
import { SfuError, isPassing } from './errors.js';
import { PRESETS, sendingOf } from './presets.js';
import { withinBudget } from './publishing.js';

/** @import { Addition, Publishing } from './publishing.js' */
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
  /** Of each source, the last mute or unmute that was asked for. @type {Map<Source, object>} */
  #wishes = new Map();
  /** Settles when what is being published is, or is not. @type {Map<Source, Promise<void>>} */
  #coming = new Map();
  /** What is to be published again, until it is. @type {Map<Source, Addition>} */
  #owed = new Map();
  /** Of the last attempt to; an earlier one gives way. */ #attempt = 0;

  /** The peer connection, for what this class does not cover, such as getStats of one's own. */
  get publishConnection() { return this.publishing?.connection ?? null; }

  /** @returns {Source[]} what is published now, or again as soon as the server takes it */
  get sources() {
    return [...new Set([...this.publishing?.sources ?? [], ...this.#owed.keys()])];
  }

  /**
   * @param {Source} source
   * @returns {MediaStreamTrack | null} the own track, for a preview
   */
  track(source) {
    return this.publishing?.track(source) ?? this.#owed.get(source)?.track ?? null;
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
    if (!audio && this.track('screen_audio') !== null) {
      // The sound of what was shared before is not that of what is shared now.
      this.unpublish('screen_audio').catch((error) => this.fail(error));
    }
    // Text must stay sharp; rather fewer pictures than blurred ones.
    video.contentHint = 'detail';
    /** @type {Addition[]} */
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
    const going = all.filter((each) => this.sources.includes(each));
    const owed = new Set(going.filter((each) => this.#owed.has(each)));
    await Promise.all(going.map((each) => this.#drop(each)));
    await Promise.all(going.map(async (each) => {
      try {
        await this.request('unpublish', { source: each });
      } catch (error) {
        // The server may not have it again yet, or has ended it by itself.
        const gone = error instanceof SfuError && error.code === 'not_published';
        if (!owed.has(each) && !gone) throw error;
      }
    }));
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
    if (participant === undefined || participant === this.participant?.id) {
      await this.#muteOwn(source, muted);
    } else {
      await this.request('mute', { source, muted, participant });
    }
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

  /** The publishing connection is lost: what went over it is owed, see `publishAgain`. @protected */
  losePublishing() {
    this.#attempt += 1;
    this.taken.clear();
    for (const each of this.publishing?.additions ?? []) this.#owed.set(each.source, each);
    this.publishing?.close();
  }

  /**
   * Publishes what is owed. What the server cannot take now it is asked for again; what it refuses
   * for good is given up, and nothing else with it.
   *
   * @protected
   */
  async publishAgain() {
    const { publishing } = this;
    if (publishing === null || this.#owed.size === 0) return;
    const attempt = this.#attempt += 1;
    const backoff = new Backoff();
    let atOnce = Infinity;
    while (attempt === this.#attempt) {
      const owed = [...this.#owed.values()].slice(0, atOnce);
      try {
        if (owed.length > 0) await publishing.add(owed);
        if (attempt !== this.#attempt) return;
        for (const { source } of owed) this.#owed.delete(source);
        if (this.#owed.size > 0) continue;
        await this.#muteAgain();
        return;
      } catch (error) {
        if (attempt !== this.#attempt) return;
        if (isPassing(error)) await backoff.wait(error);
        else if (owed.length > 1) atOnce = 1;
        else if (owed.length === 1) await this.#giveUp(owed[0].source, error);
        else throw error;
      }
    }
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
    this.#attempt += 1;
    this.#owed.clear();
    this.publishing?.end();
  }

  /**
   * Silent at once; heard when the server agrees, if that is still wanted then.
   *
   * @param {Source} source
   * @param {boolean} muted
   */
  async #muteOwn(source, muted) {
    const wish = {};
    this.#wishes.set(source, wish);
    if (muted || this.#owed.has(source)) this.applyMute(source, muted);
    // The server is told as soon as it has the source, again or for the first time.
    await this.#coming.get(source);
    if (this.#owed.has(source)) return;
    try {
      await this.request('mute', { source, muted });
    } catch (error) {
      if (!this.sources.includes(source)) this.#muted.delete(source);
      throw error;
    }
    if (!muted && this.#wishes.get(source) === wish) this.applyMute(source, false);
  }

  /** All in one go: a mute or unmute that is asked for from now on comes after these. */
  async #muteAgain() {
    const muted = this.sources.filter((source) => this.#muted.has(source));
    await Promise.all(muted.map((source) => this.request('mute', { source, muted: true })));
  }

  /**
   * @param {Source} source
   * @param {unknown} error
   */
  async #giveUp(source, error) {
    await this.#drop(source);
    this.fail(error);
  }

  /** @param {Addition[]} additions */
  async #publish(additions) {
    for (const { source, track } of additions) {
      this.#owed.delete(source);
      // What is muted stays so, here as on the server.
      if (this.#muted.has(source)) track.enabled = false;
    }
    const adding = this.#add(additions);
    const settled = adding.catch(() => {});
    for (const { source } of additions) this.#coming.set(source, settled);
    try {
      await adding;
    } catch (error) {
      // Where the connection was lost meanwhile it is owed by now, and goes on like all the others.
      if (!additions.every(({ source }) => this.#owed.has(source))) {
        for (const { source, track } of additions) {
          // A device that takes, or has taken, its place goes too; not that of the next publish.
          if (this.#coming.get(source) === settled) this.#capture.release(source);
          else this.#capture.releaseTrack(source, track);
          this.#takeBack(source, error);
        }
        throw error;
      }
    } finally {
      for (const { source } of additions) {
        if (this.#coming.get(source) === settled) this.#coming.delete(source);
      }
    }
    for (const { source, track } of additions) this.tell('local', { source, track });
    await this.#endEnded(additions);
  }

  /**
   * What ended while it waited to be published was not there yet to be ended.
   *
   * @param {Addition[]} additions
   */
  async #endEnded(additions) {
    const ended = additions.filter(({ source, track }) => (
      track.readyState === 'ended' && !this.#capture.recovers(source)
    ));
    await Promise.all(ended.map(({ source }) => this.unpublish(source)));
    if (ended.includes(additions[0])) {
      throw new SfuError('capture_ended', `${ended[0].source}: it was ended before it began`);
    }
  }

  /** @param {Addition[]} additions */
  async #add(additions) {
    if (this.publishing === null) throw new SfuError('not_joined', 'join a room first');
    await this.publishing.add(additions.map(({ source, track, sending }) => (
      { source, track, sending: withinBudget(sending, this.profiles.upload?.[source]) }
    )));
  }

  /**
   * It is not published, and what was in its place is not sent any more either.
   *
   * @param {Source} source
   * @param {unknown} error why
   */
  #takeBack(source, error) {
    this.#muted.delete(source);
    const late = error instanceof SfuError && error.code === 'timeout';
    if (!this.taken.delete(source) && !late) return;
    this.request('unpublish', { source }).catch(() => {});
    this.tell('local', { source, track: null });
  }

  /**
   * @param {'camera' | 'microphone'} source
   * @param {MediaStreamTrack} track
   * @param {'unplugged' | 'chosen'} reason
   */
  async #replace(source, track, reason) {
    track.enabled = !this.isMuted(source);
    const owed = this.#owed.get(source);
    if (owed !== undefined) owed.track = track;
    await this.publishing?.replace(source, track);
    if (this.track(source) !== track) return;  // it was ended, or refused, meanwhile
    const { label } = track;
    this.tell('device', { source, reason, label, deviceId: track.getSettings().deviceId ?? '' });
    this.tell('local', { source, track });
  }

  /** @param {Source} source */
  async #drop(source) {
    this.taken.delete(source);
    this.#owed.delete(source);
    await this.publishing?.remove(source);
    this.taken.delete(source);  // again: an answer may have come meanwhile
    this.#capture.release(source);
    this.#muted.delete(source);
    this.tell('local', { source, track: null });
  }
}
