// @ts-check
/** How the event stands, and what presenters do with it: start, end, lock, mode. */

import { box, button } from './elements.js';
import { pressed } from './notices.js';
import { modeName } from './words.js';

/** @import { SfuClient } from './sfu-client.js' */
/** @typedef {Parameters<SfuClient['setMode']>[0]} Mode */

/** @type {Record<string, string>} */
const STATES = {
  preparing: 'The event is being prepared',
  live: 'The event is live',
  ended: 'The event has ended',
};

/** The panel's page of the event, and the facts of it in the page's head. */
export class EventPage {
  /** @type {() => SfuClient} */ #client;
  #modes = [...box('modes').querySelectorAll('button')];

  /**
   * @param {() => SfuClient} client the one in use
   * @param {(words: string, yes: string) => Promise<boolean>} confirm asks before something grave
   */
  constructor(client, confirm) {
    this.#client = client;
    pressed(button('start-event'), () => this.#client().start());
    pressed(button('lock-room'), () => {
      const now = this.#client();
      return now.room.locked ? now.unlock() : now.lock();
    });
    pressed(button('end-event'), async () => {
      const words = 'End the event? Everybody is disconnected.';
      if (await confirm(words, 'End the event')) await this.#client().end();
    });
    for (const choice of this.#modes) {
      pressed(choice, () => this.#client().setMode(/** @type {Mode} */ (choice.value)));
    }
  }

  draw() {
    const { presents, room } = this.#client();
    const { state, mode = 'webinar', locked = false } = room;
    box('run').hidden = !presents;
    button('start-event').hidden = state === 'live';
    button('end-event').hidden = state !== 'live';
    const lock = button('lock-room');
    lock.setAttribute('aria-pressed', String(locked));
    lock.textContent = locked ? 'Unlock the room' : 'Lock the room';
    for (const choice of this.#modes) {
      choice.disabled = state === 'ended';
      choice.setAttribute('aria-pressed', String(choice.value === mode));
    }
    const words = STATES[state] ?? state ?? '';
    const door = locked ? 'the room is locked, newcomers wait' : 'the room is open';
    box('event-state').textContent = `${words}; mode: ${modeName(mode)}; ${door}.`;
    box('mode').textContent = modeName(mode);
    box('mode').hidden = mode === 'webinar';
    box('locked').hidden = !locked;
  }
}
