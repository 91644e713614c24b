// @ts-check
/** Finding and making the page's elements. */

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html lacks #${id}`);
  return found;
}

/** @param {string} id */
export const button = (id) => element(id, HTMLButtonElement);
/** @param {string} id */
export const box = (id) => element(id, HTMLElement);

/**
 * A copy of a template's first element.
 *
 * @param {string} id of the template
 * @returns {HTMLElement}
 */
export function copyOf(id) {
  const { firstElementChild } = element(id, HTMLTemplateElement).content;
  return /** @type {HTMLElement} */ (firstElementChild?.cloneNode(true));
}

/**
 * The element of a copy that carries a class.
 *
 * @template {HTMLElement} [T=HTMLElement]
 * @param {HTMLElement} root
 * @param {string} name
 * @returns {T}
 */
export function part(root, name) {
  return /** @type {T} */ (root.querySelector(`.${name}`));
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} text
 * @param {string} [className]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, text, className = '') {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

/**
 * Brings a list's rows into line with what they show. Rows that stay are kept as they are, so that
 * the focus and what is unfolded outlive a change.
 *
 * @template T
 * @param {HTMLElement} list
 * @param {Map<string, T>} entries by key, in order
 * @param {(key: string) => HTMLElement} create
 * @param {(row: HTMLElement, entry: T) => void} draw
 */
export function drawRows(list, entries, create, draw) {
  /** @type {Map<string, HTMLElement>} */
  const rows = new Map();
  for (const row of list.children) {
    if (row instanceof HTMLElement) rows.set(row.dataset.key ?? '', row);
  }
  for (const [key, row] of rows) if (!entries.has(key)) row.remove();
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  let next = list.firstElementChild;
  for (const [key, entry] of entries) {
    const row = rows.get(key) ?? create(key);
    row.dataset.key = key;
    draw(row, entry);
    if (row === next) next = row.nextElementSibling;
    else list.insertBefore(row, next);
  }
  // A row that moves loses the focus.
  if (focused !== document.activeElement && focused instanceof HTMLElement) focused.focus();
}
