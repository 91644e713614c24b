// @ts-check
/** The buttons of microphone, camera and screen. */

import { button } from './elements.js';
import { pressed } from './notices.js';

/** @import { SfuClient } from './sfu-client.js' */
/** @import { Source } from './types.js' */

/** How a camera is sent, for tests and for trying things out. */
/** @typedef {{codec?: string, simulcast: boolean}} Wish */

export class Devices {
  /** @type {() => SfuClient} */ #client;
  #wish;

  /**
   * @param {() => SfuClient} client the one in use
   * @param {Wish} wish
   */
  constructor(client, wish) {
    this.#client = client;
    this.#wish = wish;
    for (const source of /** @type {Source[]} */ (['microphone', 'camera', 'screen'])) {
      pressed(button(source), () => this.toggle(source));
    }
  }

  /** @param {Source} source */
  async toggle(source) {
    const client = this.#client();
    const { codec, simulcast } = this.#wish;
    if (source === 'microphone' && client.track(source) !== null) {
      await client.mute(source, !client.isMuted(source));
    } else if (client.track(source) !== null) {
      await client.unpublish(source);
    } else if (source === 'microphone') {
      await client.publishMicrophone();
    } else if (source === 'camera') {
      await client.publishCamera({ codec, simulcast, quality: client.room.video });
    } else {
      await client.publishScreen({ codec, maxBitrate: client.profiles.upload?.screen });
    }
    this.draw();
  }

  draw() {
    const client = this.#client();
    const microphone = client.track('microphone') !== null && !client.isMuted('microphone');
    const camera = client.track('camera') !== null;
    const screen = client.track('screen') !== null;
    this.#drawOne('microphone', microphone, microphone ? 'Mute' : 'Mic', microphone ? 'mic' : 'mic-off');
    this.#drawOne('camera', camera, camera ? 'Stop camera' : 'Camera', camera ? 'camera' : 'camera-off');
    this.#drawOne('screen', screen, screen ? 'Stop share' : 'Share', 'screen');
  }

  /**
   * @param {Source} source
   * @param {boolean} on
   * @param {string} label
   * @param {string} icon
   */
  #drawOne(source, on, label, icon) {
    const { mayPublish, participant, state } = this.#client();
    const allowed = participant?.allowed ?? null;
    const may = mayPublish && (allowed === null || allowed.includes(source));
    const control = button(source);
    control.setAttribute('aria-pressed', String(on));
    control.disabled = !may || state.session !== 'joined';
    control.classList.toggle('barred', !may);
    control.title = may ? '' : participant?.blocked ? 'A presenter has blocked you'
      : mayPublish ? 'Presenters do not allow you this' : 'Needs a seat on the stage: raise your hand';
    /** @type {HTMLElement} */ (control.querySelector('span')).textContent = label;
    control.querySelector('use')?.setAttribute('href', `#i-${icon}`);
  }
}
