// @ts-check
/** What is asked of the room by one request and its answer; who may ask it, the server decides. */

import { RoomView } from './room-view.js';

/** @import { Frame, Source, View } from './types.js' */

/**
 * The requests of a client. Each resolves when the server has done it and rejects with an
 * SfuError when it has refused. `participant` is an id.
 *
 * @abstract
 */
export class Commands extends RoomView {
  /**
   * Any request of the protocol.
   *
   * @abstract
   * @param {string} _type
   * @param {Record<string, unknown>} [_fields]
   * @returns {Promise<Frame>}
   */
  request(_type, _fields) {
    throw new Error('not implemented');
  }

  /** @returns {Promise<number>} milliseconds to the server and back */
  async ping() {
    const start = performance.now();
    await this.request('ping');
    return performance.now() - start;
  }

  /**
   * Says what the person looks at; layers are chosen by it.
   *
   * @param {View} view
   */
  async view(view) {
    await this.request('view', { ...view });
  }

  /* What everybody says */

  /**
   * Shows the others a sign: `hand`, `applause`, `away` … a short word of small letters.
   *
   * @param {string | null} value null takes it back
   */
  async setStatus(value) {
    await this.request('status', { value });
  }

  /**
   * Asks for the word, or takes that back.
   *
   * @param {boolean} [up]
   */
  async raiseHand(up = true) {
    await this.setStatus(up ? 'hand' : null);
  }

  /**
   * Sends an app message, which the server does not look into. It is not sent back to the sender,
   * and who is not in the room never gets it.
   *
   * @param {string} to `all`, `presenters`, `attendees` or a participant
   * @param {string} topic
   * @param {unknown} body any JSON up to 64 KiB
   */
  async sendMessage(to, topic, body) {
    await this.request('message', { to, topic, body });
  }

  /* The event; presenters only, as all that follows */

  /** Begins: who waits for that comes in. */
  async start() {
    await this.request('start');
  }

  /** Ends the event for everybody; the session closes. */
  async end() {
    await this.request('end');
  }

  /** Newcomers wait. */
  async lock() {
    await this.request('lock');
  }

  /** Newcomers come in, and so does everybody who waits. */
  async unlock() {
    await this.request('unlock');
  }

  /**
   * Changes who is heard and seen by whom. All presenters are muted but who changes it.
   *
   * @param {'presenters-only' | 'webinar' | 'meeting'} mode
   */
  async setMode(mode) {
    await this.request('mode', { mode });
  }

  /* People */

  /** @param {string} participant who waits */
  async admit(participant) {
    await this.request('admit', { participant });
  }

  /** Lets in everybody who waits. */
  async admitAll() {
    await this.request('admit', { all: true });
  }

  /**
   * Disconnects somebody, or turns away somebody who waits.
   *
   * @param {string} participant
   * @param {{ban?: boolean}} [options] ban: keeps them out for the event
   */
  async remove(participant, { ban = false } = {}) {
    await this.request('remove', { participant, ban });
  }

  /**
   * Keeps somebody from publishing; they go on watching.
   *
   * @param {string} participant
   */
  async block(participant) {
    await this.request('block', { participant });
  }

  /** @param {string} participant */
  async unblock(participant) {
    await this.request('unblock', { participant });
  }

  /**
   * Narrows what somebody may publish.
   *
   * @param {string} participant
   * @param {Source[] | null} sources null for all that role and mode give
   */
  async allow(participant, sources) {
    await this.request('allow', { participant, sources });
  }

  /**
   * Makes somebody a presenter on a seat, in place: their connections stay.
   *
   * @param {string} participant
   */
  async grantSeat(participant) {
    await this.request('grant_seat', { participant });
  }

  /**
   * Takes somebody's seat: unpublished at once, an attendee from now on.
   *
   * @param {string} participant
   */
  async revokeSeat(participant) {
    await this.request('revoke_seat', { participant });
  }

  /**
   * Makes a viewer of a webcast an attendee, in place.
   *
   * @param {string} participant
   */
  async promote(participant) {
    await this.request('promote', { participant });
  }
}
