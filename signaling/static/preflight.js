// @ts-check
/**
 * Checks before joining: is the server reached, by which way, how well, and do the devices work.
 *
 *     const report = await preflight('https://sfu.example', { token });
 *     for (const { name, watch, present } of report.verdicts) console.log(name, watch, present);
 *
 * Media goes to the server and comes back, by its `/v1/preflight`; a whole check takes some eight
 * seconds. See docs/preflight.md of the server.
 */

import { SfuError } from './errors.js';
import { measure } from './preflight-media.js';
import { open } from './preflight-session.js';

/** @import { Way } from './preflight-session.js' */
/** @import { Measured } from './preflight-media.js' */

export { checkCamera, checkMicrophone, playTone } from './preflight-devices.js';

/** @typedef {'good' | 'reduced' | 'no'} Verdict */
/** @typedef {{least: number, most: number}} Span bit/s */
/** @typedef {{name: string, download: Span, upload: Span}} CallType */

/**
 * Whether one way leads to the server.
 *
 * @typedef {object} Reach
 * @property {boolean} reached
 * @property {number | null} milliseconds until media could flow
 * @property {string} reason why not: `timeout`, `not_offered` (the server has no relay, or no TCP),
 *   or an error's code; empty when it is reached
 */

/**
 * @typedef {object} Report
 * @property {Record<Way, Reach>} ways
 * @property {Way | null} over the way that was measured, the best one; null when there is none
 * @property {Measured | null} media
 * @property {{name: string, watch: Verdict, present: Verdict}[]} verdicts per call type: for who
 *   only watches, and for a presenter
 */

/**
 * @typedef {object} Options
 * @property {string} [token] a join token, where the server asks for one
 * @property {number} [seconds] of measuring; default 6
 * @property {(step: string, detail: unknown) => void} [progress] told of `udp`, `tcp`, `relay`
 *   (a Reach each) and `media` (Measured, again and again)
 */

/** Loss above which a call is not what it should be, and above which it is none. */
const LOSSY = 0.03;
const BROKEN = 0.15;
/** Milliseconds of round trip above which people talk into each other. */
const SLOW = 400;

/**
 * Checks the way to a server. Rejects only where it cannot be asked at all (`connection_failed`,
 * or what it answers, such as `unauthorized`); what is wrong with the way is in the report.
 *
 * @param {string | URL} server its address; a path that it is mounted at is kept
 * @param {Options} [options]
 * @returns {Promise<Report>}
 */
export async function preflight(server, options = {}) {
  const { token, seconds = 6, progress = () => {} } = options;
  const base = new URL('v1/preflight', String(server).replace(/\/?$/, '/'));
  /** @param {Way} way @param {boolean} sends */
  const begin = (way, sends) => open(base, { token, way, sends });
  // What refuses the first refuses all, and is the caller's to know.
  let best = await attempt(() => begin('udp', true), true);
  progress('udp', best.reach);
  const others = await Promise.all(/** @type {Way[]} */ (['tcp', 'relay']).map(async (way) => {
    const tried = await attempt(() => begin(way, false), false);
    tried.session?.close();
    progress(way, tried.reach);
    return /** @type {const} */ ([way, tried.reach]);
  }));
  const ways = /** @type {Record<Way, Reach>} */ (Object.fromEntries([['udp', best.reach], ...others]));
  const over = /** @type {Way[]} */ (['udp', 'tcp', 'relay']).find((way) => ways[way].reached) ?? null;
  if (over !== null && best.session === null) best = await attempt(() => begin(over, true), false);
  const { session } = best;
  if (session === null) return { ways, over: null, media: null, verdicts: verdicts(best.callTypes, null) };
  try {
    const media = await measure(session, seconds, (now) => progress('media', now));
    return { ways, over, media, verdicts: verdicts(session.callTypes, media) };
  } finally {
    session.close();
  }
}

/**
 * @param {() => ReturnType<typeof open>} begin
 * @param {boolean} first whether a refusal is to be thrown
 */
async function attempt(begin, first) {
  const start = performance.now();
  /** @type {Awaited<ReturnType<typeof open>> | null} */ let session = null;
  try {
    session = await begin();
    await session.connected;
    const milliseconds = Math.round(performance.now() - start);
    /** @type {Reach} */ const reach = { reached: true, milliseconds, reason: '' };
    return { session, reach, callTypes: session.callTypes };
  } catch (error) {
    session?.close();
    const code = error instanceof SfuError ? error.code : 'browser_failed';
    if (first && code !== 'timeout') throw error;
    /** @type {Reach} */ const reach = { reached: false, milliseconds: null, reason: code };
    return { session: null, reach, callTypes: session?.callTypes ?? [] };
  }
}

/**
 * @param {CallType[]} types
 * @param {Measured | null} media
 * @returns {Report['verdicts']}
 */
export function verdicts(types, media) {
  return types.map(({ name, download, upload }) => {
    const watch = media === null ? 'no' : verdict(download, media.down, media.roundTrip);
    const sends = media === null ? 'no' : verdict(upload, media.up, media.roundTrip);
    return { name, watch, present: worse(watch, sends) };
  });
}

/**
 * @param {Span} span what is needed
 * @param {{bandwidth: number, loss: number}} found
 * @param {number} roundTrip milliseconds
 * @returns {Verdict}
 */
function verdict({ least, most }, { bandwidth, loss }, roundTrip) {
  // Of a path that is measured for seconds, a tenth is what the next second may differ by.
  if (bandwidth < 0.9 * least || loss > BROKEN) return 'no';
  return bandwidth < 0.9 * most || loss > LOSSY || roundTrip > SLOW ? 'reduced' : 'good';
}

/**
 * @param {Verdict} one
 * @param {Verdict} other
 * @returns {Verdict}
 */
function worse(one, other) {
  const order = /** @type {const} */ (['no', 'reduced', 'good']);
  return order[Math.min(order.indexOf(one), order.indexOf(other))];
}
