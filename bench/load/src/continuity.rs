//! Whether a stream's sequence numbers come once each, in order, and without holes.
//! Kept apart from the server's own bookkeeping, so that one checks the other.

use _plane::seq::Unwrapper;

/// Numbers behind the highest whose arrival is remembered, a multiple of 64.
const WINDOW: u64 = 4096;

/// The account of one stream.
#[derive(Clone, Debug)]
pub struct Continuity {
    unwrapper: Unwrapper,
    first: u64,
    highest: Option<u64>,
    seen: Box<[u64]>,
    received: u64,
    duplicates: u64,
    late: u64,
}

impl Default for Continuity {
    fn default() -> Self {
        Self {
            unwrapper: Unwrapper::default(),
            first: 0,
            highest: None,
            seen: vec![0; (WINDOW / 64) as usize].into(),
            received: 0,
            duplicates: 0,
            late: 0,
        }
    }
}

impl Continuity {
    /// Takes a number in and gives it in full.
    pub fn on_sequence(&mut self, sequence: u16) -> u64 {
        let number = self.unwrapper.unwrap(sequence);
        match self.highest {
            None => {
                self.first = number;
                self.highest = Some(number);
            }
            Some(highest) if number > highest => {
                for between in (highest + 1..number).take(WINDOW as usize) {
                    self.mark(between, false);
                }
                self.highest = Some(number);
            }
            Some(highest) => {
                if highest - number >= WINDOW || number < self.first || self.has_seen(number) {
                    self.duplicates += 1;
                    return number;
                }
                self.late += 1;
            }
        }
        self.mark(number, true);
        self.received += 1;
        number
    }

    /// Whether a number is a hole now.
    pub fn lacks(&self, sequence: u16) -> bool {
        let number = self.unwrapper.clone().unwrap(sequence);
        self.highest.is_some_and(|highest| {
            number < highest
                && highest - number < WINDOW
                && number > self.first
                && !self.has_seen(number)
        })
    }

    /// Numbers from the first to the highest.
    pub fn expected(&self) -> u64 {
        self.highest.map_or(0, |highest| highest - self.first + 1)
    }

    /// Different numbers that have come.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Numbers that came again, or from before the beginning.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Numbers that came behind a higher one.
    pub fn late(&self) -> u64 {
        self.late
    }

    fn mark(&mut self, number: u64, seen: bool) {
        let (word, bit) = place(number);
        if seen {
            self.seen[word] |= bit;
        } else {
            self.seen[word] &= !bit;
        }
    }

    fn has_seen(&self, number: u64) -> bool {
        let (word, bit) = place(number);
        self.seen[word] & bit != 0
    }
}

fn place(number: u64) -> (usize, u64) {
    ((number % WINDOW / 64) as usize, 1 << (number % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn account(numbers: impl IntoIterator<Item = u16>) -> Continuity {
        let mut continuity = Continuity::default();
        for number in numbers {
            continuity.on_sequence(number);
        }
        continuity
    }

    #[test]
    fn a_whole_stream_has_no_holes() {
        let whole = account((0..200_000u32).map(|n| n as u16));
        assert_eq!((whole.expected(), whole.received()), (200_000, 200_000));
        assert_eq!((whole.duplicates(), whole.late()), (0, 0));
    }

    #[test]
    fn holes_repetitions_and_disorder_are_told_apart() {
        let mut some = account([65_534, 65_535, 2, 1, 1, 5]);
        assert_eq!((some.expected(), some.received()), (8, 5));
        assert_eq!((some.duplicates(), some.late()), (1, 1));
        assert!(some.lacks(0) && some.lacks(4) && !some.lacks(1) && !some.lacks(6));
        some.on_sequence(0);
        assert!(!some.lacks(0));
        assert_eq!((some.received(), some.late()), (6, 2));
    }

    #[test]
    fn the_window_forgets_what_it_held_a_turn_before() {
        let mut some = account((0..3 * WINDOW as u16).filter(|n| n % 7 != 3 || *n == 3));
        assert!(some.lacks(12_281) && !some.lacks(12_280));
        let before = some.received();
        some.on_sequence(10);
        assert_eq!((some.received(), some.duplicates()), (before, 1));
    }

    proptest! {
        #[test]
        fn counts_are_those_of_a_set(start: u16, steps in prop::collection::vec(0i64..40, 1..300)) {
            let mut continuity = Continuity::default();
            let first = i64::from(start) + 65_536;
            let mut at = first;
            continuity.on_sequence(start);
            let mut set = std::collections::BTreeSet::from([first]);
            let mut repeated = 0;
            for step in steps {
                at = (at + step - 15).max(first);
                continuity.on_sequence(at as u16);
                repeated += u64::from(!set.insert(at));
            }
            prop_assert_eq!(continuity.received(), set.len() as u64);
            prop_assert_eq!(continuity.duplicates(), repeated);
            prop_assert_eq!(continuity.expected() as i64, set.last().expect("one") - first + 1);
        }
    }
}
