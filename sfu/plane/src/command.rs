//! What the control plane can order; carried out in the order it was given.

use crate::extension::ExtensionIds;
use crate::rates::Rates;
use crate::relay::End;
use crate::srtp::{Opener, Sealer};
use sfu_codecs::Codec;

pub use crate::names::{Id, MAX_LAYERS};

/// One payload type of a negotiated session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadType {
    /// The number on the wire.
    pub number: u8,
    /// What it carries.
    pub codec: Codec,
    /// The payload type of its retransmissions (RFC 4588), where negotiated.
    pub rtx: Option<u8>,
}

/// One layer of a published source, as far as the description names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayerSource {
    /// Restriction identifier (RFC 8851), empty without simulcast.
    pub rid: String,
    /// Zero where only header extensions will tell.
    pub ssrc: u32,
    /// Zero where only header extensions will tell.
    pub rtx_ssrc: u32,
}

/// What an egress shall forward at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The egress.
    pub egress: Id,
    /// Highest spatial layer, -1 to pause.
    pub spatial: i8,
    /// Highest temporal layer.
    pub temporal: u8,
    /// Whether a higher spatial layer ends at once, not at the lower one's keyframe.
    pub drop_now: bool,
}

/// An order; see `_plane.pyi` for the meaning of each.
#[allow(missing_docs)]
pub enum Command {
    OpenTransport {
        transport: Id,
        ufrag: String,
        pwd: String,
    },
    RestartIce {
        transport: Id,
        ufrag: String,
        pwd: String,
    },
    SetRemote {
        transport: Id,
        extensions: ExtensionIds,
        payload_types: Vec<PayloadType>,
        cname: String,
    },
    SetKeys {
        transport: Id,
        opener: Box<Opener>,
        sealer: Box<Sealer>,
    },
    SendHandshake {
        transport: Id,
        datagrams: Vec<Vec<u8>>,
    },
    CloseTransport {
        transport: Id,
    },
    AddTrack {
        track: Id,
        transport: Id,
        mid: String,
        codec: Codec,
        layers: Vec<LayerSource>,
    },
    AddPeer {
        peer: Id,
        end: Box<End>,
    },
    RemovePeer {
        peer: Id,
    },
    AddRelayedTrack {
        track: Id,
        peer: Id,
        codec: Codec,
        layers: usize,
    },
    Relay {
        track: Id,
        peer: Id,
    },
    EndRelay {
        track: Id,
        peer: Id,
    },
    RemoveTrack {
        track: Id,
    },
    Mute {
        track: Id,
        muted: bool,
    },
    Compete {
        track: Id,
        group: Id,
        most: usize,
    },
    AddRoute {
        route: Id,
        video: bool,
        rests: bool,
    },
    Bind {
        route: Id,
        track: Option<Id>,
    },
    Weigh {
        route: Id,
        weight: u8,
    },
    RemoveRoute {
        route: Id,
    },
    AddEgress {
        egress: Id,
        transport: Id,
        route: Id,
        mid: String,
        ssrc: u32,
        rtx_ssrc: u32,
    },
    ShowRoutes(Vec<(Id, Id)>),
    RemoveEgress {
        egress: Id,
    },
    SetTargets(Vec<Target>),
    Cap {
        track: Id,
        layers: u8,
    },
    SetUpload {
        transport: Id,
        bps: u32,
        sound_bps: u32,
    },
    SetRates(Vec<Rates>),
    ReportTraffic,
    RequestKeyframe {
        track: Id,
    },
    /// A bug on purpose, for tests of what contains it.
    Panic,
}
