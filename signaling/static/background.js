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
  /** What was said of slots so far, merged. @type {Record<string, 'off' | object>} */ #slots = {};
  /** What was said besides; not the pin, as nobody has the same id again. @type {View} */
  #others = {};
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
    const { slots, pin: _pin, ...others } = view;
    this.#slots = { ...this.#slots, ...slots };
    this.#others = { ...this.#others, ...others };
    if (!this.paused || view.slots === undefined) return view;
    return { ...view, slots: off(Object.keys(view.slots)) };
  }

  /** Says it to a session that begins anew, which knows nothing of what was said before. */
  anew() {
    const known = [...this.#all()].filter((slot) => slot in this.#slots);
    const slots = this.paused ? off(this.#all())
      : Object.fromEntries(known.map((slot) => [slot, this.#slots[slot]]));
    const view = { ...this.#others, slots };
    if (Object.keys({ ...this.#others, ...slots }).length > 0) this.#say(view);
  }

  /** Says it again, of slots that are new. */
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
    // Of a picture, or of the page's own window for several (Document Picture-in-Picture).
    const { documentPictureInPicture } = /** @type {any} */ (globalThis);
    if (document.pictureInPictureElement || documentPictureInPicture?.window) return;
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
