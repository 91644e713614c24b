// @ts-check
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
export const PRESETS = {
  camera: {
    sd: [
      { rid: 'q', scaleResolutionDownBy: 2, maxBitrate: 200_000 },
      { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 700_000 },
    ],
    hd: [
      { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
      { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 450_000 },
      { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_250_000 },
    ],
  },
  screen: {
    lite: screen(2_000_000),
    hq: screen(5_000_000),
    browser: screen(4_000_000),
  },
};

/**
 * @param {number} budget bit/s, with headers
 * @returns {Layer[]}
 */
function screen(budget) {
  const small = 400_000;
  return [
    { rid: 'q', scaleResolutionDownBy: 2, maxBitrate: small, maxFramerate: 5 },
    { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: Math.floor(0.93 * budget) - small },
  ];
}

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
export function sendingOf(layers, simulcast, codec) {
  if (simulcast && (codec === 'vp8' || codec === 'h264')) {
    return { codec, encodings: layers.map((layer) => ({ ...layer })) };
  }
  const maxBitrate = layers.reduce((sum, layer) => sum + layer.maxBitrate, 0);
  return { codec, encodings: [{ maxBitrate }] };
}
