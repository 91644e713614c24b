// @ts-check
/** Who is in the room and who waits at the door, with what presenters may do about them. */

import { box, button, copyOf, drawRows, element, make, part } from './elements.js';
import { pressed } from './notices.js';
import { hue, initials, nameOf, statusWords } from './words.js';

/** @import { SfuClient } from './sfu-client.js' */
/** @import { Participant } from './types.js' */

/**
 * @typedef {object} Action
 * @property {string} label
 * @property {() => Promise<unknown>} act
 * @property {boolean} [grave]
 */

/** Rows drawn at most; the search finds the others. */
const ROWS = 100;

/**
 * Dispatches `write` (detail: participant) when somebody is to be written to, and `done` (detail:
 * words) for what no event of the room tells of.
 */
export class People extends EventTarget {
  #search = element('search', HTMLInputElement);
  /** @type {() => SfuClient} */ #client;
  /** @type {(words: string, yes: string) => Promise<boolean>} */ #confirm;

  /**
   * @param {() => SfuClient} client the one in use
   * @param {(words: string, yes: string) => Promise<boolean>} confirm asks before something grave
   */
  constructor(client, confirm) {
    super();
    this.#client = client;
    this.#confirm = confirm;
    this.#search.addEventListener('input', () => this.draw());
    pressed(button('admit-all'), () => this.#done(this.#client().admitAll(), 'You let everybody in.'));
  }

  /** @returns {number} how many things a presenter should look at: guests at the door, hands */
  get calls() {
    const { participants, presents, waitingCount } = this.#client();
    if (!presents) return 0;
    const hands = [...participants.values()].filter(({ status }) => status === 'hand');
    return waitingCount + hands.length;
  }

  /** Brings both lists up to date. */
  draw() {
    this.#drawDoor();
    const { participants, participant: own } = this.#client();
    const everybody = new Map(participants);
    if (own !== null) everybody.set(own.id, own);
    const wanted = this.#search.value.trim().toLowerCase();
    const found = [...everybody.values()]
      .filter((each) => nameOf(each).toLowerCase().includes(wanted))
      .sort((a, b) => rank(a) - rank(b) || nameOf(a).localeCompare(nameOf(b)));
    const shown = found.slice(0, ROWS).map((each) => /** @type {const} */ ([each.id, each]));
    drawRows(
      box('person-list'),
      new Map(shown),
      () => copyOf('person'),
      (row, entry) => this.#drawPerson(row, entry),
    );
    box('person-rest').textContent = this.#rest(found.length, everybody.size);
  }

  #drawDoor() {
    const { presents, waiting, waitingCount } = this.#client();
    box('door').hidden = !presents || waitingCount === 0;
    box('door-title').textContent = `Waiting (${waitingCount})`;
    const shown = presents ? waiting.slice(0, ROWS) : [];
    drawRows(
      box('door-list'),
      new Map(shown.map((each) => [each.id, each])),
      (id) => this.#makeGuest(id),
      (row, entry) => {
        part(row, 'name').textContent = nameOf(entry);
        part(row, 'admit').setAttribute('aria-label', `Admit ${nameOf(entry)}`);
        part(row, 'refuse').setAttribute('aria-label', `Turn ${nameOf(entry)} away`);
      },
    );
  }

