//! SRTP and SRTCP contexts of one transport: [`Sealer`] out, [`Opener`] in
//! (RFC 3711, RFC 7714). Sealing and opening happen in place and allocate nothing.
//!
//! The sealer keeps no table: the caller knows each stream's 48-bit index and
//! must never seal two different packets under one (SSRC, index), which would
//! give both away. The opener keeps rollover counter and replay window of each
//! SSRC, in a bounded table that only authenticated packets enter.

pub use crate::cipher::SrtpError;
pub use crate::master_key::{KeyLength, MasterKey, Profile};

use crate::cipher::{Cipher, Stream as Keys};
use crate::replay::Window;
use crate::rtp::Rtp;

/// The most that any profile adds to an RTP packet.
pub const MAX_RTP_OVERHEAD: usize = 16;
/// SSRCs that one peer may send RTP under, and as many for RTCP.
pub const MAX_SSRCS: usize = 256;

/// Outbound protection of one transport.
pub struct Sealer {
    profile: Profile,
    rtp: Cipher,
    rtcp: Cipher,
    /// Of the next compound; 31 bits, shared by all our SSRCs.
    rtcp_index: u32,
}

impl Sealer {
    /// Derives the session keys from the master key that we send under.
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, KeyLength> {
        let master = MasterKey::new(profile, key, salt)?;
        let rtp = Cipher::derive(&master, Keys::Rtp);
        let rtcp = Cipher::derive(&master, Keys::Rtcp);
        Ok(Self {
            profile,
            rtp,
            rtcp,
            rtcp_index: 1,
        })
    }

    /// The profile in use.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Seals `packet[..len]` in place and returns the new length.
    ///
    /// `packet` has [`Profile::rtp_overhead`] bytes of room behind `len`; `header_len` counts CSRCs
    /// and extension; `index` is ROC<<16|SEQ. Panics when the lengths do not fit: a bug.
    pub fn seal_rtp(
        &self,
        packet: &mut [u8],
        len: usize,
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> usize {
        debug_assert!(index < MAX_INDEX, "the key's life is over (RFC 3711 §9.2)");
        self.rtp.seal_rtp(packet, len, header_len, ssrc, index)
    }

    /// Seals a compound of at least eight bytes in place and appends tag and index.
    ///
    /// No allocation when the vector has [`Profile::rtcp_overhead`] bytes to spare.
    pub fn seal_rtcp(&mut self, packet: &mut Vec<u8>) {
        let ssrc = u32::from_be_bytes(packet[4..8].try_into().expect("four bytes"));
        self.rtcp.seal_rtcp(packet, ssrc, self.rtcp_index);
        // 2^31 compounds take 68 years at one a second; an index must not be used twice.
        self.rtcp_index += 1;
        assert!(
            self.rtcp_index >> 31 == 0,
            "the key's life is over (RFC 3711 §9.2)"
        );
    }
}

/// Inbound protection of one transport.
pub struct Opener {
    rtp: Cipher,
    rtcp: Cipher,
    rtp_streams: Streams,
    rtcp_streams: Streams,
}

impl Opener {
    /// Derives the session keys from the master key that the peer sends under.
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, KeyLength> {
        let master = MasterKey::new(profile, key, salt)?;
        Ok(Self {
            rtp: Cipher::derive(&master, Keys::Rtp),
            rtcp: Cipher::derive(&master, Keys::Rtcp),
            rtp_streams: Streams::default(),
            rtcp_streams: Streams::default(),
        })
    }

    /// Opens an RTP packet in place and returns the length of header and plaintext.
    ///
    /// `header` is what was parsed from this packet. After an error the bytes
    /// behind the header are undefined and nothing else has changed.
    pub fn open_rtp(&mut self, packet: &mut [u8], header: &Rtp) -> Result<usize, SrtpError> {
        let place = self.rtp_streams.find(header.ssrc);
        let index = match place {
            Place::Known(at) => {
                let window = self.rtp_streams.window(at);
                let index =
                    guess_index(window.highest(), header.sequence).ok_or(SrtpError::Replayed)?;
                if !window.is_fresh(index) {
                    return Err(SrtpError::Replayed);
                }
                index
            }
            // A stream begins with a rollover counter of zero (RFC 3711 §3.3.1).
            Place::New => header.sequence.into(),
        };
        let len = self
            .rtp
            .open_rtp(packet, header.header_len, header.ssrc, index)?;
        self.rtp_streams.accept(place, header.ssrc, index)?;
        Ok(len)
    }

    /// Opens an RTCP compound in place and returns the plaintext's length.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let index = self.rtcp.rtcp_index(packet)?;
        let ssrc = u32::from_be_bytes(packet[4..8].try_into().expect("checked above"));
        let place = self.rtcp_streams.find(ssrc);
        if let Place::Known(at) = place {
            if !self.rtcp_streams.window(at).is_fresh(index.into()) {
                return Err(SrtpError::Replayed);
            }
        }
        let len = self.rtcp.open_rtcp(packet, ssrc, index)?;
        self.rtcp_streams.accept(place, ssrc, index.into())?;
        Ok(len)
    }

    /// Makes room for another SSRC after the peer has ceased to use this one.
    ///
    /// Its old packets would be accepted again: drop them by SSRC before they come here.
    pub fn forget(&mut self, ssrc: u32) {
        self.rtp_streams.forget(ssrc);
        self.rtcp_streams.forget(ssrc);
    }
}

/// RTP packets that one key may protect: 2^48 (RFC 3711 §9.2).
const MAX_INDEX: u64 = 1 << 48;

/// The index that makes `sequence` nearest to the highest one (RFC 3711 §3.3.1, appendix A);
/// `None` before the stream's beginning and after its end.
fn guess_index(highest: u64, sequence: u16) -> Option<u64> {
    let same = highest & !0xffff | u64::from(sequence);
    let last = highest as u16;
    if last < 0x8000 {
        if sequence > last && sequence - last > 0x8000 {
            return same.checked_sub(0x1_0000);
        }
    } else if last - 0x8000 > sequence {
        return Some(same + 0x1_0000).filter(|index| *index < MAX_INDEX);
    }
    Some(same)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Known(usize),
    New,
}

/// Windows by SSRC: a list, since a peer sends a handful.
#[derive(Default)]
struct Streams {
    list: Vec<(u32, Window)>,
}

impl Streams {
    fn find(&self, ssrc: u32) -> Place {
        match self.list.iter().position(|(known, _)| *known == ssrc) {
            Some(at) => Place::Known(at),
            None => Place::New,
        }
    }

    fn window(&self, at: usize) -> &Window {
        &self.list[at].1
    }

    /// Call after authentication only.
    fn accept(&mut self, place: Place, ssrc: u32, index: u64) -> Result<(), SrtpError> {
        match place {
            Place::Known(at) => self.list[at].1.accept(index),
            Place::New if self.list.len() == MAX_SSRCS => return Err(SrtpError::TooManySsrcs),
            Place::New => self.list.push((ssrc, Window::starting_at(index))),
        }
        Ok(())
    }

    fn forget(&mut self, ssrc: u32) {
        self.list.retain(|(known, _)| *known != ssrc);
    }
}

#[cfg(test)]
mod tests;
