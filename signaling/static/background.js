// @ts-check
/** What a tab that nobody sees does not need: pictures. Sound goes on. */

/** @import { View } from './types.js' */

/** Milliseconds that a tab may be hidden before its pictures pause: who only glances elsewhere. */
const GLANCE = 2_000;

/**
 * Keeps what was said to be looked at, and while the tab is hidden says that no picture is. A
 * picture in a window of its own (picture-in-picture) is looked at all the same.
 */
export class Background {
  /** Whether pictures pause now. */ paused = false;
  /** What was said so far, merged. @type {Record<string, 'off' | object>} */ #slots = {};
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #waiting;
  /** @type {() => Iterable<string>} */ #all;
  /** @type {(view: View) => Promise<void>} */ #say;
  #onChange = () => this.#look();

  /**
   * @param {() => Iterable<string>} all the room's slots
   * @param {(view: View) => Promise<void>} say tells the server; it must not reject
   */
  constructor(all, say) {
    this.#all = all;
    this.#say = say;
  }

  /** Begins to watch the tab. */
  start() {
    globalThis.document?.addEventListener('visibilitychange', this.#onChange);
    this.#look();
  }

  /** Watches it no longer. */
  stop() {
    clearTimeout(this.#waiting);
    globalThis.document?.removeEventListener('visibilitychange', this.#onChange);
    this.paused = false;
  }

  /**
   * Takes note of a view, and gives what may be said of it now.
   *
   * @param {View} view
   * @returns {View}
   */
  pass(view) {
    this.#slots = { ...this.#slots, ...view.slots };
    if (!this.paused || view.slots === undefined) return view;
    return { ...view, slots: off(Object.keys(view.slots)) };
  }

  /** Says it again: to a session that begins anew, or of slots that are new. */
  again() {
    if (this.paused) this.#say({ slots: off(this.#all()) });
  }

  #look() {
    clearTimeout(this.#waiting);
    const hidden = globalThis.document?.visibilityState === 'hidden';
    if (hidden && !this.paused) this.#waiting = setTimeout(() => this.#pause(), GLANCE);
    else if (!hidden && this.paused) this.#goOn();
  }

  #pause() {
    if (document.pictureInPictureElement) return;
    this.paused = true;
    this.#say({ slots: off(this.#all()) });
  }

  #goOn() {
    this.paused = false;
    /** @type {Record<string, any>} */
    const slots = {};
    // Of what nothing was said, the server's own choice is right.
    for (const slot of this.#all()) slots[slot] = this.#slots[slot] ?? {};
    this.#say({ slots });
  }
}

/**
 * @param {Iterable<string>} slots
 * @returns {Record<string, 'off'>}
 */
function off(slots) {
  return Object.fromEntries([...slots].map((slot) => [slot, 'off']));
}
