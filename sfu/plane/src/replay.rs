//! The replay window of one protected stream (RFC 3711 §3.3.2).

/// Indices remembered behind the highest; twice the least that the RFC asks for.
pub const WINDOW: u64 = 128;

/// Which packet indices have been authenticated already.
///
/// Ask [`Window::is_fresh`] before the authentication, call [`Window::accept`]
/// only after it: else a forged packet could shut out the true one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    highest: u64,
    /// Bit n is set when `highest - n` was accepted.
    seen: u128,
}

impl Window {
    /// A window whose first accepted packet was `index`.
    pub fn starting_at(index: u64) -> Self {
        Self {
            highest: index,
            seen: 1,
        }
    }

    /// The highest index accepted so far.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// Whether `index` was neither accepted before nor is too old to tell.
    pub fn is_fresh(&self, index: u64) -> bool {
        match self.highest.checked_sub(index) {
            None => true,
            Some(age) => age < WINDOW && self.seen & (1 << age) == 0,
        }
    }

    /// Remembers `index`; one that is too old changes nothing.
    pub fn accept(&mut self, index: u64) {
        if index > self.highest {
            let advance = index - self.highest;
            self.seen = if advance < WINDOW {
                self.seen << advance
            } else {
                0
            };
            self.seen |= 1;
            self.highest = index;
        } else if self.highest - index < WINDOW {
            self.seen |= 1 << (self.highest - index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_oldest_of_the_window_is_still_told_apart() {
        let mut window = Window::starting_at(1_000);
        window.accept(1_000 + WINDOW - 1);
        assert!(!window.is_fresh(1_000));
        assert!(window.is_fresh(1_001));
        window.accept(1_000 + WINDOW);
        assert!(
            !window.is_fresh(1_000),
            "too old to tell counts as replayed"
        );
        assert!(window.is_fresh(1_001));
    }

    #[test]
    fn a_leap_forgets_everything_before() {
        let mut window = Window::starting_at(5);
        window.accept(5 + 10 * WINDOW);
        assert!(!window.is_fresh(5));
        assert!(!window.is_fresh(5 + 9 * WINDOW), "outside the window");
        assert!(window.is_fresh(5 + 10 * WINDOW - 1));
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(start in 0u64..500, steps in prop::collection::vec(0u64..800, 1..300)) {
            let mut window = Window::starting_at(start);
            let mut accepted = BTreeSet::from([start]);
            for index in steps {
                let highest = *accepted.last().unwrap();
                let expected = !accepted.contains(&index) && index + WINDOW > highest;
                prop_assert_eq!(window.is_fresh(index), expected);
                if expected {
                    window.accept(index);
                    accepted.insert(index);
                }
                prop_assert_eq!(window.highest(), *accepted.last().unwrap());
            }
        }
    }
}
