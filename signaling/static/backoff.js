// @ts-check
/** Waiting between attempts to reach the server again. */

import { askedToWait } from './errors.js';

const FIRST = 300;
const MOST = 5_000;

/**
 * Doubles from one attempt to the next, with much chance in it: where a server has gone down ten
 * thousand begin at the same moment, and are to be spread before it is up again.
 */
export class Backoff {
  #next = FIRST;

  /**
   * Waits for the next attempt.
   *
   * @param {unknown} [error] what the last one came to: as long as the server asks for, at least
   */
  async wait(error) {
    const asked = askedToWait(error) * (1 + 0.5 * Math.random());
    const pause = Math.max(asked, this.#next * (0.25 + 1.5 * Math.random()));
    this.#next = Math.min(MOST, 2 * this.#next);
    await new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        globalThis.removeEventListener?.('online', done);
        resolve(undefined);
      };
      const timer = setTimeout(done, pause);
      // A network that is there again is worth an attempt at once, but to a server that is busy.
      if (asked === 0) globalThis.addEventListener?.('online', done);
    });
  }
}
