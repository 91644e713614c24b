/** Doubles from one attempt to the next, with some chance in it: not everybody comes at once. */
export class Backoff {
    /** Waits for the next attempt. */
    wait(): Promise<void>;
    /** The server was reached. */
    reset(): void;
    #private;
}
