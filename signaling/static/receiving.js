// @ts-check
/** The receiving half: one peer connection, offers by the server, a MediaStream per slot. */

/**
 * What a slot receives now. Rates are over the time since the last call.
 *
 * @typedef {object} SlotStats
 * @property {number} width of the last decoded picture, pixels; 0 without one
 * @property {number} height
 * @property {number} fps frames decoded per second
 * @property {number} videoBitrate bits per second, payload
 * @property {number} audioBitrate
 * @property {number} freezes since the beginning
 * @property {number} lost packets lost since the beginning, audio and video
 * @property {number} jitter seconds, of the video or else of the audio
 */

/** @typedef {{at: number, bytes: number, frames: number}} Reading */

/** Samples per second of Opus (RFC 7587 §4.1). */
const OPUS_RATE = 48_000;

/**
 * The receiving connection. It exists from the server's first offer on.
 *
 * Dispatches `stream` (detail: `{slot, stream}`) when a slot's tracks appear, and `state`
 * (detail: the RTCPeerConnection's connectionState).
 */
export class Receiving extends EventTarget {
  /** @type {RTCPeerConnection | null} */ connection = null;
  /** Slot → its stream; a stream stays the same object for good. @type {Map<string, MediaStream>} */
  streams = new Map();
  /** @type {Map<string, string>} */ #slotOfTrack = new Map();
  /** @type {Map<string, Reading>} */ #readings = new Map();
  /** Seconds of trouble so far, by report. @type {Map<string, number>} */ #troubles = new Map();
  /** Of this connection; the next one has its own. @type {Promise<unknown>} */
  #turn = Promise.resolve();
  /** Settles what waits for a connection that is closed. */ #giveUp = () => {};
  /** The id in the origin of its offers. */ #session = '';
  /** For connections from now on. @type {RTCIceServer[]} */ iceServers = [];
  /** @type {() => Promise<unknown>} */ #askForRestart;

  /** @param {() => Promise<unknown>} askForRestart has the server make an offer that restarts ICE */
  constructor(askForRestart) {
    super();
    this.#askForRestart = askForRestart;
  }

  /** Looks for another path from the server; what is received stays as it is. */
  async restart() {
    await this.#askForRestart();
  }

