/**
 * One WebSocket to `/v1/signal`.
 *
 * Dispatches `frame` (detail: an event frame of the server) and, once, `close`
 * (detail: `{code, reason}`). Frames arrive in the order the server sent them; the answer to a
 * request settles its promise before any later frame is dispatched.
 */
export class SignalSocket extends EventTarget {
    /**
     * Opens the socket.
     *
     * @param {string | URL} url `ws:`, `wss:`, `http:` or `https:`
     * @param {number} [timeout] milliseconds, for the opening and for each answer
     * @returns {Promise<SignalSocket>}
     */
    static open(url: string | URL, timeout?: number): Promise<SignalSocket>;
    /**
     * @param {WebSocket} socket an open one
     * @param {number} timeout milliseconds that an answer may take
     */
    constructor(socket: WebSocket, timeout: number);
    /**
     * Sends a request and waits for its answer.
     *
     * @param {string} type
     * @param {Record<string, unknown>} [fields] undefined ones are left out
     * @param {number} [patience] milliseconds, when not the usual
     * @returns {Promise<Frame>} the `ok` frame
     * @throws {SfuError} with the server's code, or `timeout`, `connection_closed`
     */
    request(type: string, fields?: Record<string, unknown>, patience?: number): Promise<Frame>;
    /**
     * A socket that is about to close, by the server's or the page's will, takes nothing any more and
     * has not dispatched `close` yet, with the code that says why.
     *
     * @returns {Promise<unknown> | null} settles after `close`; null unless that is to come
     */
    closing(): Promise<unknown> | null;
    /** Closes the socket; `close` is dispatched. */
    close(): void;
    /** Gives the socket up at once, should the server not answer: `close` is dispatched now. */
    abandon(): void;
    #private;
}
export type Frame = Record<string, any> & {
    type: string;
};
export type Pending = {
    resolve: (answer: Frame) => void;
    reject: (error: SfuError) => void;
    timer: ReturnType<typeof setTimeout>;
};
import { SfuError } from './errors.js';
