/**
 * @param {Session} session
 * @param {number} seconds
 * @param {(now: Measured) => void} told
 * @returns {Promise<Measured>}
 */
export function measure(session: Session, seconds: number, told: (now: Measured) => void): Promise<Measured>;
export type Reading = {
    up: number;
    down: number;
    last: {
        at: number;
        bytes: number;
    } | null;
};
export type Direction = {
    /**
     * bit/s that the way carries, as far as it was looked for
     */
    bandwidth: number;
    /**
     * whether it carries as much as was looked for: it may be more
     */
    capped: boolean;
    /**
     * of packets, 0 to 1
     */
    loss: number;
    /**
     * milliseconds
     */
    jitter: number;
};
/**
 * round trip in milliseconds
 */
export type Measured = {
    roundTrip: number;
    up: Direction;
    down: Direction;
};
import type { Session } from './preflight-session.js';
