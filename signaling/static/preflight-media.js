// @ts-check
/** What media on its way to the server and back tells of the way. */

/** @import { Session } from './preflight-session.js' */

/**
 * @typedef {object} Direction
 * @property {number} bandwidth bit/s that the way carries, as far as it was looked for
 * @property {boolean} capped whether it carries as much as was looked for: it may be more
 * @property {number} loss of packets, 0 to 1
 * @property {number} jitter milliseconds
 */

/** @typedef {{roundTrip: number, up: Direction, down: Direction}} Measured round trip in milliseconds */

const EVERY = 500;
/** Of what was looked for: an estimate that high has met its limit, not the way's. */
const NEAR = 0.9;

/**
 * @param {Session} session
 * @param {number} seconds
 * @param {(now: Measured) => void} told
 * @returns {Promise<Measured>}
 */
export async function measure(session, seconds, told) {
  const end = performance.now() + 1000 * seconds;
  /** @type {Reading} */ let best = { up: 0, down: 0, last: null };
  /** @type {Measured} */ let now = nothing();
  while (performance.now() < end) {
    await new Promise((resolve) => { setTimeout(resolve, EVERY); });
    const [up, down, facts] = await Promise.all([
      session.sending?.getStats(), session.receiving.getStats(), session.facts(),
    ]);
    ({ now, best } = combine(up ?? new Map(), down, facts, session.bitrate, best));
    told(now);
  }
  return now;
}

/** @typedef {{up: number, down: number, last: {at: number, bytes: number} | null}} Reading */

/**
 * @param {RTCStatsReport | Map<string, any>} up
 * @param {RTCStatsReport} down
 * @param {any} facts
 * @param {number} bitrate
 * @param {Reading} best what was seen before
 * @returns {{now: Measured, best: Reading}}
 */
function combine(up, down, facts, bitrate, best) {
  const sent = [...up.values()];
  const heard = [...down.values()];
  const pair = selected(up) ?? selected(down);
  const remote = sent.filter(({ type }) => type === 'remote-inbound-rtp');
  const inbound = heard.filter(({ type }) => type === 'inbound-rtp');
  // A browser that does not tell its estimate has sent at least what the server got.
  const upward = Math.max(best.up, selected(up)?.availableOutgoingBitrate ?? 0, facts.up.arriving);
  const bytes = inbound.reduce((sum, { bytesReceived = 0 }) => sum + bytesReceived, 0);
  const at = performance.now();
  const arriving = best.last === null ? 0 : (8000 * (bytes - best.last.bytes)) / (at - best.last.at);
  const downward = Math.max(best.down, facts.down?.available ?? 0, arriving);
  const lost = inbound.reduce((sum, { packetsLost = 0 }) => sum + packetsLost, 0);
  const got = inbound.reduce((sum, { packetsReceived = 0 }) => sum + packetsReceived, 0);
  /** @param {number} bandwidth @param {number} loss @param {any[]} reports */
  const direction = (bandwidth, loss, reports) => ({
    bandwidth: Math.round(Math.min(bandwidth, bitrate)),
    capped: bandwidth >= NEAR * bitrate,
    loss: Math.max(0, loss),
    jitter: Math.max(0, ...reports.map(({ jitter = 0 }) => 1000 * jitter)),
  });
  return {
    now: {
      roundTrip: Math.round(1000 * (pair?.currentRoundTripTime ?? 0)),
      up: direction(upward, Math.max(0, ...remote.map(({ fractionLost = 0 }) => fractionLost)), remote),
      down: direction(downward, lost / Math.max(1, got + lost), inbound),
    },
    best: { up: upward, down: downward, last: { at, bytes } },
  };
}

/**
 * @param {RTCStatsReport | Map<string, any>} report
 * @returns {any} the pair of candidates in use
 */
function selected(report) {
  return [...report.values()].find(({ type, nominated, state }) => (
    type === 'candidate-pair' && nominated && state === 'succeeded'
  ));
}

/** @returns {Measured} */
function nothing() {
  const direction = () => ({ bandwidth: 0, capped: false, loss: 0, jitter: 0 });
  return { roundTrip: 0, up: direction(), down: direction() };
}
