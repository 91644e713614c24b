// @ts-check
/** Waiting between attempts to reach the server again. */

const FIRST = 300;
const MOST = 5_000;

/** Doubles from one attempt to the next, with some chance in it: not everybody comes at once. */
export class Backoff {
  #next = FIRST;

  /** Waits for the next attempt. */
  async wait() {
    const pause = this.#next * (0.75 + 0.5 * Math.random());
    this.#next = Math.min(MOST, 2 * this.#next);
    await new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        globalThis.removeEventListener?.('online', done);
        resolve(undefined);
      };
      const timer = setTimeout(done, pause);
      // A network that is there again is worth an attempt at once.
      globalThis.addEventListener?.('online', done);
    });
  }

  /** The server was reached. */
  reset() {
    this.#next = FIRST;
  }
}
