//! Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1): parse and build.

mod recorder;
#[cfg(test)]
mod tests;

use crate::malformed::Malformed;

pub use recorder::Recorder;

/// Up to the packet chunks: RTCP header, two SSRCs, base, count, reference time, feedback count.
const HEADER: usize = 20;
/// Unit of receive deltas.
const DELTA_US: i64 = 250;
/// Unit of the reference time.
const REFERENCE_US: i64 = 64_000;
/// After this the receiver's reference time wraps.
pub const CLOCK_WRAP_US: i64 = REFERENCE_US << 24;
/// Packets that one report may be on; senders remember no more.
const MAX_REPORTED: u16 = 8192;

/// A report as a view on its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Feedback<'a> {
    /// Transport-wide number of the first packet reported on.
    pub base_sequence: u16,
    /// How many packets are reported on.
    pub count: u16,
    /// Counts the reports.
    pub feedback_count: u8,
    /// Receiver's time that the first delta counts from.
    pub reference_time_us: i64,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

/// Reads a whole RTCP packet of type 205, format 15.
pub fn parse(packet: &[u8]) -> Result<Feedback<'_>, Malformed> {
    let Some(header) = packet.first_chunk::<HEADER>() else {
        return Err(Malformed("transport feedback cut off"));
    };
    let count = u16::from_be_bytes([header[14], header[15]]);
    if count > MAX_REPORTED {
        return Err(Malformed("transport feedback on too many packets"));
    }
    let mut at = HEADER;
    let mut statuses = 0;
    let mut delta_bytes = 0;
    while statuses < usize::from(count) {
        let Some(chunk) = packet.get(at..at + 2) else {
            return Err(Malformed("transport feedback chunks cut off"));
        };
        at += 2;
        let chunk = Chunk::new(chunk, usize::from(count) - statuses);
        statuses += chunk.len;
        delta_bytes += chunk.delta_bytes();
    }
    let (Some(chunks), Some(deltas)) = (packet.get(HEADER..at), packet.get(at..at + delta_bytes))
    else {
        return Err(Malformed("transport feedback deltas cut off"));
    };
    Ok(Feedback {
        base_sequence: u16::from_be_bytes([header[12], header[13]]),
        count,
        feedback_count: header[19],
        reference_time_us: i64::from(
            i32::from_be_bytes([header[16], header[17], header[18], 0]) >> 8,
        ) * REFERENCE_US,
        chunks,
        deltas,
    })
}

/// How many packets a report claims to be on, before it is read.
pub fn claimed(packet: &[u8]) -> usize {
    packet.get(14..16).map_or(0, |count| {
        usize::from(u16::from_be_bytes([count[0], count[1]]))
    })
}

impl<'a> Feedback<'a> {
    /// Each packet's number and arrival in the receiver's time, `None` when it has not come.
    pub fn iter(&self) -> Statuses<'a> {
        Statuses {
            sequence: self.base_sequence,
            left: usize::from(self.count),
            time_us: self.reference_time_us,
            chunks: self.chunks,
            deltas: self.deltas,
            chunk: Chunk { bits: 0, len: 0 },
            at: 0,
        }
    }
}

/// Iterator over the packets of a report.
#[derive(Clone, Debug)]
pub struct Statuses<'a> {
    sequence: u16,
    left: usize,
    time_us: i64,
    chunks: &'a [u8],
    deltas: &'a [u8],
    chunk: Chunk,
    at: usize,
}

impl Iterator for Statuses<'_> {
    type Item = (u16, Option<i64>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        while self.at == self.chunk.len {
            let (chunk, rest) = self.chunks.split_at_checked(2)?;
            self.chunks = rest;
            self.chunk = Chunk::new(chunk, self.left);
            self.at = 0;
        }
        let delta = match (self.chunk.symbol(self.at), self.deltas) {
            (1, [small, rest @ ..]) => {
                self.deltas = rest;
                Some(i64::from(*small))
            }
            (2, [high, low, rest @ ..]) => {
                self.deltas = rest;
                Some(i64::from(i16::from_be_bytes([*high, *low])))
            }
            _ => None,
        };
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        self.left -= 1;
        self.at += 1;
        let arrival = delta.map(|delta| {
            self.time_us += delta * DELTA_US;
            self.time_us
        });
        Some((sequence, arrival))
    }
}

/// A packet chunk (§3.1.3, §3.1.4): symbol 0 not received, 1 small delta, 2 large delta.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    bits: u16,
    len: usize,
}

impl Chunk {
    fn new(bytes: &[u8], left: usize) -> Self {
        let bits = u16::from_be_bytes([bytes[0], bytes[1]]);
        let len = match bits >> 14 {
            0 | 1 => usize::from(bits & 0x1fff),
            2 => 14,
            _ => 7,
        };
        // The last chunk may have room for more packets than are reported on; a run may be empty.
        Self {
            bits,
            len: len.min(left),
        }
    }

    /// Bytes of the deltas that belong to it; a run is of one symbol.
    fn delta_bytes(self) -> usize {
        match self.bits >> 14 {
            0 | 1 => self.len * usize::from(self.symbol(0)),
            _ => (0..self.len).map(|n| usize::from(self.symbol(n))).sum(),
        }
    }

    fn symbol(self, n: usize) -> u8 {
        let symbol = match self.bits >> 14 {
            0 | 1 => self.bits >> 13 & 3,
            2 => self.bits >> (13 - n) & 1,
            _ => self.bits >> (12 - 2 * n) & 3,
        };
        // 3 is reserved; without a delta there is no arrival.
        if symbol == 3 {
            0
        } else {
            symbol as u8
        }
    }
}
