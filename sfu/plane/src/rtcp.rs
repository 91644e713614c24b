//! RTCP compound packets (RFC 3550 §6, RFC 4585, RFC 5104): parse and build.

mod compound;

use crate::malformed::Malformed;

pub use compound::Compound;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SDES: u8 = 202;
const BYE: u8 = 203;
/// Transport layer feedback (RFC 4585 §6.2): NACK, transport-wide feedback.
const TRANSPORT_LAYER: u8 = 205;
/// Payload-specific feedback (RFC 4585 §6.3): PLI, FIR, REMB.
const PAYLOAD_SPECIFIC: u8 = 206;

const FMT_NACK: u8 = 1;
const FMT_TRANSPORT_WIDE: u8 = 15;
/// Congestion control feedback (RFC 8888 §3.1), read by `ccfb`.
pub(crate) const FMT_CONGESTION: u8 = 11;
const FMT_PLI: u8 = 1;
const FMT_FIR: u8 = 4;
const FMT_APPLICATION: u8 = 15;

const BLOCK: usize = 24;

/// What one receiver says of one stream (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The stream.
    pub ssrc: u32,
    /// Since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Since the start; 24 bits on the wire.
    pub cumulative_lost: i32,
    /// Extended highest sequence number.
    pub highest_seq: u32,
    /// In timestamp units.
    pub jitter: u32,
    /// Middle of the last sender report's NTP timestamp.
    pub last_sr: u32,
    /// Since that arrived, in 1/65536 s.
    pub delay_since_sr: u32,
}

/// Report blocks where they stand.
#[derive(Clone, Copy, Debug)]
pub struct ReportBlocks<'a>(&'a [u8]);

impl<'a> ReportBlocks<'a> {
    /// Each block.
    pub fn iter(&self) -> impl Iterator<Item = ReportBlock> + Clone + 'a {
        self.0.chunks_exact(BLOCK).map(|block| ReportBlock {
            ssrc: word(block, 0),
            fraction_lost: block[4],
            // 24 bits, signed.
            cumulative_lost: ((word(block, 4) << 8) as i32) >> 8,
            highest_seq: word(block, 8),
            jitter: word(block, 12),
            last_sr: word(block, 16),
            delay_since_sr: word(block, 20),
        })
    }
}

/// Sequence numbers asked for again: each item names one and up to 16 behind it (RFC 4585 §6.2.1).
#[derive(Clone, Debug)]
pub struct NackItems<'a> {
    items: std::slice::ChunksExact<'a, u8>,
    next: u16,
    mask: u32,
}

impl<'a> NackItems<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            items: bytes.chunks_exact(4),
            next: 0,
            mask: 0,
        }
    }
}

impl Iterator for NackItems<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.mask == 0 {
            let item = self.items.next()?;
            self.next = u16::from_be_bytes([item[0], item[1]]);
            self.mask = 1 | u32::from(u16::from_be_bytes([item[2], item[3]])) << 1;
        }
        let skip = self.mask.trailing_zeros();
        self.mask &= self.mask - 1;
        Some(self.next.wrapping_add(skip as u16))
    }
}

/// Full intra requests: (SSRC, command number) each (RFC 5104 §4.3.1).
#[derive(Clone, Debug)]
pub struct FirEntries<'a>(std::slice::ChunksExact<'a, u8>);

impl Iterator for FirEntries<'_> {
    type Item = (u32, u8);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|entry| (word(entry, 0), entry[4]))
    }
}

/// SSRCs in a row.
#[derive(Clone, Debug)]
pub struct Ssrcs<'a>(std::slice::ChunksExact<'a, u8>);

impl Iterator for Ssrcs<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.0.next().map(|ssrc| word(ssrc, 0))
    }
}

/// One packet of a compound.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Rtcp<'a> {
    SenderReport {
        ssrc: u32,
        ntp: u64,
        rtp: u32,
        packets: u32,
        octets: u32,
        blocks: ReportBlocks<'a>,
    },
    ReceiverReport {
        ssrc: u32,
        blocks: ReportBlocks<'a>,
    },
    /// Source descriptions, unread: nobody here needs a name from outside.
    Sdes {
        chunks: &'a [u8],
    },
    Bye {
        ssrcs: Ssrcs<'a>,
    },
    Nack {
        sender: u32,
        media: u32,
        items: NackItems<'a>,
    },
    Pli {
        sender: u32,
        media: u32,
    },
    Fir {
        entries: FirEntries<'a>,
    },
    Remb {
        bitrate: u64,
        ssrcs: Ssrcs<'a>,
    },
    /// The whole packet, for [`crate::twcc::parse`].
    TransportFeedback(&'a [u8]),
    /// The whole packet, for [`crate::ccfb::parse`].
    CongestionFeedback(&'a [u8]),
    Other {
        packet_type: u8,
        count: u8,
    },
}

/// Iterator over the packets of a compound. Goes on behind a packet whose content cannot
/// be read, and ends where no next one can be found.
#[derive(Clone, Debug)]
pub struct Walk<'a>(&'a [u8]);

