//! When a transport's packets may leave: a leaky bucket, drained at the rate that the control plane
//! has set.
//!
//! Nothing is queued here: an egress that has to wait stays where it is in its track's ring, and the
//! transport is served again when its debt is paid. Bursts are what fan-outs are made of (one message
//! of the kernel for a picture's packets), so a path that was never seen to be full is sent a whole
//! picture at once, and one that shows a queue, a few milliseconds' worth.

use std::collections::VecDeque;

/// Packets that a receiver has asked for again: SSRC and sequence number of each.
pub type Repairs = VecDeque<(u32, u16)>;

/// What may leave at once on a path that is ample, in time at the pacing rate (goog_cc): at
/// 30 pictures a second each leaves as a whole …
const BURST_AMPLE_US: f64 = 40_000.0;
/// … and paced at so many times the target, it is.
const AMPLE: u64 = 2;
/// The same near a path's capacity, where a burst waits in the path for as long as it is, …
const BURST_US: f64 = 10_000.0;
/// … and on one with a queue of more than this.
const BURST_QUEUED_US: f64 = 5_000.0;
const QUEUED_US: u32 = 15_000;
/// However slow the path, so many bytes may leave at once: two packets.
const LEAST_BURST: f64 = 2_400.0;
/// Sound is never held back, so debt is bounded by time (goog_cc).
const MOST_DEBT_US: f64 = 500_000.0;
/// What waits for longer makes the pace quicker, up to twice the rate.
const PATIENCE_US: i64 = 1_000_000;
/// When a path that took nothing is looked at again.
const HELD_US: i64 = 5_000;

/// One transport's bucket. Times are monotonic, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pacer {
    /// bytes per microsecond as ordered; zero without a limit.
    ordered: f64,
    /// The same in force now.
    rate: f64,
    debt: f64,
    at_us: i64,
    ordered_us: i64,
    listed_us: i64,
    burst: f64,
    is_ample: bool,
    is_waiting: bool,
    is_held: bool,
}

impl Pacer {
    /// Paces at so many bit/s from now on, 0 for no limit, where the path is to be sent `target_bps`.
    pub fn set_rate(&mut self, bps: u32, target_bps: u32, now_us: i64) {
        self.settle(now_us);
        self.ordered = f64::from(bps) / 8e6;
        self.ordered_us = now_us;
        self.is_ample = u64::from(bps) >= AMPLE * u64::from(target_bps);
        self.rate = self.ordered;
        if bps == 0 {
            self.debt = 0.0;
        }
    }

    /// When the rate was last ordered.
    pub fn ordered_us(&self) -> i64 {
        self.ordered_us
    }

    /// Fits burst and rate to what is known of the path before a round of sending: the queue on it,
    /// a ceiling in bit/s while its receiver is silent or the queue is long, and the age of what
    /// has waited longest.
    pub fn adapt(&mut self, queue_us: u32, brake_bps: Option<u32>, waited_us: i64, now_us: i64) {
        self.settle(now_us);
        self.rate = self.ordered * (waited_us as f64 / PATIENCE_US as f64).clamp(1.0, 2.0);
        if let Some(brake) = brake_bps.map(|bps| f64::from(bps) / 8e6) {
            if self.rate == 0.0 || brake < self.rate {
                self.rate = brake;
            }
        }
        let span = if queue_us > QUEUED_US {
            BURST_QUEUED_US
        } else if self.is_ample {
            BURST_AMPLE_US
        } else {
            BURST_US
        };
        self.burst = (self.rate * span).max(LEAST_BURST);
    }

    /// Whether a packet of this size may leave now. Whatever its size, one may when nothing is owed.
    #[inline]
    pub fn admits(&self, size: usize) -> bool {
        !self.is_held
            && (self.rate == 0.0 || self.debt <= 0.0 || self.debt + size as f64 <= self.burst)
    }

    /// The path takes nothing now, as a connection whose peer reads too slowly, or takes all again.
    pub fn hold(&mut self, held: bool) {
        self.is_held = held;
    }

    /// Whether the path takes nothing now.
    pub fn is_held(&self) -> bool {
        self.is_held
    }

    /// A packet leaves, held back or not.
    #[inline]
    pub fn charge(&mut self, size: usize, now_us: i64) {
        if self.rate == 0.0 {
            return;
        }
        if self.at_us != now_us {
            self.settle(now_us);
        }
        self.debt = (self.debt + size as f64).min((self.rate * MOST_DEBT_US).max(LEAST_BURST));
    }

    /// Nothing is owed any more: a probe cluster has its own rate, and takes along what waits.
    pub fn forgive(&mut self, now_us: i64) {
        self.settle(now_us);
        self.debt = 0.0;
    }

    /// Whether something is held back until [`due_us`](Self::due_us).
    #[inline]
    pub fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// Something is held back; says whether that is new.
    pub fn wait(&mut self) -> bool {
        !std::mem::replace(&mut self.is_waiting, true)
    }

    /// It is on the list of those that wait under this time, and no other.
    pub fn list(&mut self, due_us: i64) -> i64 {
        self.listed_us = due_us;
        due_us
    }

    /// The time under which it is on that list.
    pub fn listed_us(&self) -> i64 {
        self.listed_us
    }

    /// What was held back has its turn.
    pub fn resume(&mut self) {
        self.is_waiting = false;
    }

    /// When the debt is paid and the next burst may leave.
    pub fn due_us(&self) -> i64 {
        if self.is_held {
            return self.at_us + HELD_US;
        }
        if self.rate == 0.0 {
            return self.at_us;
        }
        self.at_us + (self.debt / self.rate).ceil() as i64
    }

