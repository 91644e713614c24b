// @ts-check
/** The signaling socket: requests with answers, events without. */

import { SfuError } from './errors.js';

/** @typedef {Record<string, any> & {type: string}} Frame */

/**
 * @typedef {object} Pending
 * @property {(answer: Frame) => void} resolve
 * @property {(error: SfuError) => void} reject
 * @property {ReturnType<typeof setTimeout>} timer
 */

const SUBPROTOCOL = 'sfu.v1';

/**
 * One WebSocket to `/v1/signal`.
 *
 * Dispatches `frame` (detail: an event frame of the server) and, once, `close`
 * (detail: `{code, reason}`). Frames arrive in the order the server sent them; the answer to a
 * request settles its promise before any later frame is dispatched.
 */
export class SignalSocket extends EventTarget {
  /** @type {WebSocket} */ #socket;
  /** @type {Map<number, Pending>} */ #pending = new Map();
  #nextId = 1;
  #timeout;

  /**
   * @param {WebSocket} socket an open one
   * @param {number} timeout milliseconds that an answer may take
   */
  constructor(socket, timeout) {
    super();
    this.#socket = socket;
    this.#timeout = timeout;
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#closed(event.code, event.reason);
  }

  /**
   * Opens the socket.
   *
   * @param {string | URL} url `ws:`, `wss:`, `http:` or `https:`
   * @param {number} [timeout] milliseconds, for the opening and for each answer
   * @returns {Promise<SignalSocket>}
   */
  static open(url, timeout = 10_000) {
    const address = new URL(url);
    address.protocol = address.protocol.replace(/^http/, 'ws');
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(address, SUBPROTOCOL);
      /** @param {string} why */
      const fail = (why) => {
        clearTimeout(timer);
        socket.onopen = socket.onclose = null;
        socket.close();
        reject(new SfuError('connection_failed', why));
      };
      const timer = setTimeout(() => fail('the server did not answer'), timeout);
      socket.onclose = () => fail('the server could not be reached');
      socket.onopen = () => {
        clearTimeout(timer);
        resolve(new SignalSocket(socket, timeout));
      };
    });
  }

  /**
   * Sends a request and waits for its answer.
   *
   * @param {string} type
   * @param {Record<string, unknown>} [fields] undefined ones are left out
   * @param {number} [patience] milliseconds, when not the usual
   * @returns {Promise<Frame>} the `ok` frame
   * @throws {SfuError} with the server's code, or `timeout`, `connection_closed`
   */
  request(type, fields = {}, patience = this.#timeout) {
    return new Promise((resolve, reject) => {
      if (this.#socket.readyState !== WebSocket.OPEN) {
        reject(new SfuError('connection_closed', 'the connection to the server is closed'));
        return;
      }
      const id = this.#nextId++;
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new SfuError('timeout', `no answer to "${type}"`));
      }, patience);
      this.#pending.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ type, id, ...fields }));
    });
  }

  /**
   * A socket that is about to close, by the server's or the page's will, takes nothing any more and
   * has not dispatched `close` yet, with the code that says why.
   *
   * @returns {Promise<unknown> | null} settles after `close`; null unless that is to come
   */
  closing() {
    if (this.#socket.readyState !== WebSocket.CLOSING || this.#socket.onclose === null) return null;
    return new Promise((resolve) => this.addEventListener('close', resolve, { once: true }));
  }

  /** Closes the socket; `close` is dispatched. */
  close() {
    this.#socket.close(1000);
  }

  /** Gives the socket up at once, should the server not answer: `close` is dispatched now. */
  abandon() {
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#closed(1006, 'no answer');
  }

  /** @param {unknown} data */
  #receive(data) {
    /** @type {Frame} */
    const frame = JSON.parse(String(data));
    const pending = this.#pending.get(frame.id);
    if (pending === undefined) {
      this.dispatchEvent(new CustomEvent('frame', { detail: frame }));
      return;
    }
    this.#pending.delete(frame.id);
    clearTimeout(pending.timer);
    if (frame.type === 'ok') {
      pending.resolve(frame);
    } else {
      const { type: _type, id: _id, code, message, ...details } = frame;
      pending.reject(new SfuError(code, message, { details }));
    }
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #closed(code, reason) {
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new SfuError('connection_closed', 'the connection to the server closed'));
    }
    this.#pending.clear();
    this.dispatchEvent(new CustomEvent('close', { detail: { code, reason } }));
  }
}
