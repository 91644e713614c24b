/**
 * Dispatches `frame` (detail: an event of the server), `entered` (detail: `{answer, anew, again}`:
 * in the room or at its door; `again` after a lost socket, `anew` when nothing is left of the
 * connections of before), `state`, `error`, and once `closed` (detail: `{code, reason}`).
 */
export class SignalSession extends EventTarget {
    /** @param {() => Promise<unknown>} sayHow shows the server now and then that somebody is there */
    constructor(sayHow: () => Promise<unknown>);
    /** @type {SessionState} */ state: SessionState;
    /** What takes the session up again; a new one each time. @type {string | null} */ resume: string | null;
    /** @param {string | URL} url */
    connect(url: string | URL): Promise<void>;
    /**
     * @param {Join} options
     * @returns {Promise<Frame>} the answer
     */
    join(options: Join): Promise<Frame>;
    /**
     * @param {string} type
     * @param {Record<string, unknown>} [fields]
     * @returns {Promise<Frame>}
     */
    request(type: string, fields?: Record<string, unknown>): Promise<Frame>;
    /** Says goodbye where the server hears it; it is said when this returns. Never rejects. */
    leave(): Promise<void>;
    /**
     * A request that may be made twice: it is made again when its answer is lost with the socket.
     *
     * @param {string} type
     * @param {Record<string, unknown>} fields
     * @param {() => boolean} wanted whether it is still of use, after what may be a long time
     * @returns {Promise<Frame>}
     */
    insist(type: string, fields: Record<string, unknown>, wanted: () => boolean): Promise<Frame>;
    /** Makes sure that the server is reached: a socket that does not answer is given up for another. */
    reach(): Promise<void>;
    /** @param {{code: number, reason: string}} how */
    end(how: {
        code: number;
        reason: string;
    }): void;
    #private;
}
export type SessionState = "new" | "connected" | "waiting" | "joined" | "resuming" | "closed";
import type { Join } from './types.js';
import type { Frame } from './types.js';
