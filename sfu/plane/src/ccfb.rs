//! Congestion control feedback (RFC 8888 §3.1): each stream's packets, when they came in,
//! and how routers had marked them (RFC 3168).

use crate::malformed::Malformed;
use crate::rtcp::word;

/// RTCP header and sender.
const HEADER: usize = 8;
/// SSRC, first number, count.
const BLOCK_HEADER: usize = 8;
/// Streams that one report may be on.
const MAX_STREAMS: usize = 64;
/// Packets of one stream (§3.1: at most half the numbers; senders remember fewer).
const MAX_REPORTED: usize = 8192;
/// Arrival offsets from here on say "longer ago" and "not known" (§3.1).
const NO_OFFSET: u16 = 0x1ffe;

/// One packet's fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// In the receiver's time, `None` when it has not come or nobody knows when.
    pub arrival_us: Option<i64>,
    /// Whether it has come.
    pub received: bool,
    /// Whether it was marked as having met congestion.
    pub marked: bool,
}

/// The packets of one stream.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Synchronisation source.
    pub ssrc: u32,
    /// RTP sequence number of the first packet reported on.
    pub first: u16,
    metrics: &'a [u8],
}

/// A report as a view on its bytes.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    blocks: Vec<Block<'a>>,
    /// When it was made, on the receiver's clock, which wraps after 2^16 s.
    pub time_us: i64,
}

/// After this the receiver's clock wraps.
pub const CLOCK_WRAP_US: i64 = 1_000_000 << 16;

/// Reads a whole RTCP packet of type 205, format 11.
pub fn parse(packet: &[u8]) -> Result<Report<'_>, Malformed> {
    const CUT_OFF: Malformed = Malformed("congestion control feedback cut off");
    let time_at = packet.len().checked_sub(4).filter(|at| *at >= HEADER);
    let time_at = time_at.ok_or(CUT_OFF)?;
    let mut blocks = Vec::new();
    let mut rest = &packet[HEADER..time_at];
    while !rest.is_empty() {
        let header = rest.get(..BLOCK_HEADER).ok_or(CUT_OFF)?;
        let count = usize::from(u16::from_be_bytes([header[6], header[7]]));
        if count > MAX_REPORTED || blocks.len() == MAX_STREAMS {
            return Err(Malformed("congestion control feedback on too many packets"));
        }
        let metrics = rest.get(BLOCK_HEADER..BLOCK_HEADER + 2 * count);
        blocks.push(Block {
            ssrc: word(header, 0),
            first: u16::from_be_bytes([header[4], header[5]]),
            metrics: metrics.ok_or(CUT_OFF)?,
        });
        // An odd count is filled up to a word.
        let len = BLOCK_HEADER + 2 * count.next_multiple_of(2);
        rest = rest.get(len..).ok_or(CUT_OFF)?;
    }
    // 16.16 fixed point seconds.
    let time_us = (i64::from(word(packet, time_at)) * 1_000_000) >> 16;
    Ok(Report { blocks, time_us })
}

impl<'a> Report<'a> {
    /// Each stream's part.
    pub fn blocks(&self) -> &[Block<'a>] {
        &self.blocks
    }

    /// What is said of one packet.
    pub fn status(&self, ssrc: u32, sequence: u16) -> Option<Status> {
        let of_stream = self.blocks.iter().filter(|block| block.ssrc == ssrc);
        let place = |block: &Block<'_>| usize::from(sequence.wrapping_sub(block.first));
        of_stream
            .filter_map(|block| block.status(place(block), self.time_us))
            .next()
    }
}

