// @ts-check
/** The stage: one tile per occupied seat, a large one for the screen or whoever is pinned. */

import { because, hue, initials, level } from './words.js';

/** @import { PictureFacts } from './types.js' */

/**
 * What a tile shows.
 *
 * @typedef {object} Face
 * @property {string} participant id
 * @property {string} name
 * @property {boolean} own
 * @property {boolean} screen whether it is the screen's tile
 * @property {boolean} pictured whether there is a picture now
 * @property {boolean} silent whether to show the mute mark
 * @property {boolean} hand whether to show a raised hand
 * @property {MediaStream | null} stream
 */

/** @typedef {{face: Face, figure: HTMLElement, video: HTMLVideoElement}} Tile */

const RATIO = 16 / 9;

/**
 * Dispatches `pin` (detail: slot or null), `blocked` when the browser does not let sound play
 * yet, and `resized` when tiles changed their size.
 */
export class Stage extends EventTarget {
  /** @type {Map<string, Tile>} */ #tiles = new Map();
  #root;
  #grid;
  #spotlight;
  #template;
  /** @type {string | null} */ #pinned = null;
  /** @type {string | null} */ #speaker = null;
  #presenter = false;
  #follow = true;
  #soundBlocked = false;

  /** @param {HTMLElement} root the section of index.html */
  constructor(root) {
    super();
    this.#root = root;
    this.#grid = /** @type {HTMLElement} */ (root.querySelector('#tiles'));
    this.#spotlight = /** @type {HTMLElement} */ (root.querySelector('#spotlight'));
    this.#template = /** @type {HTMLTemplateElement} */ (document.querySelector('#tile'));
    new ResizeObserver(() => this.arrange()).observe(root);
  }

  /** Presenter layout: one large, the others small. @param {boolean} on */
  set presenter(on) {
    this.#presenter = on;
    this.arrange();
  }

  get presenter() {
    return this.#presenter;
  }

  /** Whether the large picture follows who speaks. @param {boolean} on */
  set follow(on) {
    this.#follow = on;
    this.arrange();
  }

  /** @param {string | null} participant who speaks now */
  set speaker(participant) {
    this.#speaker = participant;
    for (const { face, figure } of this.#tiles.values()) {
      figure.classList.toggle('speaking', !face.screen && face.participant === participant);
    }
    this.arrange();
  }

  get pinned() {
    return this.#pinned;
  }

