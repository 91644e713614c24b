/** @returns {{tracks: MediaStreamTrack[], stop: () => void}} */
export function testSignal(): {
    tracks: MediaStreamTrack[];
    stop: () => void;
};
