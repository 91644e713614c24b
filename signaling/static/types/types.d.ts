export type Source = import("./publishing.js").Source;
export type Sending = import("./publishing.js").Sending;
export type LayerStats = import("./publishing.js").LayerStats;
export type SlotStats = import("./receiving.js").SlotStats;
export type Frame = import("./signal-socket.js").Frame;
/**
 * Who is in the room. Presenters learn of everybody, attendees of those on a seat.
 */
export type Participant = {
    /**
     * what every command takes
     */
    id: string;
    identity: string;
    name: string;
    /**
     * organizer, presenter, attendee or viewer
     */
    role: string;
    seat: number | null;
    /**
     * seconds since the epoch, by the server's clock
     */
    joined_at: number;
    /**
     * a sign shown to the others: hand, applause, away …
     */
    status?: string | null | undefined;
    /**
     * whether presenters keep them from publishing
     */
    blocked?: boolean | undefined;
    /**
     * what presenters let them publish; null is all
     */
    allowed?: import("./publishing.js").Source[] | null | undefined;
    /**
     * what they publish
     */
    sources?: Partial<Record<import("./publishing.js").Source, {
        muted: boolean;
    }>> | undefined;
    /**
     * of their join token, whatever the backend has put there
     */
    metadata?: any;
};
/**
 * Who waits at the door.
 */
export type Guest = {
    id: string;
    identity: string;
    name: string;
    role: string;
    /**
     * preparing, locked, full, queue
     */
    reason: string;
    /**
     * seconds since the epoch
     */
    since: number;
    /**
     * of their join token
     */
    metadata?: any;
};
/**
 * Where one stands while waiting.
 */
export type Place = {
    /**
     * preparing, locked, full, queue
     */
    reason: string;
    /**
     * in the line, from 1
     */
    position?: number | undefined;
};
/**
 * Who is on a slot. A camera, microphone, screen that is false is muted or off.
 */
export type Holder = {
    /**
     * id
     */
    participant: string;
    camera?: boolean | undefined;
    microphone?: boolean | undefined;
    screen?: boolean | undefined;
    screen_audio?: boolean | undefined;
};
/**
 * What the server says of a slot's picture. Reasons: full, view, budget, link, publisher, off.
 */
export type PictureFacts = {
    /**
     * pixels; 0 while nothing is shown
     */
    width: number;
    height: number;
    fps: number;
    /**
     * why it is no more
     */
    reason: string;
};
export type Join = {
    room: string;
    /**
     * join token, or what fetches one: it
     * is asked again when the client has to join anew; without one, what the room's access allows
     */
    token?: string | (() => string | Promise<string>) | undefined;
    password?: string | undefined;
    tenant?: string | undefined;
    name?: string | undefined;
    /**
     * only on a development server
     */
    role?: string | undefined;
    /**
     * from an earlier session's `resume`, as of a page that was reloaded
     */
    resume?: string | undefined;
};
/**
 * How a camera is captured and sent. A `track` of one's own is sent as it is, and stays one's own:
 * it is not stopped on `unpublish`.
 */
export type CameraOptions = {
    /**
     * three layers (default) or one stream
     */
    simulcast?: boolean | undefined;
    /**
     * vp8 (default), h264, vp9, av1
     */
    codec?: string | undefined;
    /**
     * capture and rate, within the room's budget; default the room's
     */
    quality?: "sd" | "hd" | undefined;
    /**
     * instead of those of `PRESETS.camera[quality]`
     */
    layers?: import("./presets.js").Layer[] | undefined;
    deviceId?: string | undefined;
    track?: MediaStreamTrack | undefined;
};
/**
 * How a screen is sent: one stream (default), or with `simulcast` the layers of the room's preset.
 */
export type ScreenOptions = {
    /**
     * a small layer besides, for those on narrow links
     */
    simulcast?: boolean | undefined;
    /**
     * vp8 (default), h264, vp9, av1
     */
    codec?: string | undefined;
    /**
     * bit/s of the one stream; default, and most, is the room's budget
     */
    maxBitrate?: number | undefined;
    /**
     * instead of those of `PRESETS.screen`
     */
    layers?: import("./presets.js").Layer[] | undefined;
    track?: MediaStreamTrack | undefined;
};
export type View = {
    /**
     * merged per slot
     */
    slots?: Record<string, "off" | {
        max_height?: number;
        priority?: number;
    }> | undefined;
    layout?: "gallery" | "presenter" | undefined;
    /**
     * participant
     */
    pin?: string | null | undefined;
    auto_speaker?: boolean | undefined;
};
/**
 * What each event tells; those of the protocol that are not listed here tell their frame.
 */
export type OwnEvents = {
    state: {
        session: import("./signal-session.js").SessionState;
        publish: RTCPeerConnectionState;
        receive: RTCPeerConnectionState;
    };
    /**
     * the snapshot
     */
    joined: Frame;
    resumed: Frame & {
        resumed: boolean;
        lost: number;
    };
    stream: {
        slot: string;
        stream: MediaStream;
    };
    local: {
        source: Source;
        track: MediaStreamTrack | null;
    };
    device: {
        source: Source;
        reason: "unplugged" | "chosen";
        label: string;
        deviceId: string;
    };
    devices: import("./capture.js").DeviceList;
    error: {
        code: string;
        message: string;
    };
    closed: {
        code: number;
        reason: string;
    };
    speaker: {
        participant: string | null;
    };
    quality: {
        slots: Record<string, PictureFacts | null>;
    };
    slots: {
        slots: Record<string, Holder | null>;
    };
    /**
     * bit/s
     */
    congestion: {
        available: number;
        wanted: number;
    };
    /**
     * bit/s;
     * of sources that are cut, how many layers are forwarded
     */
    upload: {
        budget: number;
        sending: number;
        over: boolean;
        held: Record<string, number>;
    };
    message: {
        from: string;
        to: string;
        topic: string;
        body: any;
    };
    muted: {
        source: Source;
        by: string | null;
    };
    removed: {
        reason: string;
    };
};
export type Events = OwnEvents & {
    [type: string]: any;
};
