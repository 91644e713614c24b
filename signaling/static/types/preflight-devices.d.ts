/**
 * @param {{deviceId?: string, show?: (stream: MediaStream) => void}} [options] `show` is given the
 *   stream for a preview, which ends with the check
 * @returns {Promise<{label: string, width: number, height: number, dark: boolean}>}
 *   rejects with an SfuError: device_denied, device_missing, device_busy
 */
export function checkCamera({ deviceId, show }?: {
    deviceId?: string;
    show?: (stream: MediaStream) => void;
}): Promise<{
    label: string;
    width: number;
    height: number;
    dark: boolean;
}>;
/**
 * @param {{deviceId?: string, level?: (level: number) => void}} [options] `level` is told how loud
 *   it is, 0 to 1, again and again
 * @returns {Promise<{label: string, level: number, heard: boolean}>} the loudest; rejects as
 *   `checkCamera`, and as `playTone`
 */
export function checkMicrophone({ deviceId, level }?: {
    deviceId?: string;
    level?: (level: number) => void;
}): Promise<{
    label: string;
    level: number;
    heard: boolean;
}>;
/**
 * Plays two tones; whether they are heard only the person can tell. Rejects with an SfuError,
 * `gesture_missing`, in a page that nobody has clicked in or typed into yet: browsers let none sound.
 *
 * @param {{deviceId?: string}} [options] where the browser lets pages choose
 */
export function playTone({ deviceId }?: {
    deviceId?: string;
}): Promise<void>;
