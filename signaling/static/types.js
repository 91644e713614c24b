// @ts-check
/** The shapes that the client takes and gives; nothing to run. */

export {};

/** @typedef {import('./publishing.js').Source} Source */
/** @typedef {import('./publishing.js').Sending} Sending */
/** @typedef {import('./publishing.js').LayerStats} LayerStats */
/** @typedef {import('./receiving.js').SlotStats} SlotStats */
/** @typedef {import('./signal-socket.js').Frame} Frame */

/**
 * Who is in the room. Presenters learn of everybody, attendees of those on a seat.
 *
 * @typedef {object} Participant
 * @property {string} id what every command takes
 * @property {string} identity
 * @property {string} name
 * @property {string} role organizer, presenter, attendee or viewer
 * @property {number | null} seat
 * @property {number} joined_at seconds since the epoch, by the server's clock
 * @property {string | null} [status] a sign shown to the others: hand, applause, away …
 * @property {boolean} [blocked] whether presenters keep them from publishing
 * @property {Source[] | null} [allowed] what presenters let them publish; null is all
 * @property {Partial<Record<Source, {muted: boolean}>>} [sources] what they publish
 * @property {any} [metadata] of their join token, whatever the backend has put there
 */

/**
 * Who waits at the door.
 *
 * @typedef {object} Guest
 * @property {string} id
 * @property {string} identity
 * @property {string} name
 * @property {string} role
 * @property {string} reason preparing, locked, full, queue
 * @property {number} since seconds since the epoch
 * @property {any} [metadata] of their join token
 */

/**
 * Where one stands while waiting.
 *
 * @typedef {object} Place
 * @property {string} reason preparing, locked, full, queue
 * @property {number} [position] in the line, from 1
 */

/**
 * Who is on a slot. A camera, microphone, screen that is false is muted or off.
 *
 * @typedef {object} Holder
 * @property {string} participant id
 * @property {boolean} [camera]
 * @property {boolean} [microphone]
 * @property {boolean} [screen]
 * @property {boolean} [screen_audio]
 */

/**
 * What the server says of a slot's picture. Reasons: full, view, budget, link, publisher, off.
 *
 * @typedef {object} PictureFacts
 * @property {number} width pixels; 0 while nothing is shown
 * @property {number} height
 * @property {number} fps
 * @property {string} reason why it is no more
 */

/**
 * @typedef {object} Join
 * @property {string} room
 * @property {string | (() => string | Promise<string>)} [token] join token, or what fetches one: it
 *   is asked again when the client has to join anew; without one, what the room's access allows
 * @property {string} [password]
 * @property {string} [tenant]
 * @property {string} [name]
 * @property {string} [role] only on a development server
 * @property {string} [resume] from an earlier session's `resume`, as of a page that was reloaded
 */

/**
 * How a camera is captured and sent. A `track` of one's own is sent as it is, and stays one's own:
 * it is not stopped on `unpublish`.
 *
 * @typedef {object} CameraOptions
 * @property {boolean} [simulcast] three layers (default) or one stream
 * @property {string} [codec] vp8 (default), h264, vp9, av1
 * @property {'sd' | 'hd'} [quality] capture and rate, within the room's budget; default the room's
 * @property {import('./presets.js').Layer[]} [layers] instead of those of `PRESETS.camera[quality]`
 * @property {string} [deviceId]
 * @property {MediaStreamTrack} [track]
 */

/**
 * How a screen is sent: one stream (default), or with `simulcast` the layers of the room's preset.
 *
 * @typedef {object} ScreenOptions
 * @property {boolean} [simulcast] a small layer besides, for those on narrow links
 * @property {string} [codec] vp8 (default), h264, vp9, av1
 * @property {number} [maxBitrate] bit/s of the one stream; default, and most, is the room's budget
 * @property {import('./presets.js').Layer[]} [layers] instead of those of `PRESETS.screen`
 * @property {MediaStreamTrack} [track]
 */

/**
 * @typedef {object} View
 * @property {Record<string, 'off' | {max_height?: number, priority?: number}>} [slots] merged per slot
 * @property {'gallery' | 'presenter'} [layout]
 * @property {string | null} [pin] participant
 * @property {boolean} [auto_speaker]
 */

/**
 * What each event tells; those of the protocol that are not listed here tell their frame.
 *
 * @typedef {object} OwnEvents
 * @property {{session: import('./signal-session.js').SessionState,
 *   publish: RTCPeerConnectionState, receive: RTCPeerConnectionState}} state
 * @property {Frame} joined the snapshot
 * @property {Frame & {resumed: boolean, lost: number}} resumed
 * @property {{slot: string, stream: MediaStream}} stream
 * @property {{source: Source, track: MediaStreamTrack | null}} local
 * @property {{source: Source, reason: 'unplugged' | 'chosen', label: string, deviceId: string}} device
 * @property {import('./capture.js').DeviceList} devices
 * @property {{code: string, message: string}} error
 * @property {{code: number, reason: string}} closed
 * @property {{participant: string | null}} speaker
 * @property {{slots: Record<string, PictureFacts | null>}} quality
 * @property {{slots: Record<string, Holder | null>}} slots
 * @property {{available: number, wanted: number}} congestion bit/s
 * @property {{budget: number, sending: number, over: boolean, held: Record<string, number>}} upload bit/s;
 *   of sources that are cut, how many layers are forwarded
 * @property {{from: string, to: string, topic: string, body: any}} message
 * @property {{source: Source, by: string | null}} muted
 * @property {{reason: string}} removed
 */

/** @typedef {OwnEvents & {[type: string]: any}} Events */
