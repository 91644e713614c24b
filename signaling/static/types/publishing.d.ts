/**
 * The same sending, its rates lowered in proportion where they are more than a budget together.
 *
 * @param {Sending} sending
 * @param {number} [budget] bit/s of all that the source may send
 * @returns {Sending}
 */
export function withinBudget(sending: Sending, budget?: number): Sending;
/**
 * The publishing connection. It exists from the first published source on.
 *
 * A source that is taken away leaves its transceiver inactive and gets it back when it returns
 * with the same encodings: m-lines can never be removed (RFC 9429 §5.2.2), so they are reused.
 * Dispatches `state` (detail: the RTCPeerConnection's connectionState).
 */
export class Publishing extends EventTarget {
    /**
     * @param {Exchange} exchange sends our offer, gives the server's answer
     */
    constructor(exchange: Exchange);
    /** @type {RTCPeerConnection | null} */ connection: RTCPeerConnection | null;
    /** For connections from now on. @type {RTCIceServer[]} */ iceServers: RTCIceServer[];
    /**
     * @param {Source} source
     * @returns {MediaStreamTrack | null} what is sent for this source
     */
    track(source: Source): MediaStreamTrack | null;
    /** @returns {Source[]} */
    get sources(): Source[];
    /** What `add` would send all of it by. @returns {Addition[]} */
    get additions(): Addition[];
    /**
     * Adds tracks, all in one offer. A source that is sent already gets the new track instead.
     *
     * @param {Addition[]} additions
     */
    add(additions: Addition[]): Promise<void>;
    /**
     * Stops sending a source. The server is told by `unpublish`, not by an offer; the m-line turns
     * inactive in the next one.
     *
     * @param {Source} source
     */
    remove(source: Source): Promise<void>;
    /**
     * Sends another track for a source that is sent already, without a new offer: another device.
     *
     * @param {Source} source
     * @param {MediaStreamTrack} track
     */
    replace(source: Source, track: MediaStreamTrack): Promise<void>;
    /** Looks for another path to the server; what is sent stays as it is. */
    restart(): Promise<void>;
    /**
     * Switches layers off and on: what nobody watches need not be encoded. After a new publish all
     * are on again.
     *
     * @param {Partial<Record<Source, Record<string, boolean>>>} wanted by source and rid
     */
    setLayers(wanted: Partial<Record<Source, Record<string, boolean>>>): Promise<void>;
    /** @returns {Promise<Map<Source, LayerStats[]>>} by source, smallest layer first */
    stats(): Promise<Map<Source, LayerStats[]>>;
    /** Ends it for good: there is no other connection. */
    end(): void;
    /** Ends the connection; tracks go on until whoever made them stops them. */
    close(): void;
    #private;
}
export type Source = "microphone" | "camera" | "screen" | "screen_audio";
/**
 * How a track is sent.
 */
export type Sending = {
    /**
     * one per simulcast layer, smallest first
     */
    encodings: RTCRtpEncodingParameters[];
    /**
     * preferred codec, lower case: vp8, h264, vp9, av1, opus
     */
    codec?: string | undefined;
};
export type Addition = {
    source: Source;
    track: MediaStreamTrack;
    sending: Sending;
};
export type Published = {
    transceiver: RTCRtpTransceiver;
    track: MediaStreamTrack;
    sending: Sending;
};
/**
 * What one layer of a source sends now. Rates are over the time since the last call.
 */
export type LayerStats = {
    /**
     * empty without simulcast
     */
    rid: string;
    /**
     * pixels; 0 while nothing is encoded
     */
    width: number;
    height: number;
    fps: number;
    /**
     * bits per second, payload
     */
    bitrate: number;
};
export type Exchange = (sdp: string, sources: Record<string, Source>) => Promise<string>;