    fn settle(&mut self, now_us: i64) {
        let passed = (now_us - self.at_us).max(0) as f64;
        self.at_us = now_us;
        self.debt = (self.debt - self.rate * passed).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MEGABIT: u32 = 1_000_000;

    fn paced(bps: u32) -> Pacer {
        let mut pacer = Pacer::default();
        pacer.set_rate(bps, bps, 0);
        pacer.adapt(0, None, 0, 0);
        pacer
    }

    /// Bytes that leave until `until_us` while there is always one of `size` more.
    fn drive(pacer: &mut Pacer, size: usize, queue_us: u32, until_us: i64) -> usize {
        let (mut now_us, mut sent) = (0, 0);
        while now_us < until_us {
            pacer.adapt(queue_us, None, 0, now_us);
            while pacer.admits(size) {
                pacer.charge(size, now_us);
                sent += size;
            }
            now_us = pacer.due_us();
        }
        sent
    }

    #[test]
    fn without_a_rate_everything_leaves() {
        let mut pacer = Pacer::default();
        for _ in 0..1000 {
            assert!(pacer.admits(1200));
            pacer.charge(1200, 0);
        }
        assert_eq!(pacer.due_us(), 0);
    }

    #[test]
    fn a_burst_leaves_at_once_and_the_next_when_it_is_paid() {
        let mut pacer = paced(2 * MEGABIT);
        let sent = (0..100)
            .take_while(|_| {
                let admitted = pacer.admits(1000);
                if admitted {
                    pacer.charge(1000, 0);
                }
                admitted
            })
            .count();
        assert_eq!(sent, 2, "10 ms of 2 Mbit/s");
        assert_eq!(pacer.due_us(), 8_000);
    }

    #[test]
    fn an_ample_path_gets_a_picture_at_once() {
        let mut pacer = Pacer::default();
        pacer.set_rate(2 * MEGABIT, MEGABIT, 0);
        pacer.adapt(0, None, 0, 0);
        pacer.charge(9_000, 0);
        assert!(pacer.admits(1_000), "40 ms of 2 Mbit/s");
        pacer.adapt(20_000, None, 0, 0);
        assert!(!pacer.admits(1_000), "there is a queue");
    }

    #[test]
    fn a_path_with_a_queue_gets_small_bursts() {
        let mut pacer = paced(8 * MEGABIT);
        pacer.adapt(20_000, None, 0, 0);
        pacer.charge(4000, 0);
        assert!(pacer.admits(1000));
        pacer.charge(1000, 0);
        assert!(!pacer.admits(1000));
    }

    #[test]
    fn a_path_that_takes_nothing_is_looked_at_again_soon() {
        for mut pacer in [Pacer::default(), paced(MEGABIT)] {
            pacer.adapt(0, None, 0, 1_000);
            pacer.hold(true);
            assert!(!pacer.admits(1));
            assert_eq!(pacer.due_us(), 6_000);
            pacer.hold(false);
            assert!(pacer.admits(1));
        }
    }

    #[test]
    fn what_is_forgiven_is_not_owed() {
        let mut pacer = paced(MEGABIT);
        pacer.charge(10_000, 0);
        assert!(!pacer.admits(1000));
        pacer.forgive(1_000);
        assert!(pacer.admits(1000));
        assert_eq!(pacer.due_us(), 1_000);
    }

    #[test]
    fn sound_owes_but_is_bounded() {
        let mut pacer = paced(MEGABIT);
        for _ in 0..10_000 {
            pacer.charge(1200, 0);
        }
        assert_eq!(pacer.due_us(), 500_000);
    }

    #[test]
    fn the_brake_is_the_lower_rate_and_ends_by_itself() {
        let mut pacer = paced(8 * MEGABIT);
        pacer.adapt(300_000, Some(MEGABIT), 0, 0);
        pacer.charge(1250, 0);
        assert_eq!(pacer.due_us(), 10_000);
        pacer.adapt(0, None, 0, 10_000);
        pacer.charge(10_000, 10_000);
        assert_eq!(pacer.due_us(), 20_000);
    }

    #[test]
    fn what_waits_too_long_quickens_the_pace() {
        let mut pacer = paced(MEGABIT);
        pacer.adapt(0, None, 5_000_000, 0);
        pacer.charge(2500, 0);
        assert_eq!(pacer.due_us(), 10_000);
    }

    proptest! {
        #[test]
        fn the_rate_is_kept(
            bps in 50_000u32..20_000_000,
            size in 60usize..1300,
            queue_us in 0u32..30_000,
        ) {
            let mut pacer = paced(bps);
            let sent = drive(&mut pacer, size, queue_us, 10_000_000);
            let bytes = f64::from(bps) * 10.0 / 8.0;
            prop_assert!(sent as f64 <= bytes * 1.01 + 2_400.0 + f64::from(bps) * 0.04 / 8.0);
            prop_assert!(sent as f64 >= bytes * 0.99 - 1_300.0);
        }

        #[test]
        fn nothing_waits_for_ever(
            steps in prop::collection::vec((0u32..5_000_000, 0usize..2000, 0i64..1_000_000), 1..50),
        ) {
            let mut pacer = Pacer::default();
            let mut now_us = 0;
            for (bps, size, passed) in steps {
                pacer.set_rate(bps, bps, now_us);
                pacer.adapt(0, None, 0, now_us);
                pacer.charge(size, now_us);
                now_us += passed;
                prop_assert!(pacer.due_us() <= now_us + 2_400 * 8_000_000);
            }
        }
    }
}
