//! Holes in a received stream: what to ask for again, how often, and when to stop
//! (RFC 4585 §6.2.1). The pace follows what senders of WebRTC are used to: at once
//! after a little patience for reordering, then once per round trip, ten times.

use std::collections::VecDeque;

/// Patience for packets that were merely reordered.
const REORDER_US: i64 = 5_000;
/// Never asked for again sooner than this, nor later for a longer round trip than that.
const MIN_RETRY_US: i64 = 20_000;
const MAX_RETRY_US: i64 = 1_000_000;
const MAX_TRIES: u8 = 10;
/// A hole is given up after so long, or so many round trips where those take longer.
const GIVE_UP_US: i64 = 1_000_000;
const GIVE_UP_ROUND_TRIPS: i64 = 3;
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
    /// As answers tell.
    round_trip_us: i64,
}

impl Missing {
    /// Takes a number in; those between the highest and it become holes.
    pub fn on_packet(&mut self, sequence: u64, now_us: i64) -> Arrival {
        let Some(highest) = self.highest else {
            self.restart(sequence);
            return Arrival::New;
        };
        if sequence <= highest {
            return self.fill(sequence, highest, now_us);
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

    /// Appends the numbers to ask for now, in ascending order: again once per round trip, which is as
    /// long as given or as answers take.
    pub fn due(&mut self, now_us: i64, round_trip_us: i64, out: &mut Vec<u16>) {
        let retry_us = round_trip_us.max(self.round_trip_us);
        let retry_us = retry_us.clamp(MIN_RETRY_US, MAX_RETRY_US);
        let give_up_us = GIVE_UP_US.max(GIVE_UP_ROUND_TRIPS * retry_us);
        let gave_up = &mut self.gave_up;
        self.holes.retain(|hole| {
            // The last request, too, has time for its answer.
            let is_open = hole.tries < MAX_TRIES || now_us - hole.asked_us < retry_us;
            let keep = is_open && now_us - hole.noticed_us <= give_up_us;
            *gave_up |= !keep;
            keep
        });
        for hole in &mut self.holes {
            let due_us = if hole.tries == 0 {
                hole.noticed_us + REORDER_US
            } else {
                hole.asked_us + retry_us
            };
            if now_us >= due_us && hole.tries < MAX_TRIES {
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

    fn fill(&mut self, sequence: u64, highest: u64, now_us: i64) -> Arrival {
        if sequence < self.lowest || highest - sequence >= WINDOW || self.has_seen(sequence) {
            return Arrival::Duplicate;
        }
        self.mark(sequence, true);
        let at = self
            .holes
            .binary_search_by_key(&sequence, |hole| hole.sequence);
        match at.map(|at| self.holes.remove(at)) {
            Ok(Some(hole)) if hole.tries > 0 => self.on_answer(now_us - hole.noticed_us),
            Ok(_) => {}
            Err(_) => self.on_late_answer(),
        }
        Arrival::Late
    }

    /// What has come was given up too soon, if it was not for a keyframe.
    fn on_late_answer(&mut self) {
        let longer_us = (2 * self.round_trip_us).max(GIVE_UP_US / i64::from(MAX_TRIES));
        self.round_trip_us = longer_us.min(MAX_RETRY_US);
    }

    /// What was asked for has come so long after it was noticed. The first request or its answer may
    /// have been lost, so less is believed at once and more by and by.
    fn on_answer(&mut self, after_us: i64) {
        let error_us = after_us - REORDER_US - self.round_trip_us;
        self.round_trip_us += error_us.min(error_us / 4);
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

    #[test]
    fn the_last_request_has_time_for_its_answer() {
        let mut missing = Missing::default();
        missing.on_packet(70_000, 0);
        missing.on_packet(70_002, 0);
        let asked = (0..).map(|n| 5_000 + n * 50_000);
        for now_us in asked.take(MAX_TRIES as usize) {
            assert_eq!(due(&mut missing, now_us), [70_001u64 as u16]);
        }
        assert!(due(&mut missing, 500_000).is_empty() && !missing.gave_up());
        assert!(due(&mut missing, 505_000).is_empty() && missing.gave_up());
    }

    /// Every tenth packet of a stream is lost and sent again when it is asked for, twenty seconds
    /// long; gives how often each was asked for in the last ten, and what was given up.
    fn lossy(round_trip_us: i64) -> (f64, usize) {
        let mut missing = Missing::default();
        let mut answers = VecDeque::new();
        let (mut asked, mut lost, mut given_up) = (0, 0, 0);
        for n in 0..2_000 {
            let now_us = n * 10_000;
            let is_late = n >= 1_000;
            if n % 10 != 5 {
                missing.on_packet(70_000 + n as u64, now_us);
            }
            lost += i32::from(is_late && n % 10 == 5);
            for number in due(&mut missing, now_us) {
                asked += i32::from(is_late);
                answers.push_back((now_us + round_trip_us, u64::from(number) + 0x1_0000));
            }
            while answers.front().is_some_and(|(at_us, _)| *at_us <= now_us) {
                let answer = answers.pop_front();
                answer.map(|(_, sequence)| missing.on_packet(sequence, now_us));
            }
            given_up += usize::from(missing.gave_up());
        }
        (f64::from(asked) / f64::from(lost), given_up)
    }

    #[test]
    fn answers_tell_the_round_trip() {
        for (round_trip_us, times, given_up) in
            [(20_000, 1.0, 0), (200_000, 2.0, 0), (800_000, 2.0, 20)]
        {
            let found = lossy(round_trip_us);
            assert!(
                found.0 <= times && found.1 <= given_up,
                "{round_trip_us}: {found:?}"
            );
        }
    }

    #[test]
    fn a_keyframe_makes_earlier_holes_pointless() {
        let mut missing = Missing::default();
        for sequence in [70_000, 70_002, 70_004] {
            missing.on_packet(sequence, 0);
        }
        missing.skip_before(70_002);
        assert_eq!(due(&mut missing, 10_000), [70_003u64 as u16]);
        assert_eq!(missing.on_packet(70_001, 10_000), Arrival::Late);
    }

    #[test]
    fn many_holes_are_bounded_and_the_oldest_given_up() {
        let mut missing = Missing::default();
        for n in 0..2_000 {
            missing.on_packet(70_000 + 2 * n, 0);
        }
        assert_eq!(missing.holes.len(), MAX_HOLES);
        assert!(missing.gave_up());
        let asked = due(&mut missing, 10_000);
        assert_eq!(asked.len(), MAX_HOLES);
        assert_eq!(asked.last(), Some(&(73_997u64 as u16)));
    }

    /// What may happen to a stream.
    #[derive(Clone, Debug)]
    enum Step {
        /// A number, by its distance from the highest.
        Packet(i64),
        Ask,
        Keyframe,
    }

    fn steps() -> impl Strategy<Value = Vec<(Step, i64)>> {
        let step = prop_oneof![
            6 => (1i64..4).prop_map(Step::Packet),
            3 => (-40i64..=0).prop_map(Step::Packet),
            1 => (-3_000i64..3_000).prop_map(Step::Packet),
            4 => Just(Step::Ask),
            1 => Just(Step::Keyframe),
        ];
        prop::collection::vec((step, 0i64..30_000), 1..400)
    }

    proptest! {
        #[test]
        fn asks_rarely_and_only_for_what_is_missing(steps in steps()) {
            let mut missing = Missing::default();
            let mut came = std::collections::HashSet::new();
            let mut asked = std::collections::HashMap::<u16, (i64, u8)>::new();
            let (mut highest, mut now_us) = (100_000u64, 0);
            for (step, elapsed_us) in steps {
                now_us += elapsed_us;
                match step {
                    Step::Packet(distance) => {
                        let sequence = highest.saturating_add_signed(distance);
                        let arrival = missing.on_packet(sequence, now_us);
                        if came.is_empty() {
                            highest = sequence - 1;
                        }
                        let is_new = sequence > highest;
                        prop_assert_eq!(arrival == Arrival::New, is_new);
                        if arrival == Arrival::Duplicate {
                            // What is too old to tell counts as one; anything else must have come.
                            let is_old = sequence < missing.lowest || highest - sequence >= WINDOW;
                            prop_assert!(is_old || came.contains(&sequence));
                        } else {
                            prop_assert!(came.insert(sequence), "{sequence} passed twice");
                        }
                        highest = highest.max(sequence);
                    }
                    Step::Keyframe => missing.skip_before(highest),
                    Step::Ask => {
                        let numbers = due(&mut missing, now_us);
                        for number in &numbers {
                            let (last_us, tries) = asked.entry(*number).or_insert((i64::MIN / 2, 0));
                            *tries += 1;
                            prop_assert!(now_us - *last_us >= 50_000);
                            prop_assert!(*tries <= MAX_TRIES);
                            *last_us = now_us;
                            let sequence = highest - u64::from((highest as u16).wrapping_sub(*number));
                            prop_assert!(!came.contains(&sequence) && sequence < highest);
                        }
                        prop_assert!(numbers.windows(2).all(|pair| (pair[1].wrapping_sub(pair[0]) as i16) > 0));
                    }
                }
                prop_assert!(missing.holes.len() <= MAX_HOLES);
            }
        }
    }
}
