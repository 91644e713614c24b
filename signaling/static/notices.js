// @ts-check
/** Short words at the bottom of the page, and buttons that tell when they fail. */

import { box, make } from './elements.js';
import { failure } from './words.js';

/**
 * @param {string} words
 * @param {{key?: string, bad?: boolean, stay?: boolean, action?: [string, () => void]}} [how] a
 *   notice takes the place of the last one with its key
 */
export function notice(words, { key = words, bad = false, stay = false, action } = {}) {
  dismiss(key);
  const line = make('div', '', bad ? 'notice bad' : 'notice');
  line.dataset.key = key;
  const close = make('button', action?.[0] ?? 'Close');
  close.addEventListener('click', () => {
    line.remove();
    action?.[1]();
  });
  line.append(make('span', words), close);
  box('notices').append(line);
  if (!stay && !action) setTimeout(() => line.remove(), 8000);
}

/** @param {string} key */
export function dismiss(key) {
  for (const line of box('notices').querySelectorAll('.notice')) {
    if (line instanceof HTMLElement && line.dataset.key === key) line.remove();
  }
}

/** @param {unknown} error */
export function complain(error) {
  notice(failure(error), { bad: true });
}

/**
 * Does something at each press; not again while it is being done.
 *
 * @param {HTMLButtonElement} control
 * @param {() => Promise<unknown>} act
 */
export function pressed(control, act) {
  control.addEventListener('click', async () => {
    if (control.getAttribute('aria-busy') === 'true') return;
    control.setAttribute('aria-busy', 'true');
    try {
      await act();
    } catch (error) {
      complain(error);
    } finally {
      control.removeAttribute('aria-busy');
    }
  });
}
