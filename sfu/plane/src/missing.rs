//! Holes in a received stream: what to ask for again, how often, and when to stop
//! (RFC 4585 §6.2.1). The pace follows what senders of WebRTC are used to: at once
//! after a little patience for reordering, then once per round trip, ten times.

use std::collections::VecDeque;

/// Patience for packets that were merely reordered.
const REORDER_US: i64 = 5_000;
/// Never asked for again sooner than this.
const MIN_RETRY_US: i64 = 20_000;
const MAX_TRIES: u8 = 10;
const GIVE_UP_US: i64 = 1_000_000;
/// Holes kept; more than that is no repair but a new start.
const MAX_HOLES: usize = 512;
/// Numbers behind the highest whose arrival is remembered, a multiple of 64.
const WINDOW: u64 = 2048;

/// What a packet's number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Ahead of everything before it.
    New,
    /// It fills a hole.
    Late,
    /// It came before, or is too old to tell.
    Duplicate,
}

#[derive(Clone, Copy, Debug)]
struct Hole {
    sequence: u64,
    noticed_us: i64,
    asked_us: i64,
    tries: u8,
}

/// The holes of one stream.
#[derive(Clone, Debug, Default)]
pub struct Missing {
    highest: Option<u64>,
    /// Numbers below may have come before a jump made us forget it.
    lowest: u64,
    /// One bit per number of the window: whether it has come.
    seen: [u64; (WINDOW / 64) as usize],
    holes: VecDeque<Hole>,
    gave_up: bool,
}

impl Missing {
    /// Takes a number in; those between the highest and it become holes.
    pub fn on_packet(&mut self, sequence: u64, now_us: i64) -> Arrival {
        let Some(highest) = self.highest else {
            self.restart(sequence);
            return Arrival::New;
        };
        if sequence <= highest {
            return self.fill(sequence, highest);
        }
        let gap = sequence - highest - 1;
        if gap >= MAX_HOLES as u64 {
            self.gave_up = true;
            self.restart(sequence);
            self.lowest = sequence;
            return Arrival::New;
        }
        for hole in highest + 1..sequence {
            self.mark(hole, false);
            self.holes.push_back(Hole {
                sequence: hole,
                noticed_us: now_us,
                asked_us: 0,
                tries: 0,
            });
        }
        while self.holes.len() > MAX_HOLES {
            self.holes.pop_front();
            self.gave_up = true;
        }
        self.mark(sequence, true);
        self.highest = Some(sequence);
        Arrival::New
    }

    /// Appends the numbers to ask for now, in ascending order.
    pub fn due(&mut self, now_us: i64, round_trip_us: i64, out: &mut Vec<u16>) {
        let retry_us = round_trip_us.max(MIN_RETRY_US);
        let gave_up = &mut self.gave_up;
        self.holes.retain(|hole| {
            let keep = hole.tries < MAX_TRIES && now_us - hole.noticed_us <= GIVE_UP_US;
            *gave_up |= !keep;
            keep
        });
        for hole in &mut self.holes {
            let due_us = if hole.tries == 0 {
                hole.noticed_us + REORDER_US
            } else {
                hole.asked_us + retry_us
            };
            if now_us >= due_us {
                hole.tries += 1;
                hole.asked_us = now_us;
                out.push(hole.sequence as u16);
            }
        }
    }

    /// Forgets the holes before a number: a keyframe has made them pointless.
    pub fn skip_before(&mut self, sequence: u64) {
        self.holes.retain(|hole| hole.sequence >= sequence);
        self.gave_up = false;
    }

    /// Whether there are holes to ask for.
    pub fn is_waiting(&self) -> bool {
        !self.holes.is_empty()
    }

    /// Whether something was given up since the last call: only a keyframe helps.
    pub fn gave_up(&mut self) -> bool {
        std::mem::take(&mut self.gave_up)
    }

    fn fill(&mut self, sequence: u64, highest: u64) -> Arrival {
        if sequence < self.lowest || highest - sequence >= WINDOW || self.has_seen(sequence) {
            return Arrival::Duplicate;
        }
        self.mark(sequence, true);
        if let Ok(at) = self
            .holes
            .binary_search_by_key(&sequence, |hole| hole.sequence)
        {
            self.holes.remove(at);
        }
        Arrival::Late
    }

    /// The stream begins here. What came before the first packet may still arrive and counts as late.
    fn restart(&mut self, sequence: u64) {
        self.holes.clear();
        self.seen = [0; (WINDOW / 64) as usize];
        self.mark(sequence, true);
        self.highest = Some(sequence);
    }

    fn has_seen(&self, sequence: u64) -> bool {
        let bit = sequence % WINDOW;
        self.seen[(bit / 64) as usize] >> (bit % 64) & 1 != 0
    }

    fn mark(&mut self, sequence: u64, seen: bool) {
        let bit = sequence % WINDOW;
        let word = &mut self.seen[(bit / 64) as usize];
        *word = *word & !(1 << (bit % 64)) | u64::from(seen) << (bit % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn due(missing: &mut Missing, now_us: i64) -> Vec<u16> {
        let mut out = Vec::new();
        missing.due(now_us, 50_000, &mut out);
        out
    }

    #[test]
    fn asks_after_a_little_patience_and_once_per_round_trip() {
        let mut missing = Missing::default();
        missing.on_packet(100_000, 0);
        missing.on_packet(100_003, 0);
        assert!(due(&mut missing, 1_000).is_empty());
        assert_eq!(
            due(&mut missing, 6_000),
            [100_001u64 as u16, 100_002u64 as u16]
        );
        assert!(due(&mut missing, 30_000).is_empty());
        assert_eq!(missing.on_packet(100_001, 30_000), Arrival::Late);
        assert_eq!(missing.on_packet(100_001, 30_000), Arrival::Duplicate);
        assert_eq!(due(&mut missing, 60_000), [100_002u64 as u16]);
    }

    #[test]
    fn gives_up_and_says_so_once() {
        let mut missing = Missing::default();
        missing.on_packet(70_000, 0);
        missing.on_packet(70_002, 0);
        let tries: usize = (0..40).map(|n| due(&mut missing, n * 60_000).len()).sum();
        assert_eq!(tries, MAX_TRIES as usize);
        assert!(!missing.is_waiting());
        assert!(missing.gave_up());
        assert!(!missing.gave_up());
    }

    #[test]
    fn a_jump_is_a_new_start() {
        let mut missing = Missing::default();
        missing.on_packet(70_000, 0);
        assert_eq!(missing.on_packet(90_000, 0), Arrival::New);
        assert!(!missing.is_waiting() && missing.gave_up());
    }

    proptest! {
        #[test]
        fn never_asks_for_what_came_and_stays_small(order in prop::collection::vec(0u64..900, 1..600)) {
            let mut missing = Missing::default();
            let mut came = std::collections::HashSet::new();
            for (n, step) in order.into_iter().enumerate() {
                let sequence = 70_000 + step;
                let arrival = missing.on_packet(sequence, n as i64 * 1_000);
                prop_assert!(arrival == Arrival::Duplicate || came.insert(sequence));
                came.insert(sequence);
                let asked = due(&mut missing, n as i64 * 1_000);
                prop_assert!(asked.iter().all(|asked| !came.contains(&(u64::from(*asked) + 0x1_0000))));
                prop_assert!(missing.holes.len() <= MAX_HOLES);
            }
        }
    }
}
