//! Receivers' clocks, which wrap, without an end.

/// A step beyond this is another clock.
const MAX_STEP_US: i64 = 3_600_000_000;

/// Makes the times of successive reports comparable.
#[derive(Debug, Default)]
pub(super) struct ArrivalClock {
    wrap_us: i64,
    /// The last report's time, in full and as it was written.
    last: Option<(i64, i64)>,
}

impl ArrivalClock {
    /// A report was made at a time that wraps at `wrap_us`. Gives whether that has nothing to
    /// do with the times of before.
    pub(super) fn advance(&mut self, time_us: i64, wrap_us: i64) -> bool {
        let last = self.last.filter(|_| self.wrap_us == wrap_us);
        let is_first = self.last.is_none();
        self.wrap_us = wrap_us;
        let Some((full_us, _)) = last else {
            self.last = Some((time_us, time_us));
            return !is_first;
        };
        let ahead_us = (time_us - full_us).rem_euclid(wrap_us);
        let step_us = if ahead_us >= wrap_us / 2 {
            ahead_us - wrap_us
        } else {
            ahead_us
        };
        let is_other = step_us.abs() > MAX_STEP_US;
        let full_us = if is_other { time_us } else { full_us + step_us };
        self.last = Some((full_us, time_us));
        is_other
    }

    /// What is to be added to the times of the last report.
    pub(super) fn shift_us(&self) -> i64 {
        self.last.map_or(0, |(full_us, time_us)| full_us - time_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WRAP_US: i64 = 1 << 30;

    #[test]
    fn another_clock_is_noticed() {
        let mut clock = ArrivalClock::default();
        assert!(!clock.advance(5, WRAP_US * 64), "the first");
        assert!(clock.advance(5 + MAX_STEP_US + 1, WRAP_US * 64));
        assert_eq!(clock.shift_us(), 0);
        assert!(clock.advance(7, WRAP_US), "another kind of report");
    }

    proptest! {
        #[test]
        fn follows_any_walk(steps in prop::collection::vec(-1_000_000i64..WRAP_US / 2 - 1, 1..200)) {
            let mut clock = ArrivalClock::default();
            let mut full_us = WRAP_US / 2;
            clock.advance(full_us, WRAP_US);
            for step_us in steps {
                full_us += step_us;
                let written_us = full_us.rem_euclid(WRAP_US);
                prop_assert!(!clock.advance(written_us, WRAP_US));
                prop_assert_eq!(written_us + clock.shift_us(), full_us);
            }
        }
    }
}
