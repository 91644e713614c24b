// @ts-check
/** Chat over app messages of topic `chat`: to all, to the presenters, to one person. */

import { box, element, make } from './elements.js';
import { complain } from './notices.js';
import { clock, nameOf } from './words.js';

/** @import { SfuClient } from './sfu-client.js' */

const TOPIC = 'chat';
/** Lines kept; older ones go. */
const LINES = 500;
/** Names in the list of whom to write to. */
const NAMES = 200;
/** Characters. */
const LONGEST = 4000;
const NAME = 100;

/** Dispatches `unread` when a message came while nobody looked. */
export class Chat extends EventTarget {
  /** Messages since the chat was last looked at. */
  unread = 0;
  /** @type {() => SfuClient} */ #client;
  /** @type {() => boolean} */ #seen;
  #log = box('chat-log');
  #lines = /** @type {HTMLElement} */ (this.#log.querySelector('ol'));
  #to = element('chat-to', HTMLSelectElement);
  #text = element('chat-text', HTMLInputElement);

  /**
   * @param {() => SfuClient} client the one in use
   * @param {() => boolean} seen whether the chat is in sight
   */
  constructor(client, seen) {
    super();
    this.#client = client;
    this.#seen = seen;
    element('chat-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send().catch(complain);
    });
  }

  /** Forgets what was said, for another room. */
  clear() {
    this.#lines.replaceChildren();
    this.#text.value = '';
    this.read();
    box('chat-empty').hidden = false;
  }

  read() {
    this.unread = 0;
  }

  /** @param {import('./types.js').Frame} frame a `message` event */
  receive({ from, to, topic, body }) {
    if (topic !== TOPIC) return;
    const text = typeof body === 'string' ? body : body?.text;
    if (typeof text !== 'string') return;
    const client = this.#client();
    const sender = client.participants.get(from);
    // Who is unknown here is in the audience, and says their name themself: it proves nothing.
    const who = sender ? nameOf(sender) : `${String(body?.name ?? 'Somebody').slice(0, NAME)} (audience)`;
    this.#add(who, audience(to, client), text.slice(0, LONGEST), false);
    if (this.#seen()) return;
    this.unread += 1;
    this.dispatchEvent(new Event('unread'));
  }

  /** @param {string} participant whom to write to next */
  address(participant) {
    this.draw();
    this.#to.value = participant;
    this.#text.focus();
  }

  /** Brings the list of whom to write to up to date; whom it was stays. */
  draw() {
    const { participant: own, participants } = this.#client();
    const people = [...participants.values()]
      .filter(({ id, role }) => id !== own?.id && role !== 'viewer')
      .sort((a, b) => nameOf(a).localeCompare(nameOf(b)))
      .slice(0, NAMES);
    const wanted = [['all', 'Everybody'], ['presenters', 'Presenters']];
    for (const each of people) wanted.push([each.id, nameOf(each)]);
    const now = [...this.#to.options].map(({ value, text }) => [value, text]);
    if (JSON.stringify(now) === JSON.stringify(wanted)) return;
    const chosen = this.#to.value;
    this.#to.replaceChildren(...wanted.map(([value, text]) => new Option(text, value)));
    this.#to.value = wanted.some(([value]) => value === chosen) ? chosen : 'all';
  }

  async #send() {
    const text = this.#text.value.trim();
    if (text === '') return;
    const client = this.#client();
    const to = this.#to.value;
    // Attendees are not told who the other attendees are: the name goes along.
    const name = client.participant ? nameOf(client.participant) : undefined;
    await client.sendMessage(to, TOPIC, { text, name });
    this.#text.value = '';
    const whom = client.participants.get(to);
    this.#add('You', whom ? `to ${nameOf(whom)} only` : audience(to, client), text, true);
  }

  /**
   * @param {string} who
   * @param {string} whom empty if everybody
   * @param {string} text
   * @param {boolean} own
   */
  #add(who, whom, text, own) {
    const line = make('li', '', own ? 'own' : '');
    const head = make('div', '', 'head');
    head.append(make('b', who), make('span', [whom, clock()].filter(Boolean).join(' · ')));
    line.append(head, make('p', text));
    line.classList.toggle('private', whom !== '');
    this.#lines.append(line);
    while (this.#lines.childElementCount > LINES) this.#lines.firstElementChild?.remove();
    box('chat-empty').hidden = true;
    this.#log.scrollTop = this.#log.scrollHeight;
  }
}

/**
 * @param {string} to
 * @param {SfuClient} client
 * @returns {string}
 */
function audience(to, client) {
  if (to === 'all') return '';
  return to === client.participant?.id ? 'to you only' : `to ${to}`;
}
