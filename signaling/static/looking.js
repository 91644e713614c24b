// @ts-check
/** What is on the stage, how large, and in which quality it is asked for. */

import { element } from './elements.js';
import { complain } from './notices.js';
import { nameOf, picture, rate } from './words.js';

/** @import { SfuClient } from './sfu-client.js' */
/** @import { Face, Stage } from './stage.js' */
/** @import { LayerStats, PictureFacts, Source, SlotStats } from './types.js' */

const SETTLED = 250;

/** Keeps the stage in line with the client, and the server with what the stage shows. */
export class Looking {
  /** @type {() => SfuClient} */ #client;
  #stage;
  #quality = element('quality', HTMLSelectElement);
  #follow = element('follow', HTMLInputElement);
  /** What the server said of each slot's picture. @type {Map<string, PictureFacts | null>} */
  #told = new Map();
  /** @type {Map<Source, MediaStream>} */ #previews = new Map();
  /** What was asked for last, not to ask it again. */ #asked = '';
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #settling;

  /**
   * @param {() => SfuClient} client the one in use
   * @param {Stage} stage
   */
  constructor(client, stage) {
    this.#client = client;
    this.#stage = stage;
    this.#quality.addEventListener('change', () => this.askAgain());
    this.#follow.addEventListener('change', () => this.askAgain());
    for (const choice of document.querySelectorAll('input[name=layout]')) {
      choice.addEventListener('change', () => this.askAgain());
    }
    stage.addEventListener('pin', () => this.askAgain());
    stage.addEventListener('resized', () => {
      clearTimeout(this.#settling);
      this.#settling = setTimeout(() => this.#ask(), SETTLED);
    });
    setInterval(() => this.#showFacts(), 1000);
  }

  draw() {
    this.#stage.show(this.#faces());
  }

  /** @param {Record<string, PictureFacts | null>} slots of a `quality` event */
  tell(slots) {
    for (const [slot, now] of Object.entries(slots)) this.#told.set(slot, now);
  }

  clear() {
    this.#told.clear();
    this.#stage.show(new Map());
  }

  /** Tells the server what is looked at, whatever was said before. */
  askAgain() {
    const layout = document.querySelector('input[name=layout]:checked');
    this.#stage.presenter = layout instanceof HTMLInputElement && layout.value === 'presenter';
    this.#stage.follow = this.#follow.checked;
    this.draw();
    this.#asked = '';
    this.#ask();
  }

  #ask() {
    const client = this.#client();
    if (client.state.session !== 'joined' || this.#quality.value === 'none') return;
    const heights = this.#stage.heights();
    /** @type {Record<string, 'off' | {max_height: number}>} */
    const slots = {};
    for (const slot of client.slots.keys()) {
      const height = heights.get(slot) ?? 0;
      if (this.#quality.value === 'off') slots[slot] = 'off';
      else if (this.#quality.value !== 'auto') slots[slot] = { max_height: Number(this.#quality.value) };
      else if (height > 0) slots[slot] = { max_height: layerFor(slot, height) };
    }
    const pinned = client.slots.get(this.#stage.pinned ?? '')?.participant ?? null;
    const layout = this.#stage.presenter ? 'presenter' : 'gallery';
    const view = /** @type {const} */ ({ slots, layout, pin: pinned, auto_speaker: this.#follow.checked });
    const text = JSON.stringify(view);
    if (text === this.#asked) return;
    this.#asked = text;
    client.view(view).catch(complain);
  }

  /** @returns {Map<string, Face>} */
  #faces() {
    const client = this.#client();
    const all = new Map();
    for (const [slot, holder] of client.slots) {
      if (holder === null) continue;
      const own = holder.participant === client.participant?.id;
      const screen = slot === 'screen';
      const entry = own ? client.participant : client.participants.get(holder.participant);
      all.set(slot, {
        participant: holder.participant,
        name: entry ? nameOf(entry) : 'Guest',
        own,
        screen,
        pictured: own ? client.track(screen ? 'screen' : 'camera') !== null
          : this.#quality.value !== 'off' && Boolean(screen ? holder.screen : holder.camera),
        silent: !screen && !holder.microphone,
        hand: !screen && entry?.status === 'hand',
        stream: own ? this.#preview(screen ? 'screen' : 'camera') : client.streams.get(slot) ?? null,
      });
    }
    return all;
  }

  /** @param {Source} source */
  #preview(source) {
    const track = this.#client().track(source);
    if (track === null) return null;
    const last = this.#previews.get(source);
    if (last?.getVideoTracks()[0] === track) return last;
    const stream = new MediaStream([track]);
    this.#previews.set(source, stream);
    return stream;
  }

  async #showFacts() {
    const client = this.#client();
    if (client.state.session !== 'joined') return;
    const [received, sent] = await Promise.all([client.stats(), client.publishStats()]);
    for (const [slot, holder] of client.slots) {
      if (holder === null) continue;
      const screen = slot === 'screen';
      if (holder.participant === client.participant?.id) {
        this.#stage.facts(slot, sending(sent.get(screen ? 'screen' : 'camera') ?? []));
        this.#stage.mark(slot, null);
      } else {
        const pictured = Boolean(screen ? holder.screen : holder.camera);
        const told = pictured ? this.#told.get(slot) ?? null : null;
        this.#stage.facts(slot, receiving(received.get(slot), pictured, told));
        this.#stage.mark(slot, told);
      }
    }
  }
}

/**
 * @param {SlotStats | undefined} now
 * @param {boolean} pictured whether there is a picture to be received
 * @param {PictureFacts | null} told
 * @returns {string}
 */
function receiving(now, pictured, told) {
  if (now && pictured && now.width > 0) {
    return told?.fps === 0 ? 'Picture paused' : picture(now, now.videoBitrate);
  }
  return now && now.audioBitrate > 0 ? rate(now.audioBitrate) : '';
}

/**
 * @param {LayerStats[]} all
 * @returns {string}
 */
function sending(all) {
  const layers = all.filter(({ fps }) => fps > 0);
  const top = layers[layers.length - 1];
  if (top === undefined) return '';
  const total = layers.reduce((sum, { bitrate }) => sum + bitrate, 0);
  const count = layers.length > 1 ? `${layers.length} layers · ` : '';
  return `↑ ${count}${picture(top, total)}`;
}

/**
 * @param {string} slot
 * @param {number} height of the tile, device pixels
 */
function layerFor(slot, height) {
  if (slot === 'screen') return 1080;
  // A picture may be stretched a little before the next layer is worth its bits.
  return [180, 360].find((layer) => height <= layer * 1.25) ?? 720;
}
