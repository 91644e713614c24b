/** @import { Frame, Source, View } from './types.js' */
/**
 * The requests of a client. Each resolves when the server has done it and rejects with an
 * SfuError when it has refused. `participant` is an id.
 *
 * @abstract
 */
export class Commands extends RoomView {
    /**
     * Any request of the protocol.
     *
     * @abstract
     * @param {string} _type
     * @param {Record<string, unknown>} [_fields]
     * @returns {Promise<Frame>}
     */
    request(_type: string, _fields?: Record<string, unknown>): Promise<Frame>;
    /** @returns {Promise<number>} milliseconds to the server and back */
    ping(): Promise<number>;
    /**
     * Says what the person looks at; layers are chosen by it.
     *
     * @param {View} view
     */
    view(view: View): Promise<void>;
    /**
     * Shows the others a sign: `hand`, `applause`, `away` … a short word of small letters.
     *
     * @param {string | null} value null takes it back
     */
    setStatus(value: string | null): Promise<void>;
    /**
     * Asks for the word, or takes that back.
     *
     * @param {boolean} [up]
     */
    raiseHand(up?: boolean): Promise<void>;
    /**
     * Sends an app message, which the server does not look into. It is not sent back to the sender,
     * and who is not in the room never gets it.
     *
     * @param {string} to `all`, `presenters`, `attendees` or a participant
     * @param {string} topic
     * @param {unknown} body any JSON up to 64 KiB
     */
    sendMessage(to: string, topic: string, body: unknown): Promise<void>;
    /** Begins: who waits for that comes in. */
    start(): Promise<void>;
    /** Ends the event for everybody; the session closes. */
    end(): Promise<void>;
    /** Newcomers wait. */
    lock(): Promise<void>;
    /** Newcomers come in, and so does everybody who waits. */
    unlock(): Promise<void>;
    /**
     * Changes who is heard and seen by whom. All presenters are muted but who changes it.
     *
     * @param {'presenters-only' | 'webinar' | 'meeting'} mode
     */
    setMode(mode: "presenters-only" | "webinar" | "meeting"): Promise<void>;
    /** @param {string} participant who waits */
    admit(participant: string): Promise<void>;
    /** Lets in everybody who waits. */
    admitAll(): Promise<void>;
    /**
     * Disconnects somebody, or turns away somebody who waits.
     *
     * @param {string} participant
     * @param {{ban?: boolean}} [options] ban: keeps them out for the event
     */
    remove(participant: string, { ban }?: {
        ban?: boolean;
    }): Promise<void>;
    /**
     * Keeps somebody from publishing; they go on watching.
     *
     * @param {string} participant
     */
    block(participant: string): Promise<void>;
    /** @param {string} participant */
    unblock(participant: string): Promise<void>;
    /**
     * Narrows what somebody may publish.
     *
     * @param {string} participant
     * @param {Source[] | null} sources null for all that role and mode give
     */
    allow(participant: string, sources: Source[] | null): Promise<void>;
    /**
     * Makes somebody a presenter on a seat, in place: their connections stay.
     *
     * @param {string} participant
     */
    grantSeat(participant: string): Promise<void>;
    /**
     * Takes somebody's seat: unpublished at once, an attendee from now on.
     *
     * @param {string} participant
     */
    revokeSeat(participant: string): Promise<void>;
    /**
     * Makes a viewer of a webcast an attendee, in place.
     *
     * @param {string} participant
     */
    promote(participant: string): Promise<void>;
}
import { RoomView } from './room-view.js';
import type { Frame } from './types.js';
import type { View } from './types.js';
import type { Source } from './types.js';
