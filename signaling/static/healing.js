// @ts-check
/** Connections that go on when the network has changed: a new path by an ICE restart. */

import { Backoff } from './backoff.js';
import { SfuError } from './errors.js';

/**
 * What can be healed; it dispatches `state` (detail: the RTCPeerConnection's connectionState).
 *
 * @typedef {EventTarget & {connection: RTCPeerConnection | null, restart(): Promise<void>}} Half
 */

/** Milliseconds that a restarted connection has to find its path. */
const PATIENCE = 4_000;

/** Restarts in vain after which somebody is told: no way may be found from where they are. */
const TRIES = 2;

/** Refusals after which the server says by itself how it goes on (RFC 7675: consent is over). */
const OVER = new Set(['connection_lost', 'connection_closed', 'not_joined', 'waiting']);

/**
 * Restarts ICE on connections that have lost their path, until they have one again, or the server
 * ends them. DTLS and media stay as they are.
 */
export class Healing {
  /** @type {() => Promise<unknown>} */ #reach;
  /** @type {(error: unknown) => void} */ #fail;
  /** @type {Set<Half>} */ #halves = new Set();
  /** Those that are being healed. @type {Set<Half>} */ #busy = new Set();
  /** Restarts in vain since there was a path. @type {Map<Half, number>} */ #misses = new Map();
  #online = () => this.#halves.forEach((half) => this.#heal(half, true));

  /**
   * @param {() => Promise<unknown>} reach settles when the server is reached, over a new socket if
   *   the former one went with the network
   * @param {(error: unknown) => void} fail
   */
  constructor(reach, fail) {
    this.#reach = reach;
    this.#fail = fail;
  }

  /** @param {Half} half */
  watch(half) {
    globalThis.addEventListener?.('online', this.#online);
    this.#halves.add(half);
    half.addEventListener('state', () => {
      if (half.connection?.connectionState === 'connected') this.#misses.delete(half);
      if (isIll(half)) this.#heal(half);
    });
  }

  stop() {
    globalThis.removeEventListener?.('online', this.#online);
    this.#halves.clear();
  }

  /**
   * @param {Half} half
   * @param {boolean} [anyway] also one that has not noticed anything yet
   */
  async #heal(half, anyway = false) {
    if (this.#busy.has(half) || half.connection === null) return;
    this.#busy.add(half);
    const backoff = new Backoff();
    try {
      for (let now = anyway; now || isIll(half); now = false) {
        await this.#reach();
        if (!this.#halves.has(half) || !(now || isIll(half))) break;
        await half.restart();
        await settled(half);
        this.#count(half);
        if (isIll(half)) await backoff.wait();
      }
    } catch (error) {
      if (!(error instanceof SfuError && OVER.has(error.code))) this.#fail(error);
    } finally {
      this.#busy.delete(half);
    }
  }

  /** @param {Half} half that was restarted */
  #count(half) {
    const state = half.connection?.connectionState;
    if (state === undefined || state === 'connected') return;
    const misses = (this.#misses.get(half) ?? 0) + 1;
    this.#misses.set(half, misses);
    if (misses !== TRIES) return;
    const why = 'media finds no way to the server: it is tried on, another network may help';
    this.#fail(new SfuError('media_unreachable', why));
  }
}

/** @param {Half} half */
function isIll({ connection }) {
  const state = connection?.connectionState;
  return state === 'disconnected' || state === 'failed';
}

/**
 * Waits until a connection has its path, or is given up, or time is over.
 *
 * @param {Half} half
 * @returns {Promise<void>}
 */
function settled(half) {
  return new Promise((resolve) => {
    const look = () => {
      const state = half.connection?.connectionState;
      if (state === 'connected' || state === undefined) done();
    };
    const done = () => {
      clearTimeout(timer);
      half.removeEventListener('state', look);
      resolve();
    };
    const timer = setTimeout(done, PATIENCE);
    half.addEventListener('state', look);
  });
}
