/**
 * Restarts ICE on connections that have lost their path, until they have one again, or the server
 * ends them. DTLS and media stay as they are.
 */
export class Healing {
    /**
     * @param {() => Promise<unknown>} reach settles when the server is reached, over a new socket if
     *   the former one went with the network
     * @param {(error: unknown) => void} fail
     */
    constructor(reach: () => Promise<unknown>, fail: (error: unknown) => void);
    /** @param {Half} half */
    watch(half: Half): void;
    stop(): void;
    #private;
}
/**
 * What can be healed; it dispatches `state` (detail: the RTCPeerConnection's connectionState).
 */
export type Half = EventTarget & {
    connection: RTCPeerConnection | null;
    restart(): Promise<void>;
};
