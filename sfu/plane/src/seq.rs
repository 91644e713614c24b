//! Serial arithmetic: 16-bit numbers that wrap (RFC 1982, RFC 3550 App. A.1).

/// Whether `a` is ahead of `b`; half the range decides.
#[inline]
pub fn newer(a: u16, b: u16) -> bool {
    a != b && a.wrapping_sub(b) < 0x8000
}

/// Makes 64-bit numbers of 16-bit ones that wrap and arrive out of order.
///
/// The first is taken one turn above its value, so that packets reordered before
/// it do not fall below zero.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrapper {
    last: Option<u64>,
}

impl Unwrapper {
    /// The number in full: the one nearest to the last.
    #[inline]
    pub fn unwrap(&mut self, sequence: u16) -> u64 {
        let Some(last) = self.last else {
            let first = u64::from(sequence) + 0x1_0000;
            self.last = Some(first);
            return first;
        };
        let step = sequence.wrapping_sub(last as u16) as i16;
        // Far below the first there is nothing sensible: stay at the bottom turn.
        let full = last
            .checked_add_signed(i64::from(step))
            .unwrap_or(u64::from(sequence));
        self.last = Some(full.max(last));
        full
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wraps_in_both_directions() {
        let mut unwrapper = Unwrapper::default();
        assert_eq!(unwrapper.unwrap(0), 0x1_0000);
        assert_eq!(unwrapper.unwrap(0xffff), 0xffff);
        assert_eq!(unwrapper.unwrap(1), 0x1_0001);
        let mut unwrapper = Unwrapper::default();
        assert_eq!(unwrapper.unwrap(0xffff), 0x1_ffff);
        assert_eq!(unwrapper.unwrap(0), 0x2_0000);
    }

    proptest! {
        #[test]
        fn follows_any_walk_with_steps_below_half_the_range(start: u16, steps in prop::collection::vec(0u16..0x7fff, 0..100)) {
            let mut unwrapper = Unwrapper::default();
            let mut full = unwrapper.unwrap(start);
            for step in steps {
                full += u64::from(step);
                prop_assert_eq!(unwrapper.unwrap(full as u16), full);
            }
        }

        #[test]
        fn exactly_one_of_two_is_newer(a: u16, b: u16) {
            prop_assume!(a != b && a.wrapping_sub(b) != 0x8000);
            prop_assert!(newer(a, b) != newer(b, a));
        }
    }
}
