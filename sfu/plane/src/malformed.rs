//! Why a packet could not be read.

/// A packet that breaks the rules of its format: counted and dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl std::fmt::Display for Malformed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

impl From<sfu_codecs::Malformed> for Malformed {
    fn from(other: sfu_codecs::Malformed) -> Self {
        Self(other.0)
    }
}
