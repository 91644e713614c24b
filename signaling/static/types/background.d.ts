/**
 * Keeps what was said to be looked at, and while the tab is hidden says that no picture is. A
 * picture in a window of its own (picture-in-picture) is looked at all the same.
 */
export class Background {
    /**
     * @param {() => Iterable<string>} all the room's slots
     * @param {(view: View) => Promise<void>} say tells the server; it must not reject
     */
    constructor(all: () => Iterable<string>, say: (view: View) => Promise<void>);
    /** Whether pictures pause now. */ paused: boolean;
    /** Begins to watch the tab. */
    start(): void;
    /** Watches it no longer. */
    stop(): void;
    /**
     * Takes note of a view, and gives what may be said of it now.
     *
     * @param {View} view
     * @returns {View}
     */
    pass(view: View): View;
    /** Says it to a session that begins anew, which knows nothing of what was said before. */
    anew(): void;
    /** Says it again, of slots that are new. */
    again(): void;
    #private;
}
import type { View } from './types.js';
