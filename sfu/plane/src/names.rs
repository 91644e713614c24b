//! How the control plane names what it orders about.

/// Chosen by the control plane, unique per worker, never used again.
pub type Id = u32;

/// Simulcast layers of one source at most.
pub const MAX_LAYERS: usize = 4;
