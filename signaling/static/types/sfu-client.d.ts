/**
 * @typedef {object} Options
 * @property {'sound' | 'all'} [hidden] what a tab that nobody sees receives: sound alone (default),
 *   or all that it did
 */
/** One session in one room. A closed client is not used again. */
export class SfuClient extends OwnSources {
    /** @param {Options} [options] */
    constructor({ hidden }?: Options);
    /**
     * Where the session stands, and the connectionState of both peer connections (`new` before
     * there is one).
     */
    get state(): {
        session: import("./signal-session.js").SessionState;
        publish: RTCPeerConnectionState;
        receive: RTCPeerConnectionState;
    };
    /**
     * Slot → its stream: the same object for good, whoever is on the slot.
     *
     * @returns {Map<string, MediaStream>}
     */
    get streams(): Map<string, MediaStream>;
    /** What takes the session up again, once, as after a reload of the page. */
    get resume(): string | null;
    /** The peer connection, as `publishConnection`. */
    get receiveConnection(): RTCPeerConnection | null;
    /**
     * Calls `act` with the detail of each event of a type; `addEventListener`, with types.
     *
     * @template {keyof Events & string} T
     * @param {T} type
     * @param {(detail: Events[T]) => void} act
     * @returns {() => void} ends it
     */
    on<T extends keyof Events & string>(type: T, act: (detail: Events[T]) => void): () => void;
    /**
     * Opens the signaling socket.
     *
     * @param {string | URL} url of the server's `/v1/signal`
     */
    connect(url: string | URL): Promise<void>;
    /**
     * Asks to be let in. With status `waiting` (see {@link RoomView#queue}) `queue` events tell of
     * the place in the line, and `joined` follows when the wait is over.
     *
     * @param {Join} options
     * @returns {Promise<Frame>} `{status: 'admitted', …}` or `{status: 'waiting', reason, position}`
     */
    join(options: Join): Promise<Frame>;
    /** @returns {Promise<Map<string, SlotStats>>} by slot; rates are since the last call */
    stats(): Promise<Map<string, SlotStats>>;
    /**
     * Leaves the room, which goes on, and releases everything: the devices at once, whether the server
     * answers or not. Never rejects.
     */
    leave(): Promise<void>;
    #private;
}
export type Options = {
    /**
     * what a tab that nobody sees receives: sound alone (default),
     * or all that it did
     */
    hidden?: "all" | "sound" | undefined;
};
import { PRESETS } from './presets.js';
import { SfuError } from './errors.js';
import { OwnSources } from './own-sources.js';
import type { Events } from './types.js';
import type { Join } from './types.js';
import type { Frame } from './types.js';
import type { SlotStats } from './types.js';
export { PRESETS, SfuError };
