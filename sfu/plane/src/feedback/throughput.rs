//! What arrives (goog_cc, robust_throughput_estimator), over a second or so.
//!
//! Packets that come in within a few milliseconds are kept as one chunk: that bounds
//! memory and work, and hardly moves the result.

use std::collections::VecDeque;

/// Packets within this of a chunk's first join it.
const CHUNK_US: i64 = 5_000;
/// The window holds at least so many packets and so much time …
const MIN_PACKETS: u32 = 20;
const MIN_US: i64 = 1_000_000;
/// … at most this, and fewer packets than `REQUIRED` say nothing.
const MAX_PACKETS: u32 = 500;
const MAX_US: i64 = 5_000_000;
const REQUIRED: u32 = 10;
/// What comes in so much earlier than the newest is of another time.
const MAX_REORDERED_US: i64 = 1_000_000;

#[derive(Clone, Copy, Debug)]
struct Chunk {
    first_arrival_us: i64,
    last_arrival_us: i64,
    first_sent_us: i64,
    last_sent_us: i64,
    bytes: u32,
    packets: u32,
    /// Of the packet that arrived first.
    first_size: u32,
    /// Of the packet that was sent last.
    last_size: u32,
}

/// The window of one transport.
#[derive(Debug, Default)]
pub(super) struct Throughput {
    chunks: VecDeque<Chunk>,
    packets: u32,
    /// Nothing sent before this is still in the window.
    discarded_us: Option<i64>,
}

impl Throughput {
    /// Takes a packet, in the order of arrival within one report.
    pub(super) fn add(&mut self, sent_us: i64, arrival_us: i64, size: u32) {
        let is_old = |last: &Chunk| last.last_arrival_us - arrival_us > MAX_REORDERED_US;
        if self.chunks.back().is_some_and(is_old) {
            self.reset();
        }
        self.packets += 1;
        match self.chunks.back_mut() {
            Some(last) if arrival_us - last.first_arrival_us < CHUNK_US => {
                last.bytes += size;
                last.packets += 1;
                last.last_arrival_us = last.last_arrival_us.max(arrival_us);
                last.first_sent_us = last.first_sent_us.min(sent_us);
                if sent_us >= last.last_sent_us {
                    last.last_sent_us = sent_us;
                    last.last_size = size;
                }
            }
            _ => self.chunks.push_back(Chunk {
                first_arrival_us: arrival_us,
                last_arrival_us: arrival_us,
                first_sent_us: sent_us,
                last_sent_us: sent_us,
                bytes: size,
                packets: 1,
                first_size: size,
                last_size: size,
            }),
        }
        while self.is_too_long() {
            if let Some(first) = self.chunks.pop_front() {
                self.packets -= first.packets;
                let discarded = self.discarded_us.unwrap_or(first.last_sent_us);
                self.discarded_us = Some(discarded.max(first.last_sent_us));
            }
        }
    }

    /// Bits per second; 0 while too little has come.
    pub(super) fn bps(&self) -> u32 {
        let (Some(first), Some(last)) = (self.chunks.front(), self.chunks.back()) else {
            return 0;
        };
        if self.packets < REQUIRED {
            return 0;
        }
        let (mut bytes, mut largest_us, mut second_us) = (0u64, 0, 0);
        let (mut first_sent_us, mut last_sent_us, mut last_size) = (i64::MAX, i64::MIN, 0);
        let mut former_us = first.first_arrival_us;
        for chunk in &self.chunks {
            let gap_us = chunk.first_arrival_us - former_us;
            if gap_us >= largest_us {
                (largest_us, second_us) = (gap_us, largest_us);
            } else {
                second_us = second_us.max(gap_us);
            }
            former_us = chunk.last_arrival_us;
            bytes += u64::from(chunk.bytes);
            first_sent_us = first_sent_us.min(chunk.first_sent_us);
            if chunk.last_sent_us >= last_sent_us {
                last_sent_us = chunk.last_sent_us;
                last_size = chunk.last_size;
            }
        }
        // What was sent before packets that have left the window was merely overtaken.
        first_sent_us = first_sent_us.max(self.discarded_us.unwrap_or(i64::MIN));
        // One long gap is a pause of the sender or of the path, not its rate.
        let arrival_us = last.last_arrival_us - first.first_arrival_us - largest_us + second_us;
        let received = rate(bytes - u64::from(first.first_size), arrival_us);
        let sent = rate(bytes - u64::from(last_size), last_sent_us - first_sent_us);
        received.min(sent)
    }

