//! The packet plane.
