/** What a client knows of its room: told on joining, kept up to date by events. */
/** @import { Frame, Guest, Holder, Participant, PictureFacts, Place } from './types.js' */
/** Read freely; only the server's frames change it. */
export class RoomView extends EventTarget {
    /** The own entry, from joining on. @type {Participant | null} */ participant: Participant | null;
    /** Everybody told about, by id. @type {Map<string, Participant>} */ participants: Map<string, Participant>;
    /** Slot → who is on it. @type {Map<string, Holder | null>} */ slots: Map<string, Holder | null>;
    /** Who speaks now, by id. @type {string | null} */ speaker: string | null;
    /** What each slot's picture is now; null where nothing is shown. @type {Map<string, PictureFacts | null>} */
    quality: Map<string, PictureFacts | null>;
    /** The room's settings and state. @type {Record<string, any>} */ room: Record<string, any>;
    /** Budgets in bit/s by source. @type {Record<string, Record<string, number>>} */ profiles: Record<string, Record<string, number>>;
    /** Why one waits, and one's place in the line. @type {Place | null} */ queue: Place | null;
    /** The first of those at the door; told to presenters only. @type {Guest[]} */ waiting: Guest[];
    /** How many wait at the door. */ waitingCount: number;
    /** @returns {boolean} whether this person runs the event */
    get presents(): boolean;
    /** @returns {boolean} whether role, seat and mode let this person publish now */
    get mayPublish(): boolean;
    /**
     * @protected
     * @param {Frame} snapshot
     */
    protected begin(snapshot: Frame): void;
    /**
     * @protected
     * @param {Frame} frame an event
     */
    protected follow(frame: Frame): void;
    #private;
}
import type { Participant } from './types.js';
import type { Holder } from './types.js';
import type { PictureFacts } from './types.js';
import type { Place } from './types.js';
import type { Guest } from './types.js';
import type { Frame } from './types.js';
