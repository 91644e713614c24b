// @ts-check
/** The sending half: one peer connection, one transceiver per source, offers by us. */

import { SfuError } from './errors.js';

/** @typedef {'microphone' | 'camera' | 'screen' | 'screen_audio'} Source */

/**
 * How a track is sent.
 *
 * @typedef {object} Sending
 * @property {RTCRtpEncodingParameters[]} encodings one per simulcast layer, smallest first
 * @property {string} [codec] preferred codec, lower case: vp8, h264, vp9, av1, opus
 */

/** @typedef {{source: Source, track: MediaStreamTrack, sending: Sending}} Addition */

/**
 * @typedef {object} Published
 * @property {RTCRtpTransceiver} transceiver
 * @property {MediaStreamTrack} track
 * @property {Sending} sending
 */

/**
 * What one layer of a source sends now. Rates are over the time since the last call.
 *
 * @typedef {object} LayerStats
 * @property {string} rid empty without simulcast
 * @property {number} width pixels; 0 while nothing is encoded
 * @property {number} height
 * @property {number} fps
 * @property {number} bitrate bits per second, payload
 */

/** @typedef {(sdp: string, sources: Record<string, Source>) => Promise<string>} Exchange */

/** Of a budget, what may be picture or sound: the rest goes into headers (1,100-byte packets). */
const PAYLOAD = 0.93;

/**
 * The same sending, its rates lowered in proportion where they are more than a budget together.
 *
 * @param {Sending} sending
 * @param {number} [budget] bit/s of all that the source may send
 * @returns {Sending}
 */
export function withinBudget(sending, budget = Infinity) {
  const sum = sending.encodings.reduce((all, { maxBitrate = 0 }) => all + maxBitrate, 0);
  const scale = (PAYLOAD * budget) / sum;
  if (!(scale < 1)) return sending;
  const encodings = sending.encodings.map(({ maxBitrate, ...encoding }) => (
    maxBitrate === undefined ? encoding
      : { ...encoding, maxBitrate: Math.floor(maxBitrate * scale) }
  ));
  return { ...sending, encodings };
}

/**
 * The browser's codecs for a kind, the wanted one first.
 *
 * H.264 comes in many shapes; constrained baseline in packetization mode 1 is what every
 * receiver decodes (RFC 7742 §6.2), so it goes before the others.
 *
 * @param {'audio' | 'video'} kind
 * @param {string} codec
 * @returns {RTCRtpCodec[]}
 */
function preferring(kind, codec) {
  const all = RTCRtpSender.getCapabilities(kind)?.codecs ?? [];
  const wanted = `${kind}/${codec}`;
  /** @param {RTCRtpCodec} each */
  const rank = ({ mimeType, sdpFmtpLine = '' }) => {
    if (mimeType.toLowerCase() !== wanted) return 2;
    if (codec !== 'h264') return 0;
    return /packetization-mode=1/.test(sdpFmtpLine) && /42e01f/i.test(sdpFmtpLine) ? 0 : 1;
  };
  if (all.every((each) => rank(each) === 2)) {
    throw new SfuError('codec_unsupported', `this browser cannot send ${codec}`);
  }
  return [...all].sort((a, b) => rank(a) - rank(b));
}

/**
 * The publishing connection. It exists from the first published source on.
 *
 * A source that is taken away leaves its transceiver inactive and gets it back when it returns
 * with the same encodings: m-lines can never be removed (RFC 9429 §5.2.2), so they are reused.
 * Dispatches `state` (detail: the RTCPeerConnection's connectionState).
 */
export class Publishing extends EventTarget {
  /** @type {RTCPeerConnection | null} */ connection = null;
  /** @type {Map<Source, Published>} */ #published = new Map();
  /** Idle transceivers by what they can be used for again. @type {Map<string, RTCRtpTransceiver>} */
  #idle = new Map();
  /** Offers go one after the other. @type {Promise<unknown>} */ #turn = Promise.resolve();
  /** @type {WeakMap<RTCRtpTransceiver, string>} */ #purposes = new WeakMap();
  /** @type {Map<string, {at: number, bytes: number}>} */ #readings = new Map();
  /** @type {Exchange} */ #exchange;
  /** Settles what waits for a connection that is closed. @type {(error: SfuError) => void} */
  #giveUp = () => {};
  #over = false;
  /** For connections from now on. @type {RTCIceServer[]} */ iceServers = [];

