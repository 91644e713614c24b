// @ts-check
/**
 * A person in a room, from the browser's side.
 *
 *     const client = new SfuClient();
 *     await client.connect('wss://sfu.example/v1/signal');
 *     client.on('stream', ({ slot, stream }) => show(slot, stream));
 *     await client.join({ room: 'demo', token });
 *     await client.publishCamera();
 *
 * What is known of the room is in {@link RoomView}, what is one request and its answer in
 * {@link Commands}. Every event of the server is dispatched under its own name, its frame in
 * `detail` (`slots`, `participant`, `speaker`, `mode`, `message`, `waiting`, `queue` …). Own
 * events:
 *
 * | event | detail |
 * | --- | --- |
 * | `state` | `{session, publish, receive}`: see {@link SfuClient#state} |
 * | `joined` | the snapshot: on join, or when the waiting is over |
 * | `stream` | `{slot, stream}`: a slot's MediaStream, once per slot |
 * | `local` | `{source, track}`: an own source began, or ended (`track` null) |
 * | `device` | `{source, reason, label, deviceId}`: goes on with another device, because one was
 *   `unplugged` (the default one takes its place) or `chosen` |
 * | `devices` | `{microphones, cameras, speakers}`: devices came or went |
 * | `resumed` | `{resumed, lost}`: in again after the socket was lost. With `resumed` the session
 *   has gone on, and `lost` events are not told any more; else it is a new one, after a restart
 *   of the server or a long absence, and what was published is published again |
 * | `error` | `{code, message}`: something failed that no call is waiting for |
 * | `closed` | `{code, reason}`: the session is over |
 *
 * A lost socket is no end: the client comes back by itself, for as long as it takes. Meanwhile
 * `session` is `resuming`, media goes on, and requests wait. Nor is a changed network: connections
 * that have lost their path find another one (ICE restart), without leaving the room.
 *
 * While its tab is hidden, pictures pause and sound goes on; see {@link Options}.
 *
 * Failed calls reject with an {@link SfuError}, which carries a `code`.
 */

import { Background } from './background.js';
import { Backoff } from './backoff.js';
import { SfuError, isPassing } from './errors.js';
import { Healing } from './healing.js';
import { OwnSources } from './own-sources.js';
import { PRESETS } from './presets.js';
import { Publishing } from './publishing.js';
import { Receiving } from './receiving.js';
import { SignalSession } from './signal-session.js';

export { PRESETS, SfuError };

/** @import { Events, Frame, Join, SlotStats, Source, View } from './types.js' */

/** Refusals of an answer after which another offer comes, where one is needed. */
const REPLACED = new Set(['offer_replaced', 'no_offer']);

/**
 * @typedef {object} Options
 * @property {'sound' | 'all'} [hidden] what a tab that nobody sees receives: sound alone (default),
 *   or all that it did
 */

/** One session in one room. A closed client is not used again. */
export class SfuClient extends OwnSources {
  #session = new SignalSession(() => this.#sayHow());
  /** @type {Receiving | null} */ #receiving = null;
  #healing = new Healing(() => this.#session.reach(), (error) => this.fail(error));

