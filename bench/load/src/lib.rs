//! Load for measurements: synthetic presenters and attendees on real sockets, and the
//! floor, a bare loop that seals and sends the same packets.

pub mod clock;
pub mod continuity;
pub mod histogram;
pub mod pattern;
