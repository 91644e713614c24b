// @ts-check
/** What the client throws: every error carries a stable `code`. */

/**
 * A refusal by the server (its `code` is in the protocol's table) or a failure in the browser:
 *
 * | code | what happened |
 * | --- | --- |
 * | `connection_failed` | the socket could not be opened |
 * | `connection_closed` | the socket closed before the answer came |
 * | `timeout` | no answer in time |
 * | `media_unreachable` | media finds no way to the server, only the socket does; told once, tried on |
 * | `token_failed` | the page's own function for a token threw, other than by an SfuError |
 * | `not_joined` | the call needs a joined session |
 * | `device_denied` | the person or the browser refused the device |
 * | `device_missing` | there is no such device |
 * | `device_busy` | the device is in use or failed to start |
 * | `capture_ended` | it was ended, or the room left, before it was sent |
 * | `capture_unsupported` | this browser, or a page without https, cannot capture |
 * | `gesture_missing` | the browser allows no sound before somebody has clicked in the page |
 * | `codec_unsupported` | this browser cannot send that codec |
 */
export class SfuError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{cause?: unknown, details?: Record<string, unknown>}} [options]
   */
  constructor(code, message, options = {}) {
    super(message, { cause: options.cause });
    this.name = 'SfuError';
    /** @readonly */
    this.code = code;
    /** Whatever else the server's answer held. @readonly */
    this.details = options.details ?? {};
  }
}

/** A token's backend may be away for a while like the server. */
const PASSING = new Set([
  'connection_failed', 'connection_closed', 'timeout', 'draining', 'overloaded', 'rate_limited',
  'internal', 'token_failed',
]);

/**
 * @param {unknown} error
 * @returns {boolean} whether it is worth another attempt: the server will soon be well again
 */
export function isPassing(error) {
  return error instanceof SfuError && PASSING.has(error.code);
}

/** Milliseconds that a server may ask to be left alone. */
const LONGEST = 30_000;

/**
 * @param {unknown} error
 * @returns {number} milliseconds that the server asks to be left alone; 0 where it does not
 */
export function askedToWait(error) {
  const seconds = error instanceof SfuError ? Number(error.details.retry_after) : 0;
  return seconds > 0 ? Math.min(LONGEST, 1000 * seconds) : 0;
}

/** @type {Record<string, [string, string]>} */
const CAPTURE = {
  NotAllowedError: ['device_denied', 'access was refused'],
  SecurityError: ['device_denied', 'access was refused'],
  NotFoundError: ['device_missing', 'no such device'],
  OverconstrainedError: ['device_missing', 'no device that fits'],
  NotReadableError: ['device_busy', 'the device is in use or failed to start'],
  AbortError: ['device_busy', 'the device failed to start'],
};

/**
 * The error of a failed capture (getUserMedia, getDisplayMedia) in our words.
 *
 * @param {string} device what was asked for: camera, microphone, screen
 * @param {unknown} cause
 * @returns {SfuError}
 */
export function captureError(device, cause) {
  const name = cause instanceof Error ? cause.name : '';
  const [code, reason] = CAPTURE[name] ?? ['device_busy', String(cause)];
  return new SfuError(code, `${device}: ${reason}`, { cause });
}
