// @ts-check
/** What happened, in plain words for the person in front of the page. */

/** @import { PictureFacts } from './types.js' */

/** @type {Record<string, string>} */
const FAILURES = {
  connection_failed: 'The server cannot be reached. Is it running?',
  connection_closed: 'The connection to the server is gone.',
  timeout: 'The server did not answer in time.',
  media_unreachable: 'No sound and no pictures get through from here; still trying. Another network may help, or no VPN.',
  token_failed: 'Your invitation could not be fetched. Load the page again.',
  capture_ended: 'That was ended before it began.',
  capture_unsupported: 'This browser cannot do that here. Capturing needs https or localhost.',
  codec_unsupported: 'This browser cannot send in that format.',
  already_seated: 'This person has a seat already.',
  bad_request: 'The server did not take that.',
  mode_not_possible: 'More people are here than a meeting may have.',
  not_waiting: 'This person does not wait any more.',
  not_published: 'This is off already.',
  parallel_events_exceeded: 'As many events are running as the account may have.',
  participant_not_found: 'This person is not here any more.',
  token_revoked: 'Your invitation was withdrawn.',
  unauthorized: 'This room needs an invitation: open the link that you were sent.',
  invalid_token: 'Your invitation is not valid. Open the whole link that you were sent, or ask for a new one.',
  token_expired: 'Your invitation is no longer valid. Ask for a new one.',
  token_not_yet_valid: 'Your invitation is not valid yet.',
  wrong_room: 'Your invitation is for another room.',
  wrong_password: 'The password is missing or wrong.',
  password_missing: 'This room asks for a password.',
  banned: 'You were removed from this room and cannot come back.',
  blocked: 'A presenter has blocked you from sending.',
  room_not_found: 'There is no such room.',
  room_full: 'The room is full, and so is its queue.',
  room_ended: 'The event is over.',
  no_seat: 'No seat is free.',
  wrong_state: 'That is not possible while the event stands as it does.',
  no_camera_slot: 'As many cameras are on as the room can show.',
  screen_busy: 'Somebody else is sharing a screen already.',
  not_allowed: 'Your role does not allow that.',
  not_supported: 'This server cannot do that yet.',
  rate_limited: 'Too many requests; try again in a moment.',
  draining: 'The server is about to stop and takes nobody in.',
  overloaded: 'The server is busy; try again in a moment.',
  internal: 'Something went wrong in the server. It has been logged.',
};

/** @type {Record<string, string>} */
const DEVICES = {
  device_denied: 'is blocked. Allow it in the browser and try again.',
  device_missing: 'was not found. Connect one and try again.',
  device_busy: 'did not start. Perhaps another program is using it.',
};

/** @type {Record<string, string>} */
const WAITS = {
  preparing: 'The event has not started. You come in as soon as it does.',
  locked: 'The room is locked. Somebody in it has to let you in.',
  full: 'The room is full. You come in when a place is free.',
  queue: 'The doors are open; many come in at once, and your turn is near.',
};

/** @type {Record<string, string>} */
const REMOVALS = {
  removed: 'You were removed from the room.',
  banned: 'You were removed from the room and cannot come back.',
  replaced: 'You joined this room somewhere else.',
  token_revoked: 'Your invitation was withdrawn.',
};

/** @type {Record<string, string>} */
const REASONS = {
  full: 'All that is sent.',
  view: 'As you chose.',
  budget: 'The room\'s budget allows no more.',
  link: 'Your link carries no more now.',
  publisher: 'The sender sends no more now.',
  off: 'Switched off.',
};

/**
 * @param {unknown} error
 * @returns {string}
 */
export function failure(error) {
  const code = /** @type {{code?: string}} */ (error ?? {}).code ?? '';
  const message = /** @type {{message?: string}} */ (error ?? {}).message ?? String(error);
  if (code in DEVICES) return `The ${message.split(':')[0]} ${DEVICES[code]}`;
  return FAILURES[code] ?? sentence(message);
}

/**
 * @param {string} [reason]
 * @returns {string} why one waits
 */
export function waiting(reason = '') {
  return WAITS[reason] ?? 'You come in as soon as somebody lets you in.';
}