    /// Another path or clock.
    pub(super) fn reset(&mut self) {
        self.chunks.clear();
        self.packets = 0;
        self.discarded_us = None;
    }

    fn is_too_long(&self) -> bool {
        let (Some(first), Some(last)) = (self.chunks.front(), self.chunks.back()) else {
            return false;
        };
        let us = last.first_arrival_us - first.first_arrival_us;
        // The chunk that would go counts: what stays must still be enough.
        let stays = self.packets - first.packets;
        self.chunks.len() > 1
            && (stays >= MAX_PACKETS || us > MAX_US || (stays >= MIN_PACKETS && us > MIN_US))
    }
}

/// Bits per second, over a millisecond at least.
pub(super) fn rate(bytes: u64, us: i64) -> u32 {
    let bps = bytes * 8 * 1_000_000 / us.max(1_000) as u64;
    u32::try_from(bps).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn about(actual: u32, expected: f64) -> bool {
        (f64::from(actual) / expected - 1.0).abs() < 0.05
    }

    #[test]
    fn measures_a_steady_stream() {
        let mut throughput = Throughput::default();
        for n in 0..9 {
            throughput.add(n * 10_000, n * 10_000, 1250);
        }
        assert_eq!(throughput.bps(), 0, "too little");
        for n in 9..300 {
            throughput.add(n * 10_000, n * 10_000, 1250);
        }
        assert!(about(throughput.bps(), 1e6), "{}", throughput.bps());
        assert!(throughput.chunks.len() < 220);
    }

    #[test]
    fn a_pause_is_not_a_rate() {
        let mut throughput = Throughput::default();
        for n in 0..200 {
            let pause_us = if n >= 190 { 800_000 } else { 0 };
            let at_us = n * 10_000 + pause_us;
            throughput.add(at_us, at_us, 1250);
        }
        // Of two pauses, in sending and arrival, only the arrival's is taken out.
        assert!(throughput.bps() < 1_000_000);
        let mut held = Throughput::default();
        for n in 0..200 {
            // The path held everything for 500 ms, then went on where it was.
            let held_us = if n >= 150 { 500_000 } else { 0 };
            held.add(n * 10_000, n * 10_000 + held_us, 1250);
        }
        assert!(about(held.bps(), 1e6), "{}", held.bps());
    }

    #[test]
    fn the_slower_end_counts() {
        let mut throughput = Throughput::default();
        for n in 0..300 {
            // Sent at 2 Mbit/s, received at 1.
            throughput.add(n * 5_000, n * 10_000, 1250);
        }
        assert!(about(throughput.bps(), 1e6), "{}", throughput.bps());
        for n in 0..300 {
            throughput.add(1_500_000 + n * 10_000, 3_000_000 + n * 5_000, 1250);
        }
        assert!(about(throughput.bps(), 1e6), "{}", throughput.bps());
    }

    proptest! {
        #[test]
        fn memory_is_bounded_whatever_the_times(packets in prop::collection::vec((0i64..1 << 40, -(1i64 << 40)..1 << 40, 0u32..1500), 0..2_000), steady in 1i64..20_000) {
            let mut throughput = Throughput::default();
            for (n, (sent, arrival, size)) in packets.into_iter().enumerate() {
                throughput.add(sent, arrival, size);
                throughput.add(n as i64 * steady, n as i64 * steady, size);
                prop_assert!(throughput.chunks.len() <= MAX_PACKETS as usize + 1);
                let packets: u32 = throughput.chunks.iter().map(|chunk| chunk.packets).sum();
                prop_assert_eq!(packets, throughput.packets);
                throughput.bps();
            }
        }
    }
}