  /**
   * @param {Exchange} exchange sends our offer, gives the server's answer
   */
  constructor(exchange) {
    super();
    this.#exchange = exchange;
  }

  /**
   * @param {Source} source
   * @returns {MediaStreamTrack | null} what is sent for this source
   */
  track(source) {
    return this.#published.get(source)?.track ?? null;
  }

  /** @returns {Source[]} */
  get sources() {
    return [...this.#published.keys()];
  }

  /** What `add` would send all of it by. @returns {Addition[]} */
  get additions() {
    return [...this.#published].map(([source, { track, sending }]) => ({ source, track, sending }));
  }

  /**
   * Adds tracks, all in one offer. A source that is sent already gets the new track instead.
   *
   * @param {Addition[]} additions
   */
  async add(additions) {
    await this.#inTurn(async () => {
      const connection = this.#connected();
      try {
        for (const { source, track, sending } of additions) {
          await this.#attach(connection, source, track, sending);
        }
        await this.#negotiate(connection);
      } catch (error) {
        // Else there is another one by now, and what it sends is not this one's affair.
        if (connection === this.connection) {
          for (const { source } of additions) await this.#detach(source);
        }
        throw error;
      }
    });
  }

  /**
   * Stops sending a source. The server is told by `unpublish`, not by an offer; the m-line turns
   * inactive in the next one.
   *
   * @param {Source} source
   */
  async remove(source) {
    await this.#inTurn(() => this.#detach(source));
  }

