//! Writing reports on what came.

use super::{DELTA_US, HEADER, MAX_REPORTED, REFERENCE_US};
use crate::seq::Unwrapper;
use std::collections::VecDeque;

/// Arrivals kept, reported or not; the lowest numbers are forgotten first.
const MAX_KEPT: usize = 2048;
/// Reported arrivals kept: a report that goes back to a packet that came late must
/// not take back those behind it.
const REPORTED_KEPT: usize = 256;
/// Numbers before its first arrival that a report tells as not received, at most:
/// of a wider gap the end, senders remember little more.
const MAX_GAP: u64 = 1024;
/// A report stays within a datagram.
const MAX_BYTES: usize = 1200;

const SMALL: u8 = 1;
const LARGE: u8 = 2;

/// Arrivals of a sender's packets, until they are reported to it.
#[derive(Debug, Default)]
pub struct Recorder {
    unwrapper: Unwrapper,
    /// (number, arrival in microseconds), ascending, no number twice.
    arrivals: VecDeque<(u64, i64)>,
    /// The first number not reported on yet.
    next: u64,
    /// Numbers below have been forgotten.
    floor: u64,
    feedback_count: u8,
    /// Of the report that is built: memory to be used again.
    symbols: Vec<u8>,
    deltas: Vec<u8>,
}

impl Recorder {
    /// A packet with this transport-wide number has come; of several the first counts.
    #[inline]
    pub fn record(&mut self, sequence: u16, now_us: i64) {
        let sequence = self.unwrapper.unwrap(sequence);
        match self.arrivals.back() {
            Some((last, _)) if sequence <= *last => self.record_late(sequence, now_us),
            Some(_) => self.arrivals.push_back((sequence, now_us)),
            None => {
                self.next = sequence;
                self.arrivals.push_back((sequence, now_us));
            }
        }
        if self.arrivals.len() > MAX_KEPT {
            self.forget(1);
        }
    }

    #[cold]
    fn record_late(&mut self, sequence: u64, now_us: i64) {
        if sequence < self.floor {
            return;
        }
        let found = self
            .arrivals
            .binary_search_by_key(&sequence, |(number, _)| *number);
        if let Err(at) = found {
            self.arrivals.insert(at, (sequence, now_us));
            // It may have been reported as not received: reports go on from here once more.
            self.next = self.next.min(sequence);
        }
    }

    fn forget(&mut self, count: usize) {
        if let Some((last, _)) = self.arrivals.drain(..count).next_back() {
            self.floor = last + 1;
            // Nothing true can be told of them any more.
            self.next = self.next.max(self.floor);
        }
    }

    /// Writes one report on what has come since the last, behind what `out` holds;
    /// false when there is nothing to report. What one report cannot hold is left to the next.
    pub fn build(&mut self, sender_ssrc: u32, media_ssrc: u32, out: &mut Vec<u8>) -> bool {
        let from = self
            .arrivals
            .partition_point(|(number, _)| *number < self.next);
        let Some((first, first_us)) = self.arrivals.get(from).copied() else {
            return false;
        };
        let base = self.next.max(first.saturating_sub(MAX_GAP));
        let reference = first_us.div_euclid(REFERENCE_US);
        self.encode(from, base, reference * REFERENCE_US);
        let (symbols, deltas) = (&self.symbols, &self.deltas);
        let start = out.len();
        out.extend([0x8f, 205, 0, 0]);
        out.extend(sender_ssrc.to_be_bytes());
        out.extend(media_ssrc.to_be_bytes());
        out.extend((base as u16).to_be_bytes());
        out.extend((symbols.len() as u16).to_be_bytes());
        // 24 bits that wrap (§3.1).
        out.extend(&(reference as u32).to_be_bytes()[1..]);
        out.push(self.feedback_count);
        self.feedback_count = self.feedback_count.wrapping_add(1);
        put_chunks(symbols, out);
        out.extend(deltas);
        let len = (out.len() - start).next_multiple_of(4);
        out.resize(start + len, 0);
        out[start + 2..start + 4].copy_from_slice(&((len / 4 - 1) as u16).to_be_bytes());
        self.next = base + symbols.len() as u64;
        let reported = self
            .arrivals
            .partition_point(|(number, _)| *number < self.next);
        self.forget(reported.saturating_sub(REPORTED_KEPT));
        true
    }

    /// Symbols from `base` on and the deltas of those that came, `from` being the first of them.
    fn encode(&mut self, from: usize, base: u64, mut time_us: i64) {
        let (symbols, deltas) = (&mut self.symbols, &mut self.deltas);
        symbols.clear();
        deltas.clear();
        for (sequence, arrival_us) in self.arrivals.range(from..) {
            let place = (sequence - base) as usize;
            // The next delta counts from what this one says, so that roundings do not add up.
            let delta = (arrival_us - time_us).div_euclid(DELTA_US);
            let Ok(large) = i16::try_from(delta) else {
                break;
            };
            // Every chunk but the last tells of seven packets or more.
            let bytes = HEADER + 2 * (place / 7 + 1) + deltas.len() + 2;
            if place >= usize::from(MAX_REPORTED) || bytes.next_multiple_of(4) > MAX_BYTES {
                break;
            }
            symbols.resize(place, 0);
            time_us += delta * DELTA_US;
            match u8::try_from(delta) {
                Ok(small) => {
                    symbols.push(SMALL);
                    deltas.push(small);
                }
                Err(_) => {
                    symbols.push(LARGE);
                    deltas.extend(large.to_be_bytes());
                }
            }
        }
    }
}

/// Of a run, a vector of 14 one-bit symbols and one of seven two-bit symbols, whichever
/// tells of most packets.
fn put_chunks(mut symbols: &[u8], out: &mut Vec<u8>) {
    while let Some(first) = symbols.first() {
        let run = symbols
            .iter()
            .take(0x1fff)
            .take_while(|symbol| *symbol == first)
            .count();
        let narrow = &symbols[..symbols.len().min(14)];
        let wide = &symbols[..symbols.len().min(7)];
        let (chunk, told) = if run >= narrow.len() {
            (u16::from(*first) << 13 | run as u16, run)
        } else if !narrow.contains(&LARGE) {
            (0x8000 | pack(narrow, 1), narrow.len())
        } else if run >= wide.len() {
            (u16::from(*first) << 13 | run as u16, run)
        } else {
            (0xc000 | pack(wide, 2), wide.len())
        };
        out.extend(chunk.to_be_bytes());
        symbols = &symbols[told..];
    }
}

/// Symbols of so many bits each, the first highest in 14 bits.
fn pack(symbols: &[u8], width: usize) -> u16 {
    symbols.iter().enumerate().fold(0, |bits, (n, symbol)| {
        bits | u16::from(*symbol) << (14 - width * (n + 1))
    })
}
