//! Load for measurements: synthetic presenters and attendees on real sockets, and the
//! floor, a bare loop that seals and sends the same packets.

pub mod attendee;
#[cfg(feature = "python")]
mod bind;
pub mod clock;
pub mod continuity;
pub mod endpoint;
pub mod engine;
pub mod floor;
pub mod histogram;
pub mod latencies;
pub mod path;
pub mod pattern;
pub mod presenter;
pub mod pulse;
pub mod service;
pub mod socket;
