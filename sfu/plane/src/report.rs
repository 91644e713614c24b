//! What the plane tells the control plane.

use crate::command::Id;
use std::net::SocketAddr;

/// One layer's rate over the last second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LayerRate {
    /// Bits per second, headers included.
    pub bps: u32,
    /// Frames per second.
    pub fps: f32,
    /// Pixels, zero while unknown.
    pub width: u16,
    /// Pixels, zero while unknown.
    pub height: u16,
}

/// News from a worker; see `_plane.pyi` for the meaning of each.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Report {
    Handshake {
        transport: Id,
        datagram: Vec<u8>,
    },
    PathUp {
        transport: Id,
        remote: SocketAddr,
    },
    PathDown {
        transport: Id,
    },
    Switched {
        egress: Id,
        track: Option<Id>,
        spatial: i8,
        temporal: u8,
    },
    Audible {
        track: Id,
        audible: bool,
    },
    Levels {
        levels: Vec<(Id, u8)>,
    },
    Traffic {
        totals: Vec<(Id, u64, u64)>,
    },
    Closed {
        transport: Id,
        received: u64,
        sent: u64,
    },
    TrackRates {
        track: Id,
        layers: Vec<LayerRate>,
    },
    Exceeded {
        transport: Id,
    },
    Refused {
        command: &'static str,
        reason: &'static str,
    },
    Fault {
        reason: String,
    },
}
