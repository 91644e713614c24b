//! Building compound packets.

use super::{
    ReportBlock, BYE, FMT_APPLICATION, FMT_FIR, FMT_NACK, FMT_PLI, PAYLOAD_SPECIFIC,
    RECEIVER_REPORT, SDES, SENDER_REPORT, TRANSPORT_LAYER,
};

/// Appends packets to a compound.
pub struct Compound<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Compound<'a> {
    /// Goes on behind what `out` holds already.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// RFC 3550 §6.4.1; at most 31 blocks.
    pub fn sender_report(
        &mut self,
        ssrc: u32,
        ntp: u64,
        rtp: u32,
        packets: u32,
        octets: u32,
        blocks: &[ReportBlock],
    ) {
        self.packet(blocks.len().min(31) as u8, SENDER_REPORT, |out| {
            words(
                out,
                &[ssrc, (ntp >> 32) as u32, ntp as u32, rtp, packets, octets],
            );
            put_blocks(out, blocks);
        });
    }

    /// RFC 3550 §6.4.2; at most 31 blocks.
    pub fn receiver_report(&mut self, ssrc: u32, blocks: &[ReportBlock]) {
        self.packet(blocks.len().min(31) as u8, RECEIVER_REPORT, |out| {
            words(out, &[ssrc]);
            put_blocks(out, blocks);
        });
    }

    /// One chunk with one item, the canonical name (RFC 3550 §6.5.1), cut at 255 bytes.
    pub fn sdes_cname(&mut self, ssrc: u32, cname: &str) {
        let name = &cname.as_bytes()[..cname.len().min(255)];
        self.packet(1, SDES, |out| {
            words(out, &[ssrc]);
            out.extend([1, name.len() as u8]);
            out.extend(name);
            // The list of items ends with at least one zero byte.
            out.push(0);
        });
    }

    /// RFC 3550 §6.6; at most 31 sources.
    pub fn bye(&mut self, ssrcs: &[u32]) {
        let ssrcs = &ssrcs[..ssrcs.len().min(31)];
        self.packet(ssrcs.len() as u8, BYE, |out| words(out, ssrcs));
    }

    /// RFC 4585 §6.2.1; `sequences` in ascending order, which may wrap. Nothing when there are none.
    pub fn nack(&mut self, sender: u32, media: u32, sequences: impl Iterator<Item = u16>) {
        let mut sequences = sequences.peekable();
        if sequences.peek().is_none() {
            return;
        }
        self.packet(FMT_NACK, TRANSPORT_LAYER, |out| {
            words(out, &[sender, media]);
            let mut item: Option<(u16, u16)> = None;
            for sequence in sequences {
                item = match item {
                    Some((first, mask)) if sequence == first => Some((first, mask)),
                    Some((first, mask)) if (1..=16).contains(&sequence.wrapping_sub(first)) => {
                        Some((first, mask | 1 << (sequence.wrapping_sub(first) - 1)))
                    }
                    Some((first, mask)) => {
                        words(out, &[u32::from(first) << 16 | u32::from(mask)]);
                        Some((sequence, 0))
                    }
                    None => Some((sequence, 0)),
                };
            }
            if let Some((first, mask)) = item {
                words(out, &[u32::from(first) << 16 | u32::from(mask)]);
            }
        });
    }

    /// RFC 4585 §6.3.1.
    pub fn pli(&mut self, sender: u32, media: u32) {
        self.packet(FMT_PLI, PAYLOAD_SPECIFIC, |out| {
            words(out, &[sender, media])
        });
    }

    /// RFC 5104 §4.3.1.
    pub fn fir(&mut self, sender: u32, media: u32, sequence: u8) {
        self.packet(FMT_FIR, PAYLOAD_SPECIFIC, |out| {
            words(out, &[sender, 0, media, u32::from(sequence) << 24])
        });
    }

    /// draft-alvestrand-rmcat-remb-03 §2.2.
    pub fn remb(&mut self, sender: u32, bitrate: u64, ssrcs: &[u32]) {
        let ssrcs = &ssrcs[..ssrcs.len().min(255)];
        let exponent = (64 - bitrate.leading_zeros()).saturating_sub(18);
        let mantissa = (bitrate >> exponent) as u32;
        self.packet(FMT_APPLICATION, PAYLOAD_SPECIFIC, |out| {
            words(
                out,
                &[
                    sender,
                    0,
                    u32::from_be_bytes(*b"REMB"),
                    (ssrcs.len() as u32) << 24 | exponent << 18 | mantissa,
                ],
            );
            words(out, ssrcs);
        });
    }

    fn packet(&mut self, count: u8, packet_type: u8, body: impl FnOnce(&mut Vec<u8>)) {
        let start = self.out.len();
        self.out.extend([0x80 | count, packet_type, 0, 0]);
        body(self.out);
        let len = (self.out.len() - start).next_multiple_of(4);
        self.out.resize(start + len, 0);
        let words = (len / 4 - 1) as u16;
        self.out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
    }
}

fn words(out: &mut Vec<u8>, words: &[u32]) {
    out.extend(words.iter().flat_map(|word| word.to_be_bytes()));
}

fn put_blocks(out: &mut Vec<u8>, blocks: &[ReportBlock]) {
    for block in blocks.iter().take(31) {
        // The loss is clamped to what 24 signed bits hold (RFC 3550 App. A.3).
        let lost = block.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0x00ff_ffff;
        words(
            out,
            &[
                block.ssrc,
                u32::from(block.fraction_lost) << 24 | lost,
                block.highest_seq,
                block.jitter,
                block.last_sr,
                block.delay_since_sr,
            ],
        );
    }
}
