//! Load for measurements: synthetic presenters and attendees on real sockets, and the
//! floor, a bare loop that seals and sends the same packets.

pub mod attendee;
pub mod clock;
pub mod continuity;
pub mod endpoint;
pub mod engine;
pub mod histogram;
pub mod path;
pub mod pattern;
pub mod presenter;
