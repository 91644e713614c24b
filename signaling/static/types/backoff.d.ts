/**
 * Doubles from one attempt to the next, with much chance in it: where a server has gone down ten
 * thousand begin at the same moment, and are to be spread before it is up again.
 */
export class Backoff {
    /**
     * Waits for the next attempt.
     *
     * @param {unknown} [error] what the last one came to: as long as the server asks for, at least
     */
    wait(error?: unknown): Promise<void>;
    #private;
}
