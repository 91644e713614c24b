// @ts-check
/** One session over as many sockets as it takes: joining, and coming back after a lost one. */

import { Backoff } from './backoff.js';
import { SfuError, isPassing } from './errors.js';
import { SignalSocket } from './signal-socket.js';

/** @import { Frame, Join } from './types.js' */

/** @typedef {'new' | 'connected' | 'waiting' | 'joined' | 'resuming' | 'closed'} SessionState */

const PING_EVERY = 20_000;

/** Milliseconds that opening a socket, or an answer, may take while coming back. */
const PATIENCE = 5_000;

/**
 * Milliseconds within which the first socket is tried again: a browser does not tell a server that
 * is busy for the moment (status 429 or 503) from one that is not there.
 */
const OPENING = 5_000;

/** Milliseconds that a ping may take when the network may have changed. */
const REACH = 2_000;

/** Milliseconds that a goodbye may take: who leaves is not to wait for a network that is gone. */
const PARTING = 1_500;

/** Milliseconds that a page's way to a token may take then: a lost network may never answer it. */
const FETCHING = 15_000;

/** Close codes after which nobody comes back: left, removed in some way, ended, or misbehaved. */
const FINAL = new Set([1000, 1008, 4000, 4001, 4002, 4003, 4004, 4005]);

/**
 * Dispatches `frame` (detail: an event of the server), `entered` (detail: `{answer, anew, again}`:
 * in the room or at its door; `again` after a lost socket, `anew` when nothing is left of the
 * connections of before), `state`, `error`, and once `closed` (detail: `{code, reason}`).
 */
export class SignalSession extends EventTarget {
  /** @type {SessionState} */ state = 'new';
  /** What takes the session up again; a new one each time. @type {string | null} */ resume = null;

  /** @type {SignalSocket | null} */ #socket = null;
  /** @type {() => Promise<unknown>} */ #sayHow;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #pinging;
  /** @type {string | URL} */ #url = '';
  /** @type {Join | null} */ #joining = null;
  /** Events that have come since the session began. */ #received = 0;
  /** Settles when the session is back, or over. @type {Promise<void> | null} */ #returning = null;

  /** @param {() => Promise<unknown>} sayHow shows the server now and then that somebody is there */
  constructor(sayHow) {
    super();
    this.#sayHow = sayHow;
  }

