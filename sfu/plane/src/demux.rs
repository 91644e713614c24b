//! What a datagram is, by its first bytes (RFC 7983 §7, RFC 5761 §4).

use crate::rtp::is_rtcp;

/// The protocols that share our port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Stun,
    Dtls,
    Rtp,
    Rtcp,
    Unknown,
}

/// Tells a datagram's protocol; says nothing of whether it is well formed.
#[inline]
pub fn classify(datagram: &[u8]) -> Kind {
    match datagram.first() {
        Some(0..=3) => Kind::Stun,
        Some(20..=63) => Kind::Dtls,
        Some(128..=191) if is_rtcp(datagram) => Kind::Rtcp,
        Some(128..=191) => Kind::Rtp,
        _ => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_table_of_rfc_7983() {
        for (bytes, kind) in [
            (&[][..], Kind::Unknown),
            (&[0, 1][..], Kind::Stun),
            (&[3][..], Kind::Stun),
            (&[4][..], Kind::Unknown),
            (&[22, 254][..], Kind::Dtls),
            (&[64][..], Kind::Unknown),
            (&[0x80, 0x60][..], Kind::Rtp),
            (&[0x80, 200][..], Kind::Rtcp),
            (&[0x81, 223][..], Kind::Rtcp),
            (&[0x80, 39][..], Kind::Rtp),
            (&[192][..], Kind::Unknown),
        ] {
            assert_eq!(classify(bytes), kind, "{bytes:?}");
        }
    }
}
