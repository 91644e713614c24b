// @ts-check
/** The panel beside the stage: one of its pages, or nothing. */

import { box, button } from './elements.js';

/** @typedef {'people' | 'chat' | 'event'} Page */

const PAGES = /** @type {Page[]} */ (['people', 'chat', 'event']);

/** Dispatches `shown` when another page, or none, is in sight. */
export class Panel extends EventTarget {
  /** What is in sight. @type {Page | null} */ page = null;
  /** Where the focus goes when the panel closes. @type {HTMLElement | null} */ #opener = null;

  constructor() {
    super();
    for (const page of PAGES) {
      button(`tab-${page}`).addEventListener('click', () => this.show(page));
    }
    for (const page of /** @type {Page[]} */ (['people', 'chat'])) {
      const opener = button(`show-${page}`);
      opener.addEventListener('click', () => {
        this.#opener = opener;
        this.show(this.page === page ? null : page);
        if (this.page !== null) button(`tab-${page}`).focus();
      });
    }
    button('close-panel').addEventListener('click', () => this.#close());
    box('panel').addEventListener('keydown', (event) => this.#onKey(event));
    this.show(null);
  }

  /** @param {Page | null} page */
  show(page) {
    this.page = page;
    box('panel').hidden = page === null;
    for (const each of PAGES) {
      const tab = button(`tab-${each}`);
      tab.setAttribute('aria-selected', String(each === page));
      // One stop for the tabulator; the arrows go from tab to tab (WAI-ARIA, tabs pattern).
      tab.tabIndex = each === page ? 0 : -1;
      box(`page-${each}`).hidden = each !== page;
    }
    for (const each of ['people', 'chat']) {
      button(`show-${each}`).setAttribute('aria-expanded', String(each === page));
    }
    this.dispatchEvent(new Event('shown'));
  }

  #close() {
    this.show(null);
    this.#opener?.focus();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key === 'Escape') {
      this.#close();
      return;
    }
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const tab = event.target instanceof HTMLElement && event.target.role === 'tab';
    if (step === undefined || !tab || this.page === null) return;
    const next = PAGES[(PAGES.indexOf(this.page) + step + PAGES.length) % PAGES.length];
    this.show(next);
    button(`tab-${next}`).focus();
  }
}

/**
 * The number on a button of the panel; none for 0.
 *
 * @param {'people' | 'chat'} page
 * @param {number} count
 * @param {string} what it counts, for who hears the page
 */
export function badge(page, count, what) {
  const opener = button(`show-${page}`);
  const number = /** @type {HTMLElement} */ (opener.querySelector('.badge'));
  number.hidden = count === 0;
  number.textContent = count > 99 ? '99+' : String(count);
  const label = page === 'people' ? 'People' : 'Chat';
  opener.setAttribute('aria-label', count === 0 ? label : `${label}, ${count} ${what}`);
}
