/**
 * What a source sends: its layers, or the sum of their rates in one stream.
 *
 * VP9 and AV1 go without simulcast: they layer within one stream.
 *
 * @param {Layer[]} layers
 * @param {boolean} simulcast
 * @param {string} codec
 * @returns {Sending}
 */
export function sendingOf(layers: Layer[], simulcast: boolean, codec: string): Sending;
/** How each source is sent: its layers and their rates, so that the room's budget holds them. */
/** @typedef {import('./publishing.js').Sending} Sending */
/** @typedef {{rid: string, scaleResolutionDownBy: number, maxBitrate: number, maxFramerate?: number}} Layer */
/**
 * Simulcast layers by source and quality, smallest first. A camera's fit the 1 Mbit/s of SD and
 * the 2 Mbit/s of HD with their headers; a screen's are for the room's `screen`: its small layer
 * shows few pictures, so that text can still be read on a narrow link.
 *
 * @type {{camera: Record<'sd' | 'hd', Layer[]>, screen: Record<'lite' | 'hq' | 'browser', Layer[]>}}
 */
export const PRESETS: {
    camera: Record<"sd" | "hd", Layer[]>;
    screen: Record<"lite" | "hq" | "browser", Layer[]>;
};
export type Sending = import("./publishing.js").Sending;
export type Layer = {
    rid: string;
    scaleResolutionDownBy: number;
    maxBitrate: number;
    maxFramerate?: number;
};
