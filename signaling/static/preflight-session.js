// @ts-check
/** One session of a check: two connections to the server over one way, and what goes over them. */

import { SfuError } from './errors.js';
import { testSignal } from './preflight-signal.js';

/** @typedef {'udp' | 'tcp' | 'relay'} Way */

/** Milliseconds that a way may take. */
const PATIENCE = 6_000;

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
export async function open(base, { token, way, sends }) {
  const signal = sends ? testSignal() : null;
  /** @type {RTCPeerConnection | null} */ let sending = null;
  /** @type {RTCPeerConnection | null} */ let receiving = null;
  const release = () => {
    signal?.stop();
    sending?.close();
    receiving?.close();
  };
  try {
    const { offer, source } = await describe(signal);
    sending = source;
    const begun = await ask(base, 'POST', token, offer === null ? {} : { sdp: offer.sdp });
    const url = new URL(`${base.pathname}/${begun.session}`, base);
    const settings = settingsFor(way, begun.ice_servers);
    try {
      if (sending !== null && offer !== null) {
        sending.setConfiguration({ ...settings, bundlePolicy: 'max-bundle' });
        await sending.setLocalDescription(offer);
        await sending.setRemoteDescription({ type: 'answer', sdp: only(way, begun.answer) });
      }
      receiving = new RTCPeerConnection({ ...settings, bundlePolicy: 'max-bundle' });
      await receiving.setRemoteDescription({ type: 'offer', sdp: only(way, begun.offer) });
      await receiving.setLocalDescription(await receiving.createAnswer());
      await ask(new URL(`${url.pathname}/answer`, url), 'POST', token, {
        sdp: receiving.localDescription?.sdp,
      });
    } catch (error) {
      ask(url, 'DELETE', token).catch(() => {});
      throw error;
    }
    const both = sending === null ? [receiving] : [sending, receiving];
    return {
      connected: Promise.all(both.map(connected)).then(() => {}),
      sending,
      receiving,
      bitrate: begun.bitrate,
      callTypes: begun.call_types,
      facts: () => ask(url, 'GET', token),
      close: () => {
        release();
        ask(url, 'DELETE', token).catch(() => {});
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * An offer of the signal. It is the same whatever way it will go, as the server needs no candidates.
 *
 * @param {ReturnType<typeof testSignal> | null} signal
 */
async function describe(signal) {
  if (signal === null) return { offer: null, source: null };
  const source = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  for (const track of signal.tracks) {
    const encoding = track.kind === 'video' ? { maxBitrate: 8_000_000 } : {};
    source.addTransceiver(track, { direction: 'sendonly', sendEncodings: [encoding] });
  }
  // Not set yet: gathering would begin without the servers that the answer brings.
  return { offer: await source.createOffer(), source };
}

/**
 * @param {Way} way
 * @param {RTCIceServer[]} servers
 * @returns {RTCConfiguration}
 */
function settingsFor(way, servers) {
  const relays = servers.filter(({ urls }) => [urls].flat().some((url) => url.startsWith('turn')));
  if (way === 'relay' && relays.length === 0) throw new SfuError('not_offered', 'there is no relay');
  return way === 'relay' ? { iceServers: relays, iceTransportPolicy: 'relay' } : { iceServers: [] };
}

/**
 * A description with the candidates of one way.
 *
 * @param {Way} way
 * @param {string} sdp
 * @returns {string}
 */
function only(way, sdp) {
  const other = way === 'tcp' ? / udp /i : / tcp /i;
  const lines = sdp.split('\r\n').filter((line) => !(line.startsWith('a=candidate') && other.test(line)));
  if (!lines.some((line) => line.startsWith('a=candidate'))) {
    throw new SfuError('not_offered', `the server takes no media over ${way}`);
  }
  return lines.join('\r\n');
}

/**
 * @param {RTCPeerConnection} connection
 * @returns {Promise<void>}
 */
function connected(connection) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(), PATIENCE);
    const fail = () => {
      clearTimeout(timer);
      reject(new SfuError('timeout', 'no way to the server was found'));
    };
    const look = () => {
      if (connection.connectionState === 'connected') {
        clearTimeout(timer);
        resolve();
      } else if (['failed', 'closed'].includes(connection.connectionState)) fail();
    };
    connection.addEventListener('connectionstatechange', look);
    look();
  });
}

/**
 * @param {URL} url
 * @param {string} method
 * @param {string} [token]
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
async function ask(url, method, token, body) {
  /** @type {Response} */ let answer;
  try {
    answer = await fetch(url, {
      method,
      headers: {
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      keepalive: method === 'DELETE',
    });
  } catch (cause) {
    throw new SfuError('connection_failed', 'the server could not be reached', { cause });
  }
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new SfuError(found.code ?? `http_${answer.status}`, found.detail ?? '');
  return found;
}
