/**
 * The receiving connection. It exists from the server's first offer on.
 *
 * Dispatches `stream` (detail: `{slot, stream}`) when a slot's tracks appear, and `state`
 * (detail: the RTCPeerConnection's connectionState).
 */
export class Receiving extends EventTarget {
    /** @param {() => Promise<unknown>} askForRestart has the server make an offer that restarts ICE */
    constructor(askForRestart: () => Promise<unknown>);
    /** @type {RTCPeerConnection | null} */ connection: RTCPeerConnection | null;
    /** Slot → its stream; a stream stays the same object for good. @type {Map<string, MediaStream>} */
    streams: Map<string, MediaStream>;
    /** For connections from now on. @type {RTCIceServer[]} */ iceServers: RTCIceServer[];
    /** Looks for another path from the server; what is received stays as it is. */
    restart(): Promise<void>;
    /**
     * Takes an offer and gives the answer; offers are taken one after the other.
     *
     * @param {string} sdp
     * @param {Record<string, string>} slots mid → slot
     * @returns {Promise<string | undefined>} the answer's SDP; undefined when the connection was lost
     *   meanwhile, for then there is nothing to answer any more
     */
    accept(sdp: string, slots: Record<string, string>): Promise<string | undefined>;
    /** @returns {Promise<Map<string, SlotStats>>} */
    stats(): Promise<Map<string, SlotStats>>;
    /**
     * Seconds in which a picture stood still, and in which sound had to be made up, since the last
     * call; of several slots the one that had it worst.
     *
     * @returns {Promise<{frozen: number, concealed: number}>}
     */
    trouble(): Promise<{
        frozen: number;
        concealed: number;
    }>;
    /** Forgets a lost connection; the streams stay, for the tracks of the next offer. */
    reset(): void;
    close(): void;
    #private;
}
/**
 * What a slot receives now. Rates are over the time since the last call.
 */
export type SlotStats = {
    /**
     * of the last decoded picture, pixels; 0 without one
     */
    width: number;
    height: number;
    /**
     * frames decoded per second
     */
    fps: number;
    /**
     * bits per second, payload
     */
    videoBitrate: number;
    audioBitrate: number;
    /**
     * since the beginning
     */
    freezes: number;
    /**
     * packets lost since the beginning, audio and video
     */
    lost: number;
    /**
     * seconds, of the video or else of the audio
     */
    jitter: number;
};
export type Reading = {
    at: number;
    bytes: number;
    frames: number;
};
