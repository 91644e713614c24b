/**
 * @typedef {object} Session
 * @property {Promise<void>} connected settles when media flows both ways, or cannot
 * @property {RTCPeerConnection | null} sending
 * @property {RTCPeerConnection} receiving
 * @property {number} bitrate bit/s, the most that is looked for
 * @property {import('./preflight.js').CallType[]} callTypes
 * @property {() => Promise<any>} facts what the server sees
 * @property {() => void} close
 */
/**
 * Begins a session. Rejects with an SfuError: what the server answers, `connection_failed`, or
 * `not_offered` when it has nothing for this way.
 *
 * @param {URL} base
 * @param {{token?: string, way: Way, sends: boolean}} options
 * @returns {Promise<Session>}
 */
export function open(base: URL, { token, way, sends }: {
    token?: string;
    way: Way;
    sends: boolean;
}): Promise<Session>;
export type Session = {
    /**
     * settles when media flows both ways, or cannot
     */
    connected: Promise<void>;
    sending: RTCPeerConnection | null;
    receiving: RTCPeerConnection;
    /**
     * bit/s, the most that is looked for
     */
    bitrate: number;
    callTypes: import("./preflight.js").CallType[];
    /**
     * what the server sees
     */
    facts: () => Promise<any>;
    close: () => void;
};
export type Way = "udp" | "tcp" | "relay";
