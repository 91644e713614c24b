// @ts-check
/** What has happened in the room, in words, the latest first. */

import { box, make } from './elements.js';
import { clock, modeName, nameOf, statusWords } from './words.js';

/** @import { SfuClient } from './sfu-client.js' */
/** @import { Frame, Participant } from './types.js' */

/** Lines kept; older ones go. */
const LINES = 300;
/** Seconds after coming in for which that is news. */
const JUST_NOW = 5;

/** Follows the events of one client after the other. */
export class Record {
  /** As last seen, to tell what has changed. @type {Map<string, Participant>} */ #before = new Map();
  /** @type {Set<string>} */ #waiting = new Set();
  #list = box('record');
  /** Seconds from the server's clock to the browser's. */ #lag = 0;
  /** @type {() => SfuClient} */ #client;

  /** @param {() => SfuClient} client the one in use */
  constructor(client) {
    this.#client = client;
  }

  /** Begins anew. */
  begin() {
    const { participant, participants, waiting } = this.#client();
    this.#lag = seconds() - (participant?.joined_at ?? seconds());
    this.#list.replaceChildren();
    this.#before = new Map(participants);
    this.#waiting = new Set(waiting.map(({ id }) => id));
    this.add('You came in.');
  }

  /** @param {string} words */
  add(words) {
    const line = make('li', '');
    line.append(make('time', clock()), make('span', words));
    this.#list.prepend(line);
    while (this.#list.childElementCount > LINES) this.#list.lastElementChild?.remove();
  }

  /**
   * Notes an event that the client has taken in already.
   *
   * @param {Frame} frame
   */
  note(frame) {
    switch (frame.type) {
      case 'participant': this.#people(frame); break;
      case 'waiting': this.#door(frame); break;
      case 'mode': this.add(`${this.who(frame.by)} changed the mode to ${modeName(frame.mode)}.`); break;
      case 'locked': this.add(`${this.who(frame.by)} ${frame.locked ? 'locked' : 'unlocked'} the room.`); break;
      case 'started': this.add('The event has begun.'); break;
      case 'nearly_full': this.add('The room is nearly full.'); break;
      case 'muted': this.add(`${this.who(frame.by)} muted your ${frame.source}.`); break;
      default:
    }
  }

  /**
   * @param {string | null} id of a participant; null is the backend
   * @returns {string}
   */
  who(id) {
    if (id === null || id === undefined) return 'The organizer\'s system';
    const { participant, participants } = this.#client();
    if (id === participant?.id) return 'You';
    const entry = participants.get(id) ?? this.#before.get(id);
    return entry ? nameOf(entry) : 'Somebody';
  }

  /** @param {Frame} frame */
  #people({ joined = [], left = [], updated = [] }) {
    for (const entry of joined) if (!this.#before.has(entry.id)) this.#appear(entry);
    for (const id of left) if (this.#before.has(id)) this.add(`${this.who(id)} left.`);
    for (const entry of updated) this.#change(this.#before.get(entry.id), entry);
    this.#before = new Map(this.#client().participants);
  }

  /**
   * Somebody whom one has not been told of before: they came, or are of interest only now.
   *
   * @param {Participant} entry
   */
  #appear(entry) {
    const here = seconds() - this.#lag - entry.joined_at;
    if (here < JUST_NOW) this.add(`${nameOf(entry)} came in.`);
    else if (entry.seat !== null && !this.#client().presents) {
      this.add(`${nameOf(entry)} has a seat now.`);
    }
  }

  /**
   * @param {Participant | undefined} before
   * @param {Participant} after
   */
  #change(before, after) {
    if (before === undefined) {
      this.#appear(after);
      return;
    }
    const own = after.id === this.#client().participant?.id;
    const [who, has, is] = own ? ['You', 'have', 'are'] : [nameOf(after), 'has', 'is'];
    if (before.seat === null && after.seat !== null) this.add(`${who} ${has} a seat now.`);
    if (before.seat !== null && after.seat === null) this.add(`${who} ${has} no seat any more.`);
    if (before.blocked !== after.blocked && (before.blocked || after.blocked)) {
      this.add(`${who} ${is} ${after.blocked ? 'blocked' : 'no longer blocked'}.`);
    }
    if (before.role === 'viewer' && after.role !== 'viewer') this.add(`${who} ${is} an attendee now.`);
    if (after.status && after.status !== before.status) {
      this.add(`${who}: ${statusWords(after.status)}.`);
    }
    for (const [source, { muted }] of Object.entries(after.sources ?? {})) {
      const earlier = before.sources?.[/** @type {keyof typeof before.sources} */ (source)];
      if (muted && earlier?.muted === false && !own) this.add(`${who} ${is} muted (${source}).`);
    }
  }

  /** @param {Frame} frame */
  #door({ participants = [] }) {
    for (const entry of participants) {
      if (!this.#waiting.has(entry.id)) this.add(`${nameOf(entry)} waits to come in.`);
    }
    this.#waiting = new Set(participants.map((/** @type {Participant} */ { id }) => id));
  }
}

/** @returns {number} since the epoch */
function seconds() {
  return Date.now() / 1000;
}
