//! Receiver statistics of one stream (RFC 3550 §6.4.1, App. A.3 and A.8).

use crate::rtcp::ReportBlock;
use crate::upload::counted;

/// What a stream brought in the last second or so.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Bits per second, as on the wire; of pictures what counts as [`upload`](crate::upload).
    pub bps: u32,
    /// Frames per second; packets per second for sound.
    pub fps: f32,
}

/// Shorter windows say nothing: a keyframe alone would look like the rate of a stream.
const MIN_WINDOW_US: i64 = 500_000;

/// A change of transit time beyond this is another clock, not jitter; in seconds.
const STRANGE_S: i64 = 5;

/// The account of one received stream.
#[derive(Clone, Debug)]
pub struct Reception {
    clock_rate: u32,
    first: Option<u64>,
    highest: u64,
    received: u64,
    reported_expected: u64,
    reported_received: u64,
    transit: Option<i64>,
    /// In timestamp units, 4 fractional bits, as in App. A.8.
    jitter: i64,
    sender_report: Option<(u32, i64)>,
    window_us: Option<i64>,
    window_bytes: u64,
    window_frames: u32,
}

impl Reception {
    /// An account that counts in timestamp units of `clock_rate` per second.
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            first: None,
            highest: 0,
            received: 0,
            reported_expected: 0,
            reported_received: 0,
            transit: None,
            jitter: 0,
            sender_report: None,
            window_us: None,
            window_bytes: 0,
            window_frames: 0,
        }
    }

    /// A packet that was received for the first time, not by retransmission; `len` as on the wire.
    pub fn on_packet(
        &mut self,
        sequence: u64,
        timestamp: u32,
        marker: bool,
        len: usize,
        now_us: i64,
    ) {
        self.first = Some(self.first.map_or(sequence, |first| first.min(sequence)));
        self.highest = self.highest.max(sequence);
        self.received += 1;
        let is_video = self.clock_rate == 90_000;
        self.window_bytes += if is_video { counted(len) } else { len } as u64;
        self.window_frames += u32::from(marker || !is_video);
        self.window_us.get_or_insert(now_us);
        let arrival = (i128::from(now_us) * i128::from(self.clock_rate) / 1_000_000) as i64;
        let transit = i64::from((arrival as u32).wrapping_sub(timestamp) as i32);
        if let Some(last) = self.transit.replace(transit) {
            // The difference of two 32-bit clocks wraps like they do.
            let difference = i64::from((transit as i32).wrapping_sub(last as i32)).abs();
            // A source that begins anew must not look like seconds of jitter for long after.
            if difference < STRANGE_S * i64::from(self.clock_rate) {
                self.jitter += difference - ((self.jitter + 8) >> 4);
            }
        }
    }

    /// A sender report on this stream has come.
    pub fn on_sender_report(&mut self, ntp: u64, now_us: i64) {
        self.sender_report = Some(((ntp >> 16) as u32, now_us));
    }

    /// The block for the next receiver report; `None` before the first packet.
    pub fn report_block(&mut self, ssrc: u32, now_us: i64) -> Option<ReportBlock> {
        let first = self.first?;
        let expected = self.highest - first + 1;
        let expected_now = expected.saturating_sub(self.reported_expected);
        let received_now = self.received - self.reported_received;
        self.reported_expected = expected;
        self.reported_received = self.received;
        let lost_now = expected_now.saturating_sub(received_now);
        let fraction = (lost_now * 256)
            .checked_div(expected_now)
            .unwrap_or(0)
            .min(255);
        let lost = expected as i64 - self.received as i64;
        let (last_sr, delay_since_sr) = match self.sender_report {
            Some((middle, at_us)) => (
                middle,
                ((now_us - at_us).max(0) as u64 * 65_536 / 1_000_000) as u32,
            ),
            None => (0, 0),
        };
        Some(ReportBlock {
            ssrc,
            fraction_lost: fraction as u8,
            cumulative_lost: lost.clamp(-0x80_0000, 0x7f_ffff) as i32,
            // Our unwrapping begins one turn up; the receiver's cycles begin at zero.
            highest_seq: self.highest.wrapping_sub(0x1_0000) as u32,
            jitter: (self.jitter >> 4) as u32,
            last_sr,
            delay_since_sr,
        })
    }

    /// Rates since the last call; nothing, and no new window, before there is enough to tell.
    pub fn rates(&mut self, now_us: i64) -> Rates {
        let Some(since_us) = self.window_us else {
            return Rates::default();
        };
        if now_us - since_us < MIN_WINDOW_US {
            return Rates::default();
        }
        let span_us = (now_us - since_us) as u64;
        let bps = (self.window_bytes * 8_000_000 / span_us).min(u64::from(u32::MAX)) as u32;
        let fps = self.window_frames as f32 * 1e6 / span_us as f32;
        self.window_us = Some(now_us);
        self.window_bytes = 0;
        self.window_frames = 0;
        Rates { bps, fps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_loss_per_interval_and_in_all() {
        let mut reception = Reception::new(90_000);
        assert_eq!(reception.report_block(1, 0), None);
        for n in (0..100).filter(|n| n % 4 != 1) {
            reception.on_packet(0x1_0000 + n, 0, false, 100, 0);
        }
        let block = reception.report_block(1, 0).expect("received");
        assert_eq!(
            (
                block.fraction_lost,
                block.cumulative_lost,
                block.highest_seq
            ),
            (64, 25, 99)
        );
        for n in 100..200 {
            reception.on_packet(0x1_0000 + n, 0, false, 100, 0);
        }
        let block = reception.report_block(1, 0).expect("received");
        assert_eq!((block.fraction_lost, block.cumulative_lost), (0, 25));
    }

    #[test]
    fn a_steady_stream_has_no_jitter() {
        let mut reception = Reception::new(90_000);
        for n in 0..100u32 {
            reception.on_packet(
                u64::from(n),
                n.wrapping_mul(3000).wrapping_add(u32::MAX - 9000),
                true,
                1000,
                i64::from(n) * 1_000_000 / 30,
            );
        }
        assert!(reception.report_block(1, 0).expect("received").jitter <= 1);
        let rates = reception.rates(3_300_000);
        assert!(
            (rates.fps - 30.3).abs() < 0.5 && (rates.bps as i64 - 242_424).abs() < 3_000,
            "{rates:?}"
        );
        assert_eq!(reception.rates(4_300_000), Rates::default());
    }

    #[test]
    fn jitter_is_smoothed_and_a_jump_of_timestamps_is_none() {
        let mut reception = Reception::new(90_000);
        // Every other packet 10 ms late: transit times differ by 900 units each time.
        for n in 0..200u32 {
            let late_us = i64::from(n % 2) * 10_000;
            let now_us = i64::from(n) * 20_000 + late_us;
            reception.on_packet(u64::from(n), n * 1_800, true, 100, now_us);
        }
        let before = reception.report_block(1, 0).expect("received").jitter;
        assert!((880..=900).contains(&before), "{before}");
        reception.on_packet(200, 200 * 1_800 + 3_000_000_000, true, 100, 4_000_000);
        reception.on_packet(201, 201 * 1_800 + 3_000_000_000, true, 100, 4_030_000);
        let after = reception.report_block(1, 0).expect("received").jitter;
        assert!(before.abs_diff(after) < 60, "{before} {after}");
    }

    #[test]
    fn what_is_repeated_more_than_lost_counts_below_zero() {
        let mut reception = Reception::new(48_000);
        for _ in 0..10 {
            reception.on_packet(0x1_0000, 0, true, 100, 0);
        }
        let block = reception.report_block(1, 0).expect("received");
        assert_eq!((block.fraction_lost, block.cumulative_lost), (0, -9));
    }

    #[test]
    fn tells_the_age_of_the_last_sender_report() {
        let mut reception = Reception::new(90_000);
        reception.on_packet(0x1_0000, 0, false, 100, 0);
        reception.on_sender_report(0x1234_5678_9abc_def0, 1_000_000);
        let block = reception.report_block(1, 1_500_000).expect("received");
        assert_eq!((block.last_sr, block.delay_since_sr), (0x5678_9abc, 32_768));
    }

    proptest! {
        #[test]
        fn any_packets_are_survived(packets in prop::collection::vec((0u64..1 << 40, any::<u32>(), any::<bool>(), 0usize..3000, 0i64..1 << 50), 0..50)) {
            let mut reception = Reception::new(48_000);
            for (sequence, timestamp, marker, len, now_us) in packets {
                reception.on_packet(sequence + 0x1_0000, timestamp, marker, len, now_us);
                let _ = (reception.report_block(1, now_us), reception.rates(now_us));
            }
        }
    }
}