  /** @param {string | URL} url */
  async connect(url) {
    this.#url = url;
    const socket = await this.#open();
    if (this.state === 'closed') {
      socket.close();
      throw new SfuError('connection_closed', 'the session is over');
    }
    this.#use(socket);
    this.#pinging = setInterval(() => {
      const socket = this.#socket;
      // A refusal is an answer, too.
      if (this.state !== 'resuming') this.#sayHow().catch((error) => {
        if (socket === this.#socket && codeOf(error) === 'timeout') socket?.abandon();
      });
    }, PING_EVERY);
    this.#become('connected');
  }

  /**
   * @param {Join} options
   * @returns {Promise<Frame>} the answer
   */
  async join(options) {
    this.#joining = options;
    const answer = await this.request('join', await fieldsOf(options));
    this.#enter(answer, { again: false, anew: false });
    return answer;
  }

  /**
   * @param {string} type
   * @param {Record<string, unknown>} [fields]
   * @returns {Promise<Frame>}
   */
  async request(type, fields) {
    const closing = this.#socket?.closing() ?? null;
    if (closing !== null) await closing;
    if (this.#returning !== null) await this.#returning;
    if (this.#socket === null) {
      throw new SfuError('connection_closed', 'there is no connection');
    }
    return this.#socket.request(type, fields);
  }

  /** Says goodbye where the server hears it; it is said when this returns. Never rejects. */
  async leave() {
    await this.#socket?.request('leave', {}, PARTING).catch(() => {});
    this.end({ code: 1000, reason: 'left' });
  }

  /**
   * A request that may be made twice: it is made again when its answer is lost with the socket.
   *
   * @param {string} type
   * @param {Record<string, unknown>} fields
   * @param {() => boolean} wanted whether it is still of use, after what may be a long time
   * @returns {Promise<Frame>}
   */
  async insist(type, fields, wanted) {
    for (;;) {
      await this.#returning;
      if (!wanted()) throw new SfuError('connection_closed', `"${type}" came to nothing`);
      try {
        return await this.request(type, fields);
      } catch (error) {
        if (this.#returning === null || codeOf(error) !== 'connection_closed') throw error;
      }
    }
  }

  /** Makes sure that the server is reached: a socket that does not answer is given up for another. */
  async reach() {
    const socket = this.#socket;
    try {
      if (this.#returning === null) await socket?.request('ping', {}, REACH);
    } catch {
      if (socket === this.#socket) socket?.abandon();
    }
    await this.#returning;
  }

  /** @param {{code: number, reason: string}} how */
  end(how) {
    if (this.state === 'closed') return;
    clearInterval(this.#pinging);
    this.#become('closed');
    this.#socket?.close();
    this.#tell('closed', how);
  }

  /** @returns {Promise<SignalSocket>} */
  async #open() {
    const until = Date.now() + OPENING;
    const backoff = new Backoff();
    for (;;) {
      try {
        return await SignalSocket.open(this.#url);
      } catch (error) {
        if (Date.now() > until || this.state === 'closed' || !isPassing(error)) throw error;
      }
      await backoff.wait();
    }
  }

  /** @param {SignalSocket} socket */
  #use(socket) {
    this.#socket = socket;
    socket.addEventListener('frame', (event) => {
      if (socket === this.#socket) this.#onFrame(/** @type {CustomEvent<Frame>} */ (event).detail);
    });
    socket.addEventListener('close', (event) => {
      if (socket !== this.#socket) return;
      this.#onClose(/** @type {CustomEvent<{code: number, reason: string}>} */ (event).detail);
    });
  }

  /** @param {Frame} frame */
  #onFrame(frame) {
    if (this.state === 'closed') return;  // what had been sent before
    if (!('id' in frame)) this.#received += 1;
    if (frame.type === 'admitted') this.#enter(frame, { again: false, anew: false });
    else this.#tell('frame', frame);
  }

  /** @param {{code: number, reason: string}} how the socket went */
  #onClose(how) {
    if (this.state === 'resuming') return;
    const inside = this.state === 'joined' || this.state === 'waiting';
    if (!inside || FINAL.has(how.code)) {
      this.end(how);
      return;
    }
    this.#socket = null;
    this.#become('resuming');
    this.#returning = this.#return().finally(() => { this.#returning = null; });
  }

  /**
   * @param {Frame} answer
   * @param {{again: boolean, anew: boolean}} how
   */
  #enter(answer, how) {
    if (this.state === 'closed') return;  // meanwhile
    this.resume = answer.resume ?? null;
    // `admitted` is an event, counted as such; older servers say 0 in it.
    if (answer.type !== 'admitted') this.#received = answer.events ?? this.#received;
    this.#become(answer.status === 'waiting' ? 'waiting' : 'joined');
    this.#tell('entered', { answer, ...how });
  }

  async #return() {
    const backoff = new Backoff();
    /** @type {unknown} */ let last;
    while (this.state === 'resuming') {
      await backoff.wait(last);
      if (this.state !== 'resuming') return;
      try {
        const socket = await SignalSocket.open(this.#url, PATIENCE);
        if (this.state !== 'resuming') {  // left meanwhile
          socket.close();
          return;
        }
        this.#use(socket);
        const answer = await this.#joinAgain(socket);
        // What has had no events yet has no connections either: the server was started anew.
        this.#enter(answer, { again: true, anew: !answer.resumed || answer.events === 0 });
      } catch (error) {
        last = error;
        this.#socket?.abandon();
        this.#socket = null;
        if (!isPassing(error) && this.state === 'resuming') {
          this.#tell('error', error);
          this.end({ code: 1006, reason: codeOf(error) });
        }
      }
    }
  }

  /**
   * @param {SignalSocket} socket
   * @returns {Promise<Frame>} the answer
   */
  async #joinAgain(socket) {
    const joining = /** @type {Join} */ (this.#joining);
    if (this.resume !== null) {
      const { room, tenant } = joining;
      try {
        const past = { room, tenant, resume: this.resume, received: this.#received };
        return await socket.request('join', past);
      } catch (error) {
        if (codeOf(error) !== 'cannot_resume') throw error;
        this.resume = null;
      }
    }
    const fields = await fieldsOf(joining, FETCHING);
    return socket.request('join', { ...fields, resume: undefined });
  }

  /** @param {SessionState} state */
  #become(state) {
    this.state = state;
    this.#tell('state', state);
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof SfuError ? error.code : '';
}

/**
 * What a join says; a token that is fetched anew each time is fetched.
 *
 * @param {Join} options
 * @param {number} [patience] milliseconds; a person who joins may take their time
 * @returns {Promise<Record<string, unknown>>}
 */
async function fieldsOf({ token, ...others }, patience) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */ let timer;
  const late = new Promise((_, reject) => {
    if (patience !== undefined) timer = setTimeout(reject, patience, 'it took too long');
  });
  try {
    const fetched = typeof token === 'function' ? Promise.race([token(), late]) : token;
    return { ...others, token: await fetched };
  } catch (cause) {
    if (cause instanceof SfuError) throw cause;
    throw new SfuError('token_failed', `the page has no token: ${cause}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}