/// Reads a decrypted compound, or a reduced-size packet (RFC 5506).
pub fn walk(packet: &[u8]) -> Walk<'_> {
    Walk(packet)
}

impl<'a> Iterator for Walk<'a> {
    type Item = Result<Rtcp<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.0);
        let Some(header) = rest.first_chunk::<4>() else {
            return Some(Err(Malformed("RTCP header cut off")));
        };
        if header[0] >> 6 != 2 {
            return Some(Err(Malformed("RTCP version is not 2")));
        }
        let len = 4 + 4 * usize::from(u16::from_be_bytes([header[2], header[3]]));
        let Some(mut packet) = rest.get(..len) else {
            return Some(Err(Malformed("RTCP packet cut off")));
        };
        self.0 = &rest[len..];
        if header[0] & 0x20 != 0 {
            let padding = usize::from(packet[len - 1]);
            if padding == 0 || padding > len - 4 {
                return Some(Err(Malformed("RTCP padding longer than the packet")));
            }
            packet = &packet[..len - padding];
        }
        Some(read(packet))
    }
}

fn read(packet: &[u8]) -> Result<Rtcp<'_>, Malformed> {
    let count = packet[0] & 0x1f;
    let body = &packet[4..];
    let need = |len: usize| {
        if body.len() < len {
            Err(Malformed("RTCP body cut off"))
        } else {
            Ok(())
        }
    };
    let blocks = |from: usize| {
        let bytes = body.get(from..from + BLOCK * usize::from(count));
        bytes
            .map(ReportBlocks)
            .ok_or(Malformed("RTCP report blocks cut off"))
    };
    Ok(match (packet[1], count) {
        (SENDER_REPORT, _) => {
            need(24)?;
            Rtcp::SenderReport {
                ssrc: word(body, 0),
                ntp: u64::from(word(body, 4)) << 32 | u64::from(word(body, 8)),
                rtp: word(body, 12),
                packets: word(body, 16),
                octets: word(body, 20),
                blocks: blocks(24)?,
            }
        }
        (RECEIVER_REPORT, _) => {
            need(4)?;
            Rtcp::ReceiverReport {
                ssrc: word(body, 0),
                blocks: blocks(4)?,
            }
        }
        (SDES, _) => Rtcp::Sdes { chunks: body },
        (BYE, _) => {
            need(4 * usize::from(count))?;
            Rtcp::Bye {
                ssrcs: Ssrcs(body[..4 * usize::from(count)].chunks_exact(4)),
            }
        }
        (TRANSPORT_LAYER, FMT_NACK) => {
            need(12)?;
            Rtcp::Nack {
                sender: word(body, 0),
                media: word(body, 4),
                items: NackItems::new(&body[8..]),
            }
        }
        (TRANSPORT_LAYER, FMT_TRANSPORT_WIDE) => Rtcp::TransportFeedback(packet),
        (TRANSPORT_LAYER, FMT_CONGESTION) => Rtcp::CongestionFeedback(packet),
        (PAYLOAD_SPECIFIC, FMT_PLI) => {
            need(8)?;
            Rtcp::Pli {
                sender: word(body, 0),
                media: word(body, 4),
            }
        }
        (PAYLOAD_SPECIFIC, FMT_FIR) => {
            need(16)?;
            Rtcp::Fir {
                entries: FirEntries(body[8..].chunks_exact(8)),
            }
        }
        (PAYLOAD_SPECIFIC, FMT_APPLICATION) if body.len() >= 16 && &body[8..12] == b"REMB" => {
            let ssrcs = usize::from(body[12]);
            need(16 + 4 * ssrcs)?;
            let exponent = u32::from(body[13] >> 2);
            let mantissa = u64::from(word(body, 12) & 0x3ffff);
            // 18 bits shifted by up to 63: what does not fit is as good as unlimited.
            let bitrate = mantissa.saturating_mul(1u64.checked_shl(exponent).unwrap_or(u64::MAX));
            Rtcp::Remb {
                bitrate,
                ssrcs: Ssrcs(body[16..16 + 4 * ssrcs].chunks_exact(4)),
            }
        }
        (packet_type, count) => Rtcp::Other { packet_type, count },
    })
}

pub(crate) fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests;
