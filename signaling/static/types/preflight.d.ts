/**
 * Checks the way to a server. Rejects only where it cannot be asked at all (`connection_failed`,
 * or what it answers, such as `unauthorized`); what is wrong with the way is in the report.
 *
 * @param {string | URL} server its address; a path that it is mounted at is kept
 * @param {Options} [options]
 * @returns {Promise<Report>}
 */
export function preflight(server: string | URL, options?: Options): Promise<Report>;
/**
 * @param {CallType[]} types
 * @param {Measured | null} media
 * @returns {Report['verdicts']}
 */
export function verdicts(types: CallType[], media: Measured | null): Report["verdicts"];
export type Verdict = "good" | "reduced" | "no";
/**
 * bit/s
 */
export type Span = {
    least: number;
    most: number;
};
export type CallType = {
    name: string;
    download: Span;
    upload: Span;
};
/**
 * Whether one way leads to the server.
 */
export type Reach = {
    reached: boolean;
    /**
     * until media could flow
     */
    milliseconds: number | null;
    /**
     * why not: `timeout`, `not_offered` (the server has no relay, or no TCP),
     * or an error's code; empty when it is reached
     */
    reason: string;
};
export type Report = {
    ways: Record<Way, Reach>;
    /**
     * the way that was measured, the best one; null when there is none
     */
    over: Way | null;
    media: Measured | null;
    /**
     * per call type: for who
     * only watches, and for a presenter
     */
    verdicts: {
        name: string;
        watch: Verdict;
        present: Verdict;
    }[];
};
export type Options = {
    /**
     * a join token, where the server asks for one
     */
    token?: string | undefined;
    /**
     * of measuring; default 6
     */
    seconds?: number | undefined;
    /**
     * told of `udp`, `tcp`, `relay`
     * (a Reach each) and `media` (Measured, again and again)
     */
    progress?: ((step: string, detail: unknown) => void) | undefined;
};
import type { Measured } from './preflight-media.js';
import type { Way } from './preflight-session.js';
export { checkCamera, checkMicrophone, playTone } from "./preflight-devices.js";