  /** @param {string} id */
  #makeGuest(id) {
    const row = copyOf('guest');
    const name = () => part(row, 'name').textContent;
    pressed(part(row, 'admit'), () => (
      this.#done(this.#client().admit(id), `You let ${name()} in.`)
    ));
    pressed(part(row, 'refuse'), () => (
      this.#done(this.#client().remove(id), `You turned ${name()} away.`)
    ));
    return row;
  }

  /**
   * @param {Promise<unknown>} command
   * @param {string} words
   */
  async #done(command, words) {
    await command;
    this.dispatchEvent(new CustomEvent('done', { detail: words }));
  }

  /**
   * @param {HTMLElement} row
   * @param {Participant} entry
   */
  #drawPerson(row, entry) {
    const own = entry.id === this.#client().participant?.id;
    const name = nameOf(entry);
    const face = part(row, 'face');
    face.textContent = initials(name);
    face.style.setProperty('--hue', String(hue(name)));
    part(row, 'name').textContent = own ? `${name} (you)` : name;
    part(row, 'tags').replaceChildren(...tags(entry));
    const actions = own ? [] : this.#actions(entry);
    row.classList.toggle('plain', actions.length === 0);
    drawRows(
      part(row, 'actions'),
      new Map(actions.map((action) => [action.label, action])),
      (label) => this.#makeAction(entry.id, label),
      () => {},
    );
  }

  /**
   * @param {string} id
   * @param {string} label
   */
  #makeAction(id, label) {
    const made = make('button', label, 'small');
    // What is done follows from how things stand when it is pressed.
    const now = () => {
      const entry = this.#client().participants.get(id);
      return entry && this.#actions(entry).find((each) => each.label === label);
    };
    made.classList.toggle('bad', Boolean(now()?.grave));
    pressed(made, async () => now()?.act());
    return made;
  }

  /**
   * @param {Participant} entry
   * @returns {Action[]}
   */
  #actions(entry) {
    const client = this.#client();
    const write = async () => this.dispatchEvent(new CustomEvent('write', { detail: entry.id }));
    /** @type {Action[]} */
    const actions = [];
    if (client.presents) actions.push(...this.#stageActions(entry));
    if (entry.role !== 'viewer') actions.push({ label: 'Message', act: write });
    if (client.presents && entry.role !== 'organizer') actions.push(...this.#graveActions(entry));
    return actions;
  }

  /**
   * @param {Participant} entry
   * @returns {Action[]}
   */
  #stageActions({ id, role, seat, sources = {} }) {
    const client = this.#client();
    /** @type {Action[]} */
    const actions = [];
    if (role === 'viewer') actions.push({ label: 'Make attendee', act: () => client.promote(id) });
    if (seat === null) actions.push({ label: 'Give a seat', act: () => client.grantSeat(id) });
    else if (role !== 'organizer') {
      actions.push({ label: 'Take the seat', act: () => client.revokeSeat(id) });
    }
    for (const [source, label] of /** @type {const} */ ([
      ['microphone', 'Mute'], ['camera', 'Hide camera'], ['screen', 'Hide screen'],
    ])) {
      if (sources[source]?.muted === false) {
        actions.push({ label, act: () => client.mute(source, true, id) });
      }
    }
    return actions;
  }

  /**
   * @param {Participant} entry
   * @returns {Action[]}
   */
  #graveActions(entry) {
    const client = this.#client();
    const { id, blocked, allowed } = entry;
    /** @param {boolean} ban */
    const remove = (ban) => async () => {
      const words = ban
        ? `Remove ${nameOf(entry)} for good? They cannot come back to this event.`
        : `Remove ${nameOf(entry)}? They may join again.`;
      if (!await this.#confirm(words, 'Remove')) return;
      await this.#done(client.remove(id, { ban }), `You removed ${nameOf(entry)}.`);
    };
    return [
      allowed
        ? { label: 'Allow everything', act: () => client.allow(id, null) }
        : { label: 'Sound only', act: () => client.allow(id, ['microphone']), grave: true },
      blocked
        ? { label: 'Unblock', act: () => client.unblock(id) }
        : { label: 'Block', act: () => client.block(id), grave: true },
      { label: 'Remove', act: remove(false), grave: true },
      { label: 'Remove for good', act: remove(true), grave: true },
    ];
  }

  /**
   * @param {number} found
   * @param {number} known
   */
  #rest(found, known) {
    if (found > ROWS) return `And ${found - ROWS} more. Search to find them.`;
    if (found === 0) return 'Nobody has that name.';
    const { room } = this.#client();
    const counts = /** @type {number[]} */ (Object.values(room.counts ?? {}));
    const unseen = counts.reduce((sum, count) => sum + count, 0) - known;
    if (unseen <= 0 || found < known) return '';
    return unseen === 1 ? 'And one more person.' : `And ${unseen} more people.`;
  }
}

/** Raised hands first, then who is on a seat. @param {Participant} entry */
function rank({ status, seat }) {
  if (status === 'hand') return 0;
  return seat === null ? 3 : seat === 0 ? 1 : 2;
}

/**
 * @param {Participant} entry
 * @returns {HTMLElement[]}
 */
function tags({ role, seat, status, blocked, allowed, sources = {} }) {
  const words = [];
  if (status) words.push(make('b', statusWords(status), 'tag sign'));
  if (blocked) words.push(make('b', 'Blocked', 'tag barred'));
  else if (allowed) words.push(make('b', 'Sound only', 'tag barred'));
  if (sources.microphone?.muted) words.push(make('b', 'Muted', 'tag'));
  if (role === 'organizer' || role === 'viewer') words.push(make('b', role, 'tag'));
  else if (seat !== null) words.push(make('b', 'on a seat', 'tag'));
  return words;
}