  /**
   * Sends another track for a source that is sent already, without a new offer: another device.
   *
   * @param {Source} source
   * @param {MediaStreamTrack} track
   */
  async replace(source, track) {
    await this.#inTurn(async () => {
      const published = this.#published.get(source);
      if (published === undefined) return;
      await published.transceiver.sender.replaceTrack(track);
      published.track = track;
    });
  }

  /** Looks for another path to the server; what is sent stays as it is. */
  async restart() {
    await this.#inTurn(async () => {
      if (this.connection === null || this.#published.size === 0) return;
      this.connection.restartIce();
      await this.#negotiate(this.connection);
    });
  }

  /**
   * Switches layers off and on: what nobody watches need not be encoded. After a new publish all
   * are on again.
   *
   * @param {Partial<Record<Source, Record<string, boolean>>>} wanted by source and rid
   */
  async setLayers(wanted) {
    await this.#inTurn(async () => {
      for (const [source, { transceiver: { sender } }] of this.#published) {
        const layers = wanted[source];
        if (layers === undefined) continue;
        const parameters = sender.getParameters();
        for (const encoding of parameters.encodings) {
          encoding.active = layers[encoding.rid ?? ''] ?? encoding.active;
        }
        await sender.setParameters(parameters);
      }
    });
  }

  /** @returns {Promise<Map<Source, LayerStats[]>>} by source, smallest layer first */
  async stats() {
    /** @type {Map<Source, LayerStats[]>} */
    const all = new Map();
    const report = await this.connection?.getStats();
    for (const [source, { transceiver }] of this.#published) {
      /** @type {LayerStats[]} */
      const layers = [];
      report?.forEach((entry) => {
        if (entry.type !== 'outbound-rtp' || entry.mid !== transceiver.mid) return;
        layers.push({
          rid: entry.rid ?? '',
          width: entry.frameWidth ?? 0,
          height: entry.frameHeight ?? 0,
          fps: entry.framesPerSecond ?? 0,
          bitrate: this.#bitrate(entry),
        });
      });
      all.set(source, layers.sort((a, b) => a.height - b.height));
    }
    return all;
  }

  /** Ends it for good: there is no other connection. */
  end() {
    this.#over = true;
    this.close();
  }

  /** Ends the connection; tracks go on until whoever made them stops them. */
  close() {
    this.connection?.close();
    this.connection = null;
    this.#published.clear();
    this.#idle.clear();
    this.#giveUp(new SfuError('connection_closed', 'the publishing connection was closed'));
  }

  /** @returns {RTCPeerConnection} */
  #connected() {
    if (this.connection !== null) return this.connection;
    if (this.#over) throw new SfuError('connection_closed', 'the session is over');
    const connection = new RTCPeerConnection({
      bundlePolicy: 'max-bundle',
      iceServers: this.iceServers,
    });
    connection.onconnectionstatechange = () => {
      this.dispatchEvent(new CustomEvent('state', { detail: connection.connectionState }));
    };
    this.connection = connection;
    return connection;
  }

  /**
   * @param {RTCPeerConnection} connection
   * @param {Source} source
   * @param {MediaStreamTrack} track
   * @param {Sending} sending
   */
  async #attach(connection, source, track, sending) {
    const { encodings, codec } = sending;
    await this.#detach(source);
    const purpose = JSON.stringify([source, codec, encodings]);
    let transceiver = this.#idle.get(purpose);
    if (transceiver !== undefined) {
      this.#idle.delete(purpose);
      transceiver.direction = 'sendonly';
      await transceiver.sender.replaceTrack(track);
    } else {
      const codecs = codec === undefined ? null : preferring(kindOf(track), codec);
      transceiver = connection.addTransceiver(track, {
        direction: 'sendonly',
        sendEncodings: encodings,
      });
      // Firefox has it since 128; one that has not sends VP8.
      if (codecs !== null) transceiver.setCodecPreferences?.(codecs);
      this.#purposes.set(transceiver, purpose);
    }
    this.#published.set(source, { transceiver, track, sending });
  }

  /** @param {Source} source */
  async #detach(source) {
    const published = this.#published.get(source);
    if (published === undefined || this.connection === null) return;
    this.#published.delete(source);
    const { transceiver } = published;
    transceiver.direction = 'inactive';
    this.#idle.set(/** @type {string} */ (this.#purposes.get(transceiver)), transceiver);
    await transceiver.sender.replaceTrack(null);
  }

  /** @param {RTCPeerConnection} connection */
  async #negotiate(connection) {
    await connection.setLocalDescription(await connection.createOffer());
    /** @type {Record<string, Source>} */
    const sources = {};
    for (const [source, { transceiver }] of this.#published) {
      sources[/** @type {string} */ (transceiver.mid)] = source;
    }
    // The server is ICE-lite: it answers our checks wherever they come from, so our candidates
    // are of no use to it and the offer need not wait for them.
    const offer = /** @type {RTCSessionDescription} */ (connection.localDescription);
    try {
      const answer = await this.#exchange(offer.sdp, sources);
      await connection.setRemoteDescription({ type: 'answer', sdp: answer });
    } catch (error) {
      if (connection.signalingState === 'have-local-offer') {
        await connection.setLocalDescription({ type: 'rollback' });
      }
      throw error;
    }
  }

  /**
   * @param {any} entry an outbound-rtp report
   * @returns {number}
   */
  #bitrate({ id, timestamp, bytesSent = 0 }) {
    const last = this.#readings.get(id);
    this.#readings.set(id, { at: timestamp, bytes: bytesSent });
    if (last === undefined || timestamp <= last.at) return 0;
    return (8 * (bytesSent - last.bytes)) / ((timestamp - last.at) / 1000);
  }

  /**
   * A closed connection may never answer (W3C WebRTC §4.4.1.2): the work's turn ends with it.
   *
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  #inTurn(work) {
    const result = this.#turn.then(() => new Promise((resolve, reject) => {
      this.#giveUp = reject;
      work().then(resolve, reject);
    }));
    this.#turn = result.catch(() => {});
    return result;
  }
}

/**
 * @param {MediaStreamTrack} track
 * @returns {'audio' | 'video'}
 */
function kindOf(track) {
  return track.kind === 'audio' ? 'audio' : 'video';
}