  /**
   * Shows who is on which slot; slots left out are empty.
   *
   * @param {Map<string, Face>} faces
   */
  show(faces) {
    for (const [slot, { figure, video }] of [...this.#tiles]) {
      if (faces.has(slot)) continue;
      video.srcObject = null;
      figure.remove();
      this.#tiles.delete(slot);
      if (this.#pinned === slot) this.#pinned = null;
    }
    for (const [slot, face] of faces) this.#draw(slot, face);
    this.arrange();
  }

  /**
   * @param {string} slot
   * @param {string} text what the tile receives now
   */
  facts(slot, text) {
    const facts = this.#tiles.get(slot)?.figure.querySelector('.facts');
    if (facts) facts.textContent = text;
  }

  /**
   * @param {string} slot
   * @param {PictureFacts | null} picture what the server says of it; null takes the mark away
   */
  mark(slot, picture) {
    const bars = this.#tiles.get(slot)?.figure.querySelector('.bars');
    if (!(bars instanceof HTMLElement)) return;
    bars.hidden = picture === null || picture.reason === 'off';
    if (picture === null) return;
    bars.dataset.level = String(level(picture));
    bars.dataset.short = picture.reason;
    const size = picture.height > 0 ? `${picture.width}×${picture.height}` : 'No picture';
    bars.title = `${size}. ${because(picture.reason)}`;
    bars.setAttribute('aria-label', bars.title);
  }

  /** @returns {Map<string, number>} slot → height of its tile in device pixels */
  heights() {
    return new Map([...this.#tiles].map(
      ([slot, { figure }]) => [slot, Math.round(figure.clientHeight * devicePixelRatio)],
    ));
  }

  /** Lets sound play; to be called from a click. */
  unblock() {
    this.#soundBlocked = false;
    for (const { face, video } of this.#tiles.values()) {
      video.muted = face.own;
      this.#play(video);
    }
  }

  /** Gives every tile its place and size. */
  arrange() {
    const large = this.#large();
    this.#root.dataset.layout = large === null ? 'gallery' : 'spotlight';
    for (const [slot, { figure, video }] of this.#tiles) {
      const place = slot === large ? this.#spotlight : this.#grid;
      if (figure.parentElement === place) continue;
      place.append(figure);
      // A media element that is moved stops.
      this.#play(video);
    }
    if (large === null) {
      const { clientWidth, clientHeight } = this.#grid;
      const width = bestWidth(this.#tiles.size, clientWidth, clientHeight);
      this.#grid.style.setProperty('--tile-width', `${width}px`);
    } else {
      const { clientWidth, clientHeight } = this.#spotlight;
      const width = Math.min(clientWidth, clientHeight * RATIO || clientWidth);
      this.#spotlight.style.setProperty('--spotlight-width', `${width}px`);
    }
    this.dispatchEvent(new Event('resized'));
  }

  /** @returns {string | null} the slot that is shown large */
  #large() {
    if (this.#pinned !== null) return this.#pinned;
    if (this.#tiles.has('screen')) return 'screen';
    if (!this.#presenter || this.#tiles.size < 2) return null;
    const [first] = this.#tiles.keys();
    for (const [slot, { face }] of this.#tiles) {
      if (this.#follow && face.participant === this.#speaker) return slot;
    }
    return first;
  }

  /**
   * @param {string} slot
   * @param {Face} face
   */
  #draw(slot, face) {
    const tile = this.#tiles.get(slot) ?? this.#make(slot, face);
    const { figure, video } = tile;
    tile.face = face;
    figure.classList.toggle('own', face.own);
    figure.classList.toggle('screen', face.screen);
    figure.classList.toggle('pictured', face.pictured);
    figure.classList.toggle('silent', face.silent);
    figure.classList.toggle('hand', face.hand);
    figure.classList.toggle('speaking', !face.screen && face.participant === this.#speaker);
    const name = face.own ? `${face.name} (you)` : face.name;
    const label = face.screen ? `Screen of ${name}` : name;
    /** @type {HTMLElement} */ (figure.querySelector('.who')).textContent = label;
    figure.setAttribute('aria-label', label);
    const avatar = /** @type {HTMLElement} */ (figure.querySelector('.avatar'));
    avatar.dataset.initials = initials(face.name);
    avatar.style.setProperty('--hue', String(hue(face.name)));
    if (video.srcObject !== face.stream) {
      video.srcObject = face.stream;
      // One's own sound would be an echo.
      video.muted = face.own || this.#soundBlocked;
      this.#play(video);
    }
  }

  /**
   * @param {string} slot
   * @param {Face} face
   * @returns {Tile}
   */
  #make(slot, face) {
    const copy = /** @type {DocumentFragment} */ (this.#template.content.cloneNode(true));
    const figure = /** @type {HTMLElement} */ (copy.querySelector('.tile'));
    const video = /** @type {HTMLVideoElement} */ (copy.querySelector('video'));
    figure.dataset.slot = slot;
    const pin = () => {
      this.#pinned = this.#pinned === slot ? null : slot;
      this.arrange();
      this.dispatchEvent(new CustomEvent('pin', { detail: this.#pinned }));
    };
    figure.addEventListener('click', pin);
    figure.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' || event.key === ' ') pin();
    });
    this.#grid.append(figure);
    const tile = { face, figure, video };
    this.#tiles.set(slot, tile);
    return tile;
  }

  /** @param {HTMLVideoElement} video */
  async #play(video) {
    if (video.srcObject === null) return;
    try {
      await video.play();
    } catch (error) {
      if (!(error instanceof DOMException && error.name === 'NotAllowedError')) return;
      // Without a click the browser plays pictures, but no sound.
      this.#soundBlocked = true;
      video.muted = true;
      video.play().catch(() => {});
      this.dispatchEvent(new Event('blocked'));
    }
  }
}

/**
 * The width at which n tiles of 16:9 fill a box best.
 *
 * @param {number} count
 * @param {number} width
 * @param {number} height
 * @returns {number} pixels
 */
function bestWidth(count, width, height) {
  const gap = 10;
  let best = 0;
  for (let columns = 1; columns <= Math.max(count, 1); columns++) {
    const rows = Math.ceil(count / columns);
    const across = (width - gap * (columns - 1)) / columns;
    const down = ((height - gap * (rows - 1)) / rows) * RATIO;
    best = Math.max(best, Math.min(across, down));
  }
  return Math.floor(best);
}
