//! Latencies in buckets of about one percent, so that a quantile needs no samples.

/// Buckets per doubling, a power of two.
const PER_OCTAVE: u64 = 64;
const OCTAVE_BITS: u32 = PER_OCTAVE.trailing_zeros();
const BUCKETS: usize = (PER_OCTAVE * (64 - OCTAVE_BITS as u64 + 1)) as usize;

/// Counts of durations in nanoseconds.
#[derive(Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    largest: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            total: 0,
            largest: 0,
        }
    }
}

impl Histogram {
    /// Takes one duration in.
    #[inline]
    pub fn record(&mut self, ns: u64) {
        self.counts[bucket(ns)] += 1;
        self.total += 1;
        self.largest = self.largest.max(ns);
    }

    /// How many durations were taken.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The longest duration, exactly.
    pub fn largest(&self) -> u64 {
        self.largest
    }

    /// The duration that a share (0 to 1) of all does not exceed; 0 without any.
    pub fn quantile(&self, share: f64) -> u64 {
        let rank = (share * self.total as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        for (index, count) in self.counts.iter().enumerate() {
            below += count;
            if below >= rank {
                return upper_end(index).min(self.largest);
            }
        }
        self.largest
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
        self.largest = 0;
    }
}

#[inline]
fn bucket(ns: u64) -> usize {
    if ns < PER_OCTAVE {
        return ns as usize;
    }
    let shift = 63 - ns.leading_zeros() - OCTAVE_BITS;
    (u64::from(shift) * PER_OCTAVE + (ns >> shift)) as usize
}

/// The largest duration that falls into a bucket.
fn upper_end(index: usize) -> u64 {
    let index = index as u64;
    if index < 2 * PER_OCTAVE {
        return index;
    }
    let shift = index / PER_OCTAVE - 1;
    ((u128::from(index - shift * PER_OCTAVE + 1) << shift) - 1).min(u128::from(u64::MAX)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_of_a_known_row() {
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|n| histogram.record(n * 1000));
        let near = |share, expected: f64| {
            let got = histogram.quantile(share) as f64;
            assert!((got / expected - 1.0).abs() < 0.02, "{share}: {got}");
        };
        near(0.5, 500_000.0);
        near(0.99, 990_000.0);
        assert_eq!(histogram.quantile(1.0), 1_000_000);
        assert_eq!(histogram.largest(), 1_000_000);
        histogram.clear();
        assert_eq!((histogram.quantile(0.5), histogram.total()), (0, 0));
    }

    proptest! {
        #[test]
        fn a_bucket_holds_what_falls_into_it(ns: u64) {
            let index = bucket(ns);
            prop_assert!(index < BUCKETS);
            let end = upper_end(index);
            prop_assert!(end >= ns, "{} {}", ns, end);
            prop_assert!(end - ns <= ns / 32, "{} {}", ns, end);
            prop_assert!(index == 0 || upper_end(index - 1) < ns);
        }
    }
}
