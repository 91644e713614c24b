/** @import { Addition, Publishing } from './publishing.js' */
/** @import { DeviceList } from './capture.js' */
/** @import { CameraOptions, LayerStats, ScreenOptions, Source } from './types.js' */
/**
 * The own sources. A client makes `publishing` when it is in the room.
 *
 * @abstract
 */
export class OwnSources extends Commands {
    /** @protected @type {Publishing | null} */ protected publishing: Publishing | null;
    /** What the server has taken, and has not ended since. @protected @type {Set<Source>} */
    protected taken: Set<Source>;
    /** The peer connection, for what this class does not cover, such as getStats of one's own. */
    get publishConnection(): RTCPeerConnection | null;
    /** @returns {Source[]} what is published now, or again as soon as the server takes it */
    get sources(): Source[];
    /**
     * @param {Source} source
     * @returns {MediaStreamTrack | null} the own track, for a preview
     */
    track(source: Source): MediaStreamTrack | null;
    /**
     * @param {Source} source
     * @returns {boolean} whether it is muted, by whomever
     */
    isMuted(source: Source): boolean;
    /** @param {CameraOptions} [options] */
    publishCamera(options?: CameraOptions): Promise<void>;
    /** @param {{deviceId?: string, track?: MediaStreamTrack}} [options] */
    publishMicrophone(options?: {
        deviceId?: string;
        track?: MediaStreamTrack;
    }): Promise<void>;
    /**
     * Shares a screen, a window or a tab, with its sound where the browser gives it.
     *
     * @param {ScreenOptions} [options]
     */
    publishScreen(options?: ScreenOptions): Promise<void>;
    /** @returns {Promise<DeviceList>} microphones, cameras and speakers; `devices` tells of changes */
    devices(): Promise<DeviceList>;
    /**
     * Goes on with another device, without a new offer: nobody else notices but by what they see and
     * hear. Before the source is published, give the device to `publishCamera` or
     * `publishMicrophone` instead.
     *
     * @param {'camera' | 'microphone'} source
     * @param {string} [deviceId] default: the default device
     */
    useDevice(source: "camera" | "microphone", deviceId?: string): Promise<void>;
    /**
     * Stops a source; what this client captured is released. A screen takes its sound along.
     *
     * @param {Source} source
     */
    unpublish(source: Source): Promise<void>;
    /**
     * Mutes or unmutes an own source, or mutes somebody else's (presenters only; nobody unmutes
     * others). The server does not forward a muted source.
     *
     * @param {Source} source
     * @param {boolean} muted
     * @param {string} [participant] id of somebody else
     */
    mute(source: Source, muted: boolean, participant?: string): Promise<void>;
    /** @returns {Promise<Map<Source, LayerStats[]>>} what is sent; rates are since the last call */
    publishStats(): Promise<Map<Source, LayerStats[]>>;
    /**
     * Dispatches an event.
     *
     * @protected
     * @param {string} type
     * @param {unknown} detail
     */
    protected tell(type: string, detail: unknown): void;
    /**
     * Something failed that no call is waiting for.
     *
     * @protected
     * @param {unknown} error
     */
    protected fail(error: unknown): void;
    /**
     * @protected
     * @param {Source} source
     * @param {boolean} muted
     */
    protected applyMute(source: Source, muted: boolean): void;
    /** The publishing connection is lost: what went over it is owed, see `publishAgain`. @protected */
    protected losePublishing(): void;
    /**
     * Publishes what is owed. What the server cannot take now it is asked for again; what it refuses
     * for good is given up, and nothing else with it.
     *
     * @protected
     */
    protected publishAgain(): Promise<void>;
    /**
     * Lets the devices go of what the server has ended by itself, with a seat, a mode, a block. What
     * it has not taken yet it has not ended.
     *
     * @protected
     * @param {Set<string>} published what goes on
     */
    protected dropEnded(published: Set<string>): void;
    /** Tells of devices that come and go, from joining on. @protected */
    protected watchDevices(): void;
    /** @protected */
    protected releaseSources(): void;
    #private;
}
import { Commands } from './commands.js';
import type { Publishing } from './publishing.js';
import type { Source } from './types.js';
import type { CameraOptions } from './types.js';
import type { ScreenOptions } from './types.js';
import type { DeviceList } from './capture.js';
import type { LayerStats } from './types.js';
