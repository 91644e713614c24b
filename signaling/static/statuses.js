// @ts-check
/** The sign that a person shows the others: a raised hand, applause, away. */

import { box, button, make } from './elements.js';
import { pressed } from './notices.js';
import { STATUSES } from './words.js';

/** @import { SfuClient } from './sfu-client.js' */

/** What the buttons say: one's own sign in the first person. @type {Record<string, string>} */
const LABELS = { hand: 'Raise hand', agree: 'I agree', disagree: 'I disagree', away: 'I am away' };

export class Statuses {
  /** @type {() => SfuClient} */ #client;

  /** @param {() => SfuClient} client the one in use */
  constructor(client) {
    this.#client = client;
    const menu = box('statuses');
    for (const value of Object.keys(STATUSES)) {
      const choice = make('button', LABELS[value] ?? STATUSES[value], 'choice');
      choice.value = value;
      // Pressing the one that is shown takes it back.
      pressed(choice, async () => {
        const shown = this.#client().participant?.status;
        menu.hidePopover();
        await this.#client().setStatus(shown === value ? null : value);
      });
      menu.append(choice);
    }
    menu.addEventListener('toggle', (event) => {
      if (/** @type {ToggleEvent} */ (event).newState === 'open') menu.querySelector('button')?.focus();
    });
  }

  draw() {
    const { participant } = this.#client();
    const shown = participant?.status ?? null;
    const control = button('status');
    control.hidden = participant?.role === 'viewer';
    control.setAttribute('aria-pressed', String(shown !== null));
    const label = /** @type {HTMLElement} */ (control.querySelector('span'));
    label.textContent = shown === null ? 'Hand' : shown === 'hand' ? 'Hand up' : STATUSES[shown] ?? shown;
    control.title = shown === null ? 'Raise your hand, or show another sign' : 'Change or take back your sign';
    for (const choice of box('statuses').querySelectorAll('button')) {
      choice.setAttribute('aria-pressed', String(choice.value === shown));
      if (choice.value === 'hand') choice.textContent = shown === 'hand' ? 'Lower hand' : 'Raise hand';
    }
  }
}
