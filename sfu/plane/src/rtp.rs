//! An RTP header as a view on bytes (RFC 3550 §5.1).

use crate::extension::Extensions;
use crate::malformed::Malformed;

/// Positions and values of a header; the packet itself stays where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rtp {
    /// M bit.
    pub marker: bool,
    /// PT, 7 bits.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// In units of the payload's clock.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Up to the payload: fixed part, contributing sources, extension block.
    pub header_len: usize,
    /// Header extensions, empty when there are none.
    pub extensions: Extensions,
    /// P bit.
    pub has_padding: bool,
}

const FIXED: usize = 12;

impl Rtp {
    /// Reads the header; the payload may be encrypted still.
    #[inline]
    pub fn parse(packet: &[u8]) -> Result<Self, Malformed> {
        let Some(fixed) = packet.first_chunk::<FIXED>() else {
            return Err(Malformed("RTP header cut off"));
        };
        if fixed[0] >> 6 != 2 {
            return Err(Malformed("RTP version is not 2"));
        }
        let mut header_len = FIXED + 4 * usize::from(fixed[0] & 0x0f);
        let mut extensions = Extensions::default();
        if fixed[0] & 0x10 != 0 {
            let Some(block) = packet.get(header_len..header_len + 4) else {
                return Err(Malformed("RTP extension cut off"));
            };
            let words = u16::from_be_bytes([block[2], block[3]]);
            let start = header_len + 4;
            let end = start + 4 * usize::from(words);
            if end > packet.len() || end > usize::from(u16::MAX) {
                return Err(Malformed("RTP extension longer than the packet"));
            }
            let profile = u16::from_be_bytes([block[0], block[1]]);
            extensions = Extensions {
                profile,
                start: start as u16,
                end: end as u16,
            };
            header_len = end;
        }
        if header_len > packet.len() {
            return Err(Malformed("RTP header longer than the packet"));
        }
        Ok(Self {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            header_len,
            extensions,
            has_padding: fixed[0] & 0x20 != 0,
        })
    }

    /// The payload of a decrypted packet, padding removed.
    #[inline]
    pub fn payload<'a>(&self, packet: &'a [u8]) -> Result<&'a [u8], Malformed> {
        let body = packet
            .get(self.header_len..)
            .ok_or(Malformed("RTP packet cut off"))?;
        if !self.has_padding {
            return Ok(body);
        }
        let padding = usize::from(*body.last().ok_or(Malformed("RTP padding missing"))?);
        if padding == 0 || padding > body.len() {
            return Err(Malformed("RTP padding longer than the packet"));
        }
        Ok(&body[..body.len() - padding])
    }
}

/// Whether a packet of version 2 is RTCP (RFC 5761 §4): packet types 192 to 223.
#[inline]
pub fn is_rtcp(packet: &[u8]) -> bool {
    packet.get(1).is_some_and(|kind| (192..=223).contains(kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_field() {
        let mut packet = vec![0xb1, 0xe0, 0x12, 0x34, 0, 0, 0, 5, 0, 0, 0, 6, 9, 9, 9, 9];
        packet.extend([0xbe, 0xde, 0, 1, 0x10, 7, 0, 0, 1, 2, 3, 0, 2]);
        let header = Rtp::parse(&packet).expect("valid");
        assert!(header.marker && header.has_padding);
        assert_eq!(
            (
                header.payload_type,
                header.sequence,
                header.timestamp,
                header.ssrc
            ),
            (96, 0x1234, 5, 6)
        );
        assert_eq!(header.header_len, 24);
        assert_eq!(header.extensions.find(&packet, 1), Some(&[7][..]));
        assert_eq!(header.payload(&packet), Ok(&[1, 2, 3][..]));
    }

    #[test]
    fn refuses_what_is_cut_off() {
        assert!(Rtp::parse(&[0x80; 11]).is_err());
        assert!(
            Rtp::parse(&[0x8f; 40]).is_err(),
            "fifteen contributing sources"
        );
        assert!(Rtp::parse(&[0x40; 12]).is_err(), "version 1");
        let packet = [0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3];
        assert!(Rtp::parse(&packet)
            .expect("header")
            .payload(&packet)
            .is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(packet in prop::collection::vec(any::<u8>(), 0..120)) {
            if let Ok(header) = Rtp::parse(&packet) {
                prop_assert!(header.header_len <= packet.len());
                prop_assert!(header.extensions.iter(&packet).count() <= packet.len());
                if let Ok(payload) = header.payload(&packet) {
                    prop_assert!(payload.len() <= packet.len() - header.header_len);
                }
            }
        }
    }
}