  /**
   * Takes an offer and gives the answer; offers are taken one after the other.
   *
   * @param {string} sdp
   * @param {Record<string, string>} slots mid → slot
   * @returns {Promise<string | undefined>} the answer's SDP; undefined when the connection was lost
   *   meanwhile, for then there is nothing to answer any more
   */
  accept(sdp, slots) {
    // That this one is lost is not told where too much was.
    if (this.connection !== null && sessionOf(sdp) !== this.#session) this.reset();
    this.#session = sessionOf(sdp);
    this.connection ??= this.#open();
    const connection = this.connection;
    // A closed connection may never answer (W3C WebRTC §4.4.1.2): the turn ends with it.
    const result = this.#turn.then(() => new Promise((resolve, reject) => {
      if (connection !== this.connection) {
        resolve(undefined);
        return;
      }
      this.#giveUp = () => resolve(undefined);
      this.#accept(connection, sdp, slots).then(resolve, reject);
    }));
    this.#turn = result.catch(() => {});
    return result;
  }

  /** @returns {Promise<Map<string, SlotStats>>} */
  async stats() {
    /** @type {Map<string, SlotStats>} */
    const all = new Map();
    const report = await this.connection?.getStats();
    report?.forEach((entry) => {
      const slot = this.#slotOfTrack.get(entry.trackIdentifier);
      if (entry.type !== 'inbound-rtp' || slot === undefined) return;
      const stats = all.get(slot) ?? nothing();
      const { bitrate, fps } = this.#since(entry);
      stats.lost += entry.packetsLost ?? 0;
      if (entry.kind === 'video') {
        stats.width = entry.frameWidth ?? 0;
        stats.height = entry.frameHeight ?? 0;
        stats.fps = fps;
        stats.videoBitrate = bitrate;
        stats.freezes = entry.freezeCount ?? 0;
        stats.jitter = entry.jitter ?? 0;
      } else {
        stats.audioBitrate = bitrate;
        stats.jitter ||= entry.jitter ?? 0;
      }
      all.set(slot, stats);
    });
    return all;
  }

  /**
   * Seconds in which a picture stood still, and in which sound had to be made up, since the last
   * call; of several slots the one that had it worst.
   *
   * @returns {Promise<{frozen: number, concealed: number}>}
   */
  async trouble() {
    const worst = { frozen: 0, concealed: 0 };
    const report = await this.connection?.getStats();
    report?.forEach((entry) => {
      if (entry.type !== 'inbound-rtp') return;
      const video = entry.kind === 'video';
      const heard = (entry.concealedSamples ?? 0) - (entry.silentConcealedSamples ?? 0);
      const seconds = video ? entry.totalFreezesDuration ?? 0 : heard / OPUS_RATE;
      const since = seconds - (this.#troubles.get(entry.id) ?? 0);
      this.#troubles.set(entry.id, seconds);
      const kind = video ? 'frozen' : 'concealed';
      worst[kind] = Math.max(worst[kind], since);
    });
    return worst;
  }

  /** Forgets a lost connection; the streams stay, for the tracks of the next offer. */
  reset() {
    this.connection?.close();
    this.connection = null;
    this.#turn = Promise.resolve();
    this.#giveUp();
    for (const stream of this.streams.values()) {
      for (const track of stream.getTracks()) stream.removeTrack(track);
    }
    this.#slotOfTrack.clear();
    this.#readings.clear();
    this.#troubles.clear();
  }

  close() {
    this.reset();
    this.streams.clear();
  }

  /**
   * @param {RTCPeerConnection} connection
   * @param {string} sdp
   * @param {Record<string, string>} slots
   */
  async #accept(connection, sdp, slots) {
    await connection.setRemoteDescription({ type: 'offer', sdp });
    if (connection !== this.connection) return undefined;
    for (const { mid, receiver } of connection.getTransceivers()) {
      const slot = slots[mid ?? ''];
      if (slot !== undefined) this.#place(receiver.track, slot);
    }
    const answer = await connection.createAnswer();
    await connection.setLocalDescription(answer);
    // As when publishing: the ICE-lite server needs none of our candidates.
    return /** @type {RTCSessionDescription} */ (connection.localDescription).sdp;
  }

  /**
   * @param {MediaStreamTrack} track
   * @param {string} slot
   */
  #place(track, slot) {
    this.#slotOfTrack.set(track.id, slot);
    const stream = this.streams.get(slot) ?? new MediaStream();
    const known = this.streams.has(slot);
    if (!stream.getTracks().includes(track)) stream.addTrack(track);
    this.streams.set(slot, stream);
    if (!known) this.dispatchEvent(new CustomEvent('stream', { detail: { slot, stream } }));
  }

  /** @returns {RTCPeerConnection} */
  #open() {
    const connection = new RTCPeerConnection({
      bundlePolicy: 'max-bundle',
      iceServers: this.iceServers,
    });
    connection.onconnectionstatechange = () => {
      this.dispatchEvent(new CustomEvent('state', { detail: connection.connectionState }));
    };
    return connection;
  }

  /**
   * @param {any} entry an inbound-rtp report
   * @returns {{bitrate: number, fps: number}}
   */
  #since(entry) {
    const reading = {
      at: entry.timestamp,
      bytes: entry.bytesReceived ?? 0,
      frames: entry.framesDecoded ?? 0,
    };
    const last = this.#readings.get(entry.id);
    this.#readings.set(entry.id, reading);
    const seconds = last === undefined ? 0 : (reading.at - last.at) / 1000;
    if (last === undefined || seconds <= 0) return { bitrate: 0, fps: 0 };
    return {
      bitrate: (8 * (reading.bytes - last.bytes)) / seconds,
      fps: (reading.frames - last.frames) / seconds,
    };
  }
}

/**
 * @param {string} sdp
 * @returns {string} what all descriptions of one connection have in common (RFC 9429 §5.2.1)
 */
function sessionOf(sdp) {
  return /^o=\S+ (\S+)/m.exec(sdp)?.[1] ?? '';
}

/** @returns {SlotStats} */
function nothing() {
  return {
    width: 0, height: 0, fps: 0, videoBitrate: 0, audioBitrate: 0, freezes: 0, lost: 0, jitter: 0,
  };
}
