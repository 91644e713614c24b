//! What was sent within the last second.

/// A second and a bit is so many spans of 65.5 ms.
const SPANS: usize = 16;
const SPAN_BITS: u32 = 16;

/// Totals as they were when each of the latest spans of time began.
#[derive(Debug, Default)]
pub(super) struct Lately {
    begun: [u64; SPANS],
    span: i64,
}

impl Lately {
    /// So many bytes had been sent by then; to be told with each packet.
    #[inline]
    pub(super) fn note(&mut self, total: u64, now_us: i64) {
        let span = now_us >> SPAN_BITS;
        let first = (self.span + 1).max(span - SPANS as i64 + 1);
        for each in first..=span {
            self.begun[each as usize % SPANS] = total;
        }
        self.span = self.span.max(span);
    }

    /// Of this total, what was sent within the last second or, at the most, 50 ms more.
    pub(super) fn bytes(&self, total: u64) -> u64 {
        total.saturating_sub(self.begun[(self.span + 1) as usize % SPANS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_counts_and_what_was_before_does_not() {
        let (mut lately, mut total) = (Lately::default(), 0);
        for millisecond in 0..10_000 {
            lately.note(total, millisecond * 1_000);
            total += 125;
            let seen = lately.bytes(total);
            let least = 125 * (millisecond as u64 + 1).min(980);
            assert!((least..=131_200).contains(&seen), "{millisecond}: {seen}");
        }
        lately.note(total, 30_000_000);
        assert_eq!(lately.bytes(total), 0);
        lately.note(total, 29_000_000);
        assert_eq!(lately.bytes(total + 1), 1, "time never runs back");
    }
}
