//! What a receiver believes that its path carries (draft-alvestrand-rmcat-remb-03), by streams.
//!
//! An estimate is for the streams that it names. Most receivers make one for all they get; those
//! with an estimator for each m-line tell of each alone, and what they can be sent is the sum.

/// Estimates that are kept of one receiver, and streams of each that tell it from others.
const MAX_ESTIMATES: usize = 16;
const MAX_STREAMS: usize = 16;
/// Receivers repeat theirs each second while anything comes.
const VALID_US: i64 = 3_000_000;

#[derive(Debug)]
struct Estimate {
    streams: Vec<u32>,
    bps: u64,
    told_us: i64,
}

/// The latest of each set of streams.
#[derive(Debug, Default)]
pub(super) struct Estimates(Vec<Estimate>);

impl Estimates {
    /// Takes one, instead of all that share a stream with it, and gives the sum in bit/s. One that
    /// names no stream is for all.
    pub(super) fn take(
        &mut self,
        bps: u64,
        streams: impl Iterator<Item = u32>,
        now_us: i64,
    ) -> u64 {
        let streams: Vec<u32> = streams.take(MAX_STREAMS).collect();
        self.0.retain(|each| {
            now_us - each.told_us < VALID_US
                && !streams.is_empty()
                && !each.streams.is_empty()
                && !each.streams.iter().any(|ssrc| streams.contains(ssrc))
        });
        if self.0.len() == MAX_ESTIMATES {
            self.0.remove(0);
        }
        let told_us = now_us;
        self.0.push(Estimate {
            streams,
            bps,
            told_us,
        });
        self.0
            .iter()
            .fold(0, |sum, each| each.bps.saturating_add(sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_on_a_stream_counts_and_others_are_added() {
        let mut all = Estimates::default();
        let mut take = |bps, streams: &[u32], at| all.take(bps, streams.iter().copied(), at);
        assert_eq!(take(300_000, &[1, 2, 3], 0), 300_000);
        assert_eq!(take(200_000, &[3, 4], 1_000_000), 200_000);
        assert_eq!(take(50_000, &[5], 2_000_000), 250_000);
        assert_eq!(take(70_000, &[5], 3_000_000), 270_000);
        assert_eq!(
            take(60_000, &[5], 4_000_000),
            60_000,
            "the other one is old"
        );
        assert_eq!(take(90_000, &[], 4_000_000), 90_000);
        assert_eq!(take(80_000, &[6], 4_500_000), 80_000);
    }

    #[test]
    fn absurd_ones_end_somewhere() {
        let mut all = Estimates::default();
        for ssrc in 0..1000 {
            all.take(u64::MAX / 2, ssrc..ssrc + 300, 0);
            all.take(u64::MAX / 2, std::iter::once(1_000_000 + ssrc), 0);
        }
        assert_eq!(all.take(1, std::iter::once(7), 0), u64::MAX);
        assert!(all.0.len() <= MAX_ESTIMATES);
        assert!(all.0.iter().all(|each| each.streams.len() <= MAX_STREAMS));
    }
}