impl Block<'_> {
    /// How many packets are reported on.
    pub fn len(&self) -> usize {
        self.metrics.len() / 2
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.metrics.is_empty()
    }

    fn status(&self, place: usize, time_us: i64) -> Option<Status> {
        let metric = self.metrics.get(2 * place..2 * place + 2)?;
        let metric = u16::from_be_bytes([metric[0], metric[1]]);
        let received = metric >> 15 != 0;
        let offset = metric & 0x1fff;
        let is_known = received && offset < NO_OFFSET;
        Some(Status {
            // 1/1024 s before the report.
            arrival_us: is_known.then(|| time_us - i64::from(offset) * 1_000_000 / 1024),
            received,
            marked: received && metric >> 13 & 3 == 3,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::FMT_CONGESTION;
    use proptest::prelude::*;

    /// Builds a report by the letter of §3.1.
    fn build(blocks: &[(u32, u16, Vec<u16>)], time: u32) -> Vec<u8> {
        let mut packet = vec![0x80 | FMT_CONGESTION, 205, 0, 0, 0, 0, 0, 1];
        for (ssrc, first, metrics) in blocks {
            packet.extend(ssrc.to_be_bytes());
            packet.extend(first.to_be_bytes());
            packet.extend((metrics.len() as u16).to_be_bytes());
            packet.extend(metrics.iter().flat_map(|metric| metric.to_be_bytes()));
            if metrics.len() % 2 == 1 {
                packet.extend([0, 0]);
            }
        }
        packet.extend(time.to_be_bytes());
        let words = (packet.len() / 4 - 1) as u16;
        packet[2..4].copy_from_slice(&words.to_be_bytes());
        packet
    }

    #[test]
    fn reads_arrivals_marks_and_holes() {
        let metrics = vec![0x8000 | 1024, 0, 0x8000 | 3 << 13 | 512, 0x8000 | 0x1fff];
        let packet = build(&[(7, 65_534, metrics), (8, 5, vec![0x8000])], 10 << 16);
        let report = parse(&packet).expect("valid");
        assert_eq!((report.blocks().len(), report.time_us), (2, 10_000_000));
        let status = |ssrc, sequence| report.status(ssrc, sequence);
        let came = |arrival_us, marked| {
            Some(Status {
                arrival_us,
                received: true,
                marked,
            })
        };
        assert_eq!(status(7, 65_534), came(Some(9_000_000), false));
        assert_eq!(status(7, 65_535).map(|status| status.received), Some(false));
        assert_eq!(status(7, 0), came(Some(9_500_000), true));
        assert_eq!(status(7, 1), came(None, false), "came, but when?");
        assert_eq!(status(7, 2), None);
        assert_eq!(status(8, 5), came(Some(10_000_000), false));
        assert_eq!(status(9, 5), None);
    }

    #[test]
    fn what_is_cut_off_or_endless_is_refused() {
        let packet = build(&[(7, 1, vec![0x8000; 5])], 0);
        for len in (0..packet.len()).filter(|len| *len != 12) {
            assert!(parse(&packet[..len]).is_err(), "{len}");
        }
        let many: Vec<_> = (0..65).map(|ssrc| (ssrc, 0, vec![0])).collect();
        assert!(parse(&build(&many, 0)).is_err());
        assert!(parse(&build(&[(1, 0, vec![0; MAX_REPORTED + 1])], 0)).is_err());
    }

    proptest! {
        #[test]
        fn says_what_was_put_in(blocks in prop::collection::vec((0u32..1 << 30, any::<u16>(), prop::collection::vec(any::<u16>(), 0..40)), 0..6), time: u32) {
            let packet = build(&blocks, time);
            let report = parse(&packet).expect("valid");
            for (ssrc, first, metrics) in &blocks {
                if blocks.iter().filter(|block| block.0 == *ssrc).count() > 1 {
                    continue;
                }
                for (n, metric) in metrics.iter().enumerate() {
                    let status = report.status(*ssrc, first.wrapping_add(n as u16)).expect("reported on");
                    prop_assert_eq!(status.received, metric >> 15 == 1);
                    prop_assert_eq!(status.marked, metric >> 13 == 7);
                    prop_assert!(status.arrival_us.is_none_or(|us| us <= report.time_us));
                }
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200), ssrc: u32, sequence: u16) {
            if let Ok(report) = parse(&bytes) {
                report.status(ssrc, sequence);
            }
        }
    }
}
