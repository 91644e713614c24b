/** @typedef {import('./publishing.js').Source} Source */
/**
 * Devices by kind, as the browser lists them; labels are empty until one of them may be used.
 *
 * @typedef {{microphones: MediaDeviceInfo[], cameras: MediaDeviceInfo[], speakers: MediaDeviceInfo[]}} DeviceList
 */
/** @returns {Promise<DeviceList>} */
export function listDevices(): Promise<DeviceList>;
/**
 * Holds the captured track of each source. When a device is pulled out, the default one takes its
 * place: `replaced` is called with its track. `ended` is called when there is none, or when sharing
 * was ended in the browser's own controls. A device that comes when its source was released
 * meanwhile is let go at once: that call rejects with `capture_ended`.
 */
export class Capture {
    /**
     * @param {(source: Source) => void} ended
     * @param {(source: 'camera' | 'microphone', track: MediaStreamTrack) => void} replaced
     */
    constructor(ended: (source: Source) => void, replaced: (source: "camera" | "microphone", track: MediaStreamTrack) => void);
    /**
     * @param {'sd' | 'hd'} quality
     * @param {string} [deviceId]
     * @returns {Promise<MediaStreamTrack>}
     */
    camera(quality: "sd" | "hd", deviceId?: string): Promise<MediaStreamTrack>;
    /**
     * @param {string} [deviceId]
     * @returns {Promise<MediaStreamTrack>}
     */
    microphone(deviceId?: string): Promise<MediaStreamTrack>;
    /**
     * The screen's picture, and its sound where the browser gives it.
     *
     * @returns {Promise<MediaStreamTrack[]>}
     */
    screen(): Promise<MediaStreamTrack[]>;
    /**
     * Another device for a source that is captured already; the one before is released.
     *
     * @param {'camera' | 'microphone'} source
     * @param {string} [deviceId] default: the default device
     * @returns {Promise<MediaStreamTrack>}
     */
    another(source: "camera" | "microphone", deviceId?: string): Promise<MediaStreamTrack>;
    /**
     * @param {Source} source
     * @returns {boolean} whether another device has taken, or is taking, the place of an ended one
     */
    recovers(source: Source): boolean;
    /**
     * Lets a source's device go, and does not take one that is still to come.
     *
     * @param {Source} source
     */
    release(source: Source): void;
    /**
     * Lets a device go, if it is still the source's.
     *
     * @param {Source} source
     * @param {MediaStreamTrack} track
     */
    releaseTrack(source: Source, track: MediaStreamTrack): void;
    releaseAll(): void;
    #private;
}
export type Source = import("./publishing.js").Source;
/**
 * Devices by kind, as the browser lists them; labels are empty until one of them may be used.
 */
export type DeviceList = {
    microphones: MediaDeviceInfo[];
    cameras: MediaDeviceInfo[];
    speakers: MediaDeviceInfo[];
};
