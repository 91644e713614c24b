// @ts-check
/** What a client knows of its room: told on joining, kept up to date by events. */

/** @import { Frame, Guest, Holder, Participant, PictureFacts, Place } from './types.js' */

/** Read freely; only the server's frames change it. */
export class RoomView extends EventTarget {
  /** The own entry, from joining on. @type {Participant | null} */ participant = null;
  /** Everybody told about, by id. @type {Map<string, Participant>} */ participants = new Map();
  /** Slot → who is on it. @type {Map<string, Holder | null>} */ slots = new Map();
  /** Who speaks now, by id. @type {string | null} */ speaker = null;
  /** What each slot's picture is now; null where nothing is shown. @type {Map<string, PictureFacts | null>} */
  quality = new Map();
  /** The room's settings and state. @type {Record<string, any>} */ room = {};
  /** Budgets in bit/s by source. @type {Record<string, Record<string, number>>} */ profiles = {};
  /** Why one waits, and one's place in the line. @type {Place | null} */ queue = null;
  /** The first of those at the door; told to presenters only. @type {Guest[]} */ waiting = [];
  /** How many wait at the door. */ waitingCount = 0;

  /** @returns {boolean} whether this person runs the event */
  get presents() {
    return ['organizer', 'presenter'].includes(this.participant?.role ?? '');
  }

  /** @returns {boolean} whether role, seat and mode let this person publish now */
  get mayPublish() {
    const { participant, room } = this;
    if (participant === null || participant.blocked) return false;
    if (typeof participant.seat === 'number') return true;
    return room.mode === 'meeting' && participant.role !== 'viewer';
  }

  /**
   * @protected
   * @param {Frame} snapshot
   */
  begin(snapshot) {
    this.participant = snapshot.participant;
    this.room = snapshot.room ?? {};
    this.profiles = snapshot.profiles ?? {};
    this.participants = new Map(
      (snapshot.participants ?? []).map((/** @type {Participant} */ each) => [each.id, each]),
    );
    this.slots = new Map(Object.entries(snapshot.slots ?? {}));
    this.speaker = snapshot.speaker ?? null;
    if (!snapshot.resumed) {
      // Told anew where there is anything to tell.
      this.quality = new Map();
      this.waiting = [];
      this.waitingCount = 0;
    }
    const { reason, position } = snapshot;
    this.queue = snapshot.status === 'waiting' ? { reason, position } : null;
  }

  /**
   * @protected
   * @param {Frame} frame an event
   */
  follow(frame) {
    switch (frame.type) {
      case 'participant': this.#onParticipants(frame); break;
      case 'slots':
        for (const [slot, holder] of Object.entries(frame.slots)) this.slots.set(slot, holder);
        break;
      case 'speaker': this.speaker = frame.participant; break;
      case 'quality':
        for (const [slot, facts] of Object.entries(frame.slots)) this.quality.set(slot, facts);
        break;
      case 'mode': this.room.mode = frame.mode; break;
      case 'locked': this.room.locked = frame.locked; break;
      case 'started': this.room.state = 'live'; break;
      case 'room': this.room = { ...this.room, ...frame.room }; break;
      case 'waiting':
        this.waiting = frame.participants ?? [];
        this.waitingCount = frame.count ?? this.waiting.length;
        break;
      case 'queue': this.queue = { reason: frame.reason, position: frame.position }; break;
      default:
    }
  }

  /** @param {Frame} frame */
  #onParticipants({ joined = [], left = [], updated = [], counts }) {
    for (const entry of [...joined, ...updated]) {
      this.participants.set(entry.id, { ...this.participants.get(entry.id), ...entry });
    }
    for (const id of left) this.participants.delete(id);
    this.room.counts = counts ?? this.room.counts;
    this.participant = this.participants.get(this.participant?.id ?? '') ?? this.participant;
  }
}