  #background = new Background(
    () => this.slots.keys(),
    (view) => super.view(view).catch((error) => this.fail(error)),
  );
  #hidden;
  /** Whether the room has let one in, ever. */ #inside = false;
  /** Whether what was published is to be published again, once the waiting is over. */
  #anew = false;

  /** @param {Options} [options] */
  constructor({ hidden = 'sound' } = {}) {
    super();
    this.#hidden = hidden;
    /** @type {[string, (detail: any) => void][]} */
    const news = [
      ['frame', (frame) => this.#onFrame(frame)],
      ['entered', (how) => this.#entered(how)],
      ['state', () => this.tell('state', this.state)],
      ['error', (error) => this.fail(error)],
      ['closed', (how) => this.#onClosed(how)],
    ];
    for (const [type, act] of news) {
      this.#session.addEventListener(type, (event) => {
        act(/** @type {CustomEvent} */ (event).detail);
      });
    }
  }

  /**
   * Where the session stands, and the connectionState of both peer connections (`new` before
   * there is one).
   */
  get state() {
    return {
      session: this.#session.state,
      publish: this.publishing?.connection?.connectionState ?? 'new',
      receive: this.#receiving?.connection?.connectionState ?? 'new',
    };
  }

  /**
   * Slot → its stream: the same object for good, whoever is on the slot.
   *
   * @returns {Map<string, MediaStream>}
   */
  get streams() {
    return this.#receiving?.streams ?? new Map();
  }

  /** What takes the session up again, once, as after a reload of the page. */
  get resume() { return this.#session.resume; }

  /** The peer connection, as `publishConnection`. */
  get receiveConnection() { return this.#receiving?.connection ?? null; }

  /**
   * Calls `act` with the detail of each event of a type; `addEventListener`, with types.
   *
   * @template {keyof Events & string} T
   * @param {T} type
   * @param {(detail: Events[T]) => void} act
   * @returns {() => void} ends it
   */
  on(type, act) {
    /** @param {Event} event */
    const listener = (event) => act(/** @type {CustomEvent<Events[T]>} */ (event).detail);
    this.addEventListener(type, listener);
    return () => this.removeEventListener(type, listener);
  }

  /**
   * Opens the signaling socket.
   *
   * @param {string | URL} url of the server's `/v1/signal`
   */
  async connect(url) {
    await this.#session.connect(url);
  }

  /**
   * Asks to be let in. With status `waiting` (see {@link RoomView#queue}) `queue` events tell of
   * the place in the line, and `joined` follows when the wait is over.
   *
   * @param {Join} options
   * @returns {Promise<Frame>} `{status: 'admitted', …}` or `{status: 'waiting', reason, position}`
   */
  async join(options) {
    return this.#session.join(options);
  }

  /**
   * Any request of the protocol, for what has no method of its own.
   *
   * @override
   * @param {string} type
   * @param {Record<string, unknown>} [fields]
   * @returns {Promise<Frame>}
   */
  request(type, fields) {
    return this.#session.request(type, fields);
  }

  /**
   * See {@link Commands#view}; while the tab is hidden it is kept for when it is seen again.
   *
   * @override
   * @param {View} view
   */
  view(view) {
    return super.view(this.#background.pass(view));
  }

  /** @returns {Promise<Map<string, SlotStats>>} by slot; rates are since the last call */
  async stats() {
    return (await this.#receiving?.stats()) ?? new Map();
  }

  /**
   * Leaves the room, which goes on, and releases everything: the devices at once, whether the server
   * answers or not. Never rejects.
   */
  async leave() {
    const said = this.#session.leave();
    this.releaseSources();
    await said;
  }

  /** Shows the server that somebody is there, and tells it how the call is. */
  async #sayHow() {
    const trouble = await this.#receiving?.trouble();
    await (trouble === undefined ? this.ping() : this.request('stats', trouble));
  }

  /** @param {Frame} frame */
  #onFrame(frame) {
    this.follow(frame);
    switch (frame.type) {
      case 'offer': this.#onOffer(frame); break;
      case 'connection': this.#onConnectionLost(frame.connection); break;
      case 'muted': this.applyMute(frame.source, true); break;
      case 'layers':
        this.publishing?.setLayers(frame.layers).catch((error) => this.fail(error));
        break;
      case 'mode': this.dropEnded(this.mayPublish ? this.taken : new Set()); break;
      case 'participant': this.#onParticipants(frame); break;
      default:
    }
    this.tell(frame.type, frame);
  }

  /** @param {{answer: Frame, again: boolean, anew: boolean}} how */
  #entered({ answer, again, anew }) {
    this.begin(answer);
    if (anew) {
      this.#anew = true;
      this.losePublishing();
      this.#receiving?.reset();
    }
    if (answer.status === 'waiting') return;
    this.#prepare(answer.ice_servers ?? []);
    // Who was let in while the socket was away comes in now.
    const first = !this.#inside;
    this.#inside = true;
    this.tell(again && !first ? 'resumed' : 'joined', answer);
    if (first) this.#watch();
    else if (!answer.resumed) this.#background.anew();
    // A session that goes on has not lost anything, and may just be publishing again.
    if (this.#anew) this.publishAgain().catch((error) => this.fail(error));
    this.#anew = false;
  }

  /** From joining on: the devices, and whether anybody sees the tab. */
  #watch() {
    this.watchDevices();
    if (this.#hidden === 'sound') this.#background.start();
  }

  /** @param {RTCIceServer[]} servers */
  #prepare(servers) {
    if (this.publishing === null || this.#receiving === null) {
      this.publishing = new Publishing((sdp, sources) => this.#offer(sdp, sources));
      this.#receiving = new Receiving(() => this.request('restart_ice'));
      this.#receiving.addEventListener('stream', (event) => {
        this.tell('stream', /** @type {CustomEvent} */ (event).detail);
      });
      for (const half of [this.publishing, this.#receiving]) {
        half.addEventListener('state', () => this.tell('state', this.state));
        this.#healing.watch(half);
      }
    }
    this.publishing.iceServers = this.#receiving.iceServers = servers;
    this.tell('state', this.state);
  }

  /**
   * @param {string} sdp
   * @param {Record<string, Source>} sources
   * @returns {Promise<string>} the answer's SDP
   */
  async #offer(sdp, sources) {
    const connection = this.publishConnection;
    const answer = await this.#session.insist(
      'publish', { sdp, sources }, () => connection === this.publishConnection,
    );
    this.taken = new Set(Object.values(sources));
    return answer.sdp;
  }

  /** @param {Frame} frame */
  async #onOffer({ sdp, slots, number }) {
    try {
      const answer = await this.#receiving?.accept(sdp, slots);
      if (answer === undefined) return;
      await this.#answer(answer, number);
      this.#background.again();  // there may be more slots than before
    } catch (error) {
      if (!(error instanceof SfuError && REPLACED.has(error.code))) this.fail(error);
    }
  }

  /**
   * @param {string} sdp
   * @param {number | undefined} number of the offer
   */
  async #answer(sdp, number) {
    for (const backoff = new Backoff(); ;) {
      try {
        await this.request('answer', { sdp, number });
        return;
      } catch (error) {
        if (!isPassing(error) || this.#session.state === 'closed') throw error;
        await backoff.wait(error);
      }
    }
  }

  /** @param {'publish' | 'receive'} which */
  #onConnectionLost(which) {
    // To receive again, the server makes a new offer.
    if (which === 'receive') this.#receiving?.reset();
    else {
      this.losePublishing();
      this.publishAgain().catch((error) => this.fail(error));
    }
  }

  /**
   * @protected
   * @override
   * @param {unknown} error
   */
  fail(error) {
    if (this.#session.state !== 'closed') super.fail(error);
  }

  /** @param {Frame} frame */
  #onParticipants({ joined = [], updated = [] }) {
    const own = [...joined, ...updated].find(({ id }) => id === this.participant?.id);
    if (own === undefined) return;
    this.dropEnded(this.mayPublish ? new Set(Object.keys(own.sources ?? {})) : new Set());
  }

  /** @param {{code: number, reason: string}} how */
  #onClosed(how) {
    this.#healing.stop();
    this.#background.stop();
    this.releaseSources();
    this.#receiving?.close();
    this.tell('closed', how);
  }
}
