// @ts-check
/** What happened, in plain words for the person in front of the page. */

/** @type {Record<string, string>} */
const FAILURES = {
  connection_failed: 'The server cannot be reached. Is it running?',
  connection_closed: 'The connection to the server is gone.',
  timeout: 'The server did not answer in time.',
  capture_unsupported: 'This browser cannot do that here. Capturing needs https or localhost.',
  codec_unsupported: 'This browser cannot send in that format.',
  unauthorized: 'This room needs an invitation.',
  invalid_token: 'Your invitation is not valid.',
  token_expired: 'Your invitation is no longer valid.',
  token_not_yet_valid: 'Your invitation is not valid yet.',
  wrong_room: 'Your invitation is for another room.',
  wrong_password: 'The password is missing or wrong.',
  banned: 'You were removed from this room and cannot come back.',
  blocked: 'A presenter has blocked you from sending.',
  room_not_found: 'There is no such room.',
  room_full: 'The room is full, and so is its queue.',
  room_ended: 'The event is over.',
  no_seat: 'This needs a seat on the stage, and you have none.',
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
  device_missing: 'was not found.',
  device_busy: 'did not start. Perhaps another program is using it.',
};

/** @type {Record<string, string>} */
const WAITS = {
  preparing: 'The event has not started. You come in as soon as it does.',
  locked: 'The room is locked. Somebody in it has to let you in.',
  full: 'The room is full. You come in when a place is free.',
};

/** @type {Record<string, string>} */
const REMOVALS = {
  removed: 'You were removed from the room.',
  banned: 'You were removed from the room and cannot come back.',
  replaced: 'You joined this room somewhere else.',
  token_revoked: 'Your invitation was withdrawn.',
};

/** @type {Record<string, string>} */
const SHORTFALLS = {
  view: 'No more is asked for.',
  budget: 'More does not fit the room\'s bandwidth.',
  source: 'The sender sends nothing now.',
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
 * @param {string} reason
 * @param {number} [position] in the queue, from 1
 * @returns {string}
 */
export function waiting(reason, position) {
  const words = WAITS[reason] ?? 'You come in as soon as somebody lets you in.';
  return position === undefined ? words : `${words} You are number ${position} in the line.`;
}

/**
 * @param {string} reason
 * @returns {string}
 */
export function removal(reason) {
  return REMOVALS[reason] ?? 'You were disconnected.';
}

/**
 * @param {string} [reason] of a `quality` event
 * @returns {string} why a picture is no more than it is; empty if it is all there is
 */
export function shortfall(reason) {
  return SHORTFALLS[reason ?? ''] ?? '';
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
