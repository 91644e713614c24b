//! One-way delay above its least of the last hundred seconds.
//!
//! Both clocks run freely, so the delay itself means nothing; its least stands for an
//! empty path. They drift apart as well, by 100 ppm at the worst: in ten minutes, for which
//! SCReAM remembers the least, that would look like a queue of 60 ms; this way it is 10.

/// Length of one bucket.
const BUCKET_US: i64 = 10_000_000;
/// Buckets kept.
const BUCKETS: usize = 10;

/// The windowed minimum.
#[derive(Debug, Default)]
pub(super) struct BaseDelay {
    /// The newest last.
    least: [Option<i64>; BUCKETS],
    since_us: i64,
}

impl BaseDelay {
    /// Takes the delay of a packet, arrival less sending; gives how far it is above the least.
    pub(super) fn above(&mut self, delay_us: i64, now_us: i64) -> u32 {
        let mut passed = (now_us - self.since_us) / BUCKET_US;
        if passed > 0 {
            self.since_us += passed * BUCKET_US;
            passed = passed.min(BUCKETS as i64);
            self.least.rotate_left(passed as usize);
            self.least[BUCKETS - passed as usize..].fill(None);
        }
        let newest = &mut self.least[BUCKETS - 1];
        *newest = Some(newest.map_or(delay_us, |least| least.min(delay_us)));
        let base = self.least.iter().flatten().min().copied();
        let above = delay_us - base.unwrap_or(delay_us);
        above.clamp(0, i64::from(u32::MAX)) as u32
    }

    /// Another path or clock.
    pub(super) fn reset(&mut self) {
        self.least = [None; BUCKETS];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_drift_apart_do_not_look_like_a_queue() {
        let mut base = BaseDelay::default();
        let seconds = 0..3_600;
        let most = seconds.map(|n| base.above(n * 100, n * 1_000_000)).max();
        assert!(most <= Some(10_000), "{most:?}");
    }

    #[test]
    fn the_least_is_forgotten_after_a_while() {
        let mut base = BaseDelay::default();
        let start = 7 * BUCKET_US + 5;
        assert_eq!(base.above(-5_000, start), 0);
        assert_eq!(base.above(-4_000, start), 1_000);
        for n in 1..10 {
            assert_eq!(base.above(0, start + n * BUCKET_US), 5_000, "bucket {n}");
        }
        assert_eq!(base.above(1_000, start + 10 * BUCKET_US), 1_000);
        assert_eq!(
            base.above(90_000, start + 500 * BUCKET_US),
            0,
            "after a long silence"
        );
        base.reset();
        assert_eq!(base.above(100_000, start + 500 * BUCKET_US), 0);
    }
}