/** @type {Record<string, string>} */
const MODES = {
  'presenters-only': 'presenters only',
  webinar: 'webinar',
  meeting: 'meeting',
};

/** @param {string} mode */
export function modeName(mode) {
  return MODES[mode] ?? mode;
}

/** @type {Record<string, string>} */
const MODE_NOTICES = {
  'presenters-only': 'Presenters are among themselves for a while.',
  webinar: 'Now who is on a seat is seen and heard.',
  meeting: 'Now everybody may speak and be seen.',
};

/** @param {string} mode */
export function modeNotice(mode) {
  return MODE_NOTICES[mode] ?? `The mode is ${mode} now.`;
}

/** The signs people may show, by what the server carries. @type {Record<string, string>} */
export const STATUSES = {
  hand: 'Hand raised',
  applause: 'Applause',
  agree: 'Agrees',
  disagree: 'Disagrees',
  slower: 'Slower, please',
  louder: 'Louder, please',
  away: 'Away',
};

/** @param {string} status */
export function statusWords(status) {
  return STATUSES[status] ?? status.replaceAll(/[-_]/g, ' ');
}

/** @param {{name: string, identity: string}} entry */
export function nameOf({ name, identity }) {
  return name || identity || 'Guest';
}

/** @returns {string} the time of day, hours and minutes */
export function clock() {
  return new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

/**
 * @param {string} name
 * @returns {string} for a face without a picture
 */
export function initials(name) {
  const words = name.trim().split(/\s+/);
  const ends = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return ends.map((word) => [...word][0] ?? '').join('').toUpperCase() || '?';
}

/**
 * @param {string} name
 * @returns {number} a colour's hue, in degrees, always the same for a name
 */
export function hue(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360;
  return sum;
}

/**
 * @param {string} reason
 * @param {boolean} outside whether one was still waiting to come in
 * @returns {string}
 */
export function removal(reason, outside) {
  if (outside && reason === 'removed') return 'The presenters did not let you in.';
  return REMOVALS[reason] ?? 'You were disconnected.';
}

/**
 * @param {string} [reason] of a `quality` event
 * @returns {string} why a picture is as it is
 */
export function because(reason) {
  return REASONS[reason ?? ''] ?? '';
}

/**
 * How good a picture is, of three: all that it should be, less, little, or none at all.
 *
 * @param {PictureFacts} picture
 * @returns {0 | 1 | 2 | 3}
 */
export function level({ height, fps, reason }) {
  if (reason === 'full' || reason === 'view') return 3;
  if (height === 0 || fps === 0) return 0;
  return reason === 'budget' || height >= 360 ? 2 : 1;
}

/**
 * @param {number} bitsPerSecond
 * @returns {string}
 */
export function rate(bitsPerSecond) {
  if (bitsPerSecond >= 995_000) return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
  return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
}

/**
 * @param {number} available bit/s
 * @param {number} wanted
 * @returns {string} what a `congestion` event means
 */
export function weakLink(available, wanted) {
  return `Your link carries ${rate(available)} of the ${rate(wanted)} that there are for you. `
    + 'Pictures are smaller for it; sound is not affected.';
}

/**
 * @param {number} budget bit/s
 * @param {number} sending
 * @param {Record<string, number>} held by source, how many layers are forwarded
 * @returns {string} what an `upload` event means
 */
export function tooMuch(budget, sending, held) {
  const cut = Object.keys(held).join(' and ');
  return `You send ${rate(sending)}; this room has ${rate(budget)} for it. `
    + (cut ? `Not all of your ${cut} is passed on until it fits.` : 'What is too much may be cut.');
}

/**
 * @param {{width: number, height: number, fps: number}} picture
 * @param {number} bitsPerSecond
 * @returns {string} such as 1280×720 · 30 fps · 1.2 Mbit/s
 */
export function picture({ width, height, fps }, bitsPerSecond) {
  // The first reading has nothing to compare with.
  if (bitsPerSecond === 0) return `${width}×${height}`;
  return `${width}×${height} · ${Math.round(fps)} fps · ${rate(bitsPerSecond)}`;
}

/** @param {string} text */
function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}
