//! Pictures that stand still though they should move: how often, how long, and why.
//!
//! A picture stands still when a frame of it leaves later after the last one than half a second and
//! three times the mean distance between its frames. All of the time between both counts, as in
//! `totalFreezesDuration` of webrtc-stats. This side sees when frames leave; what is lost or late
//! behind it is the receiver's to tell.

use crate::clock::Now;
use crate::counters::Counters;
use crate::egress::Wire;
use crate::feedback::SendHistory;
use crate::forwarder::Forwarder;
use crate::table::Key;

/// No shorter time is a standstill …
const LEAST_US: i64 = 500_000;
/// … nor less than so many times the mean distance between frames.
const INTERVALS: i64 = 3;
/// Part of a new distance in the mean: one in so many.
const SMOOTHING: i64 = 8;

/// What kept the next frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The receiver's path does not carry it: it waited for the pace, or gave way there.
    Link,
    /// It had to be the first of another layer, and that took long to come.
    Keyframe,
    /// The publisher sent nothing.
    Publisher,
}

/// Some time for which a picture stood still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Still {
    /// Why.
    pub cause: Cause,
    /// Whether it had been moving until then.
    pub begins: bool,
    /// For so much longer than was told before.
    pub us: i64,
}

impl Still {
    /// Counts it: once where it begins, and its milliseconds.
    pub(crate) fn add_to(self, count: &mut u16, ms: &mut u16) {
        *count = count.saturating_add(u16::from(self.begins));
        *ms = ms.saturating_add(u16::try_from(self.us / 1_000).unwrap_or(u16::MAX));
    }
}

/// How the frames of one picture to one receiver follow each other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Motion {
    rests: bool,
    frame_us: Option<i64>,
    interval_us: i64,
    told_us: i64,
    switches: bool,
    gave_way: bool,
}

impl Motion {
    /// A picture that is to begin; one that `rests` sends no frames while nothing in it changes.
    pub fn new(rests: bool) -> Self {
        Self {
            rests,
            ..Self::default()
        }
    }

    /// Another picture, or this one after a pause: nothing has to follow what was.
    pub fn begin_anew(&mut self) {
        *self = Self::new(self.rests);
    }

    /// Frames that waited for the pace are left out.
    pub fn give_way(&mut self) {
        self.gave_way = true;
    }

    /// The next frame is the first of another layer.
    pub fn switch(&mut self) {
        self.switches = true;
    }

    /// A whole frame has left that came in at `arrived_us`.
    pub fn on_frame(&mut self, arrived_us: i64, now_us: i64) -> Option<Still> {
        let switches = std::mem::take(&mut self.switches);
        let gave_way = std::mem::take(&mut self.gave_way);
        let told_us = std::mem::take(&mut self.told_us);
        let gap_us = now_us - self.frame_us.replace(now_us)?;
        let (limit_us, interval_us) = (self.limit_us(), self.interval_us);
        self.interval_us += match interval_us {
            0 => gap_us.min(LEAST_US),
            mean => (gap_us.min(limit_us) - mean) / SMOOTHING,
        };
        if gap_us <= limit_us {
            return None;
        }
        let cause = if gave_way || 2 * (now_us - arrived_us) > gap_us {
            Cause::Link
        } else if switches {
            Cause::Keyframe
        } else {
            Cause::Publisher
        };
        // Of the first two frames nobody knows how far apart the publisher means them to be.
        let may_rest = self.rests || interval_us == 0;
        (cause != Cause::Publisher || !may_rest).then_some(Still {
            cause,
            begins: told_us == 0,
            us: gap_us - told_us,
        })
    }

    /// Whether the next frame is late.
    pub fn is_late(&self, now_us: i64) -> bool {
        self.frame_us
            .is_some_and(|frame_us| now_us - frame_us > self.limit_us())
    }

    /// The next frame is late for this reason, and has not come yet.
    pub fn wait(&mut self, cause: Cause, now_us: i64) -> Option<Still> {
        let gap_us = now_us - self.frame_us.filter(|_| self.is_late(now_us))?;
        let told_us = std::mem::replace(&mut self.told_us, gap_us);
        Some(Still {
            cause,
            begins: told_us == 0,
            us: gap_us - told_us,
        })
    }

    fn limit_us(&self) -> i64 {
        LEAST_US.max(INTERVALS * self.interval_us)
    }
}

impl Wire<'_> {
    /// A frame has left later than it should have.
    pub(crate) fn on_still(&mut self, still: Still) {
        count(still, self.counters, self.history);
    }
}

impl Forwarder {
    /// Looks which pictures of a receiver stand still now. A publisher who sends nothing may be
    /// gone for good: that counts only when frames go on.
    pub(crate) fn look_for_stills(&mut self, key: Key, now: Now) {
        let Some(transport) = self.transports.get_mut(key) else {
            return;
        };
        let is_held_back = transport.pacer.is_waiting();
        for key in &transport.egresses {
            let Some(egress) = self.egresses.get_mut(*key) else {
                continue;
            };
            if !egress.motion.is_late(now.us) || egress.select.is_paused() {
                continue;
            }
            let track = self.routes.get(egress.route).and_then(|route| route.track);
            let Some(track) = track.and_then(|track| self.tracks.get(track)) else {
                continue;
            };
            let cause = if is_held_back && egress.next(&track.ring, &track.alive).is_some() {
                Cause::Link
            } else if egress.select.waits_for(&track.alive).is_some() {
                Cause::Keyframe
            } else {
                continue;
            };
            if let Some(still) = egress.motion.wait(cause, now.us) {
                count(still, &mut self.counters, &mut transport.history);
            }
        }
    }
}

fn count(still: Still, counters: &mut Counters, history: &mut SendHistory) {
    let (begun, us) = (u64::from(still.begins), still.us as u64);
    match still.cause {
        Cause::Link => {
            counters.freezes_link += begun;
            counters.frozen_us_link += us;
        }
        Cause::Keyframe => {
            counters.freezes_keyframe += begun;
            counters.frozen_us_keyframe += us;
        }
        Cause::Publisher => {
            counters.freezes_publisher += begun;
            counters.frozen_us_publisher += us;
        }
    }
    history.on_still(still);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 30 frames a second from 0 on; gives when the last one left.
    fn moving(motion: &mut Motion) -> i64 {
        for n in 0..=60 {
            assert_eq!(motion.on_frame(n * 33_000, n * 33_000), None);
        }
        60 * 33_000
    }

    fn still(cause: Cause, begins: bool, us: i64) -> Option<Still> {
        Some(Still { cause, begins, us })
    }

    #[test]
    fn frames_that_are_late_but_not_very_are_none() {
        let mut motion = Motion::default();
        let last_us = moving(&mut motion);
        assert!(!motion.is_late(last_us + 500_000));
        assert_eq!(motion.on_frame(last_us, last_us + 500_000), None);
    }

    #[test]
    fn who_sends_few_frames_does_not_stand_still_between_them() {
        let mut motion = Motion::default();
        for n in 0..20 {
            assert_eq!(motion.on_frame(n * 1_000_000, n * 1_000_000), None, "{n}");
        }
        let later_us = 19_000_000 + 4_000_000;
        let found = motion.on_frame(later_us, later_us);
        assert_eq!(found, still(Cause::Publisher, true, 4_000_000));
    }

    #[test]
    fn the_cause_is_what_kept_the_frame() {
        for (waited_us, switches, gave_way, cause) in [
            (600_000, false, false, Cause::Link),
            (600_000, true, false, Cause::Link),
            (100_000, false, true, Cause::Link),
            (100_000, true, false, Cause::Keyframe),
            (100_000, false, false, Cause::Publisher),
        ] {
            let mut motion = Motion::default();
            let now_us = moving(&mut motion) + 800_000;
            if switches {
                motion.switch();
            }
            if gave_way {
                motion.give_way();
            }
            let found = motion.on_frame(now_us - waited_us, now_us);
            assert_eq!(found, still(cause, true, 800_000));
            assert_eq!(motion.on_frame(now_us, now_us + 33_000), None);
        }
    }

    #[test]
    fn a_screen_may_rest_but_must_not_be_kept() {
        let mut motion = Motion::new(true);
        let now_us = moving(&mut motion) + 5_000_000;
        assert_eq!(motion.on_frame(now_us, now_us), None);
        let later_us = now_us + 5_000_000;
        let found = motion.on_frame(now_us, later_us);
        assert_eq!(found, still(Cause::Link, true, 5_000_000));
    }

    #[test]
    fn what_lasts_is_told_as_it_passes_and_once() {
        let mut motion = Motion::default();
        let last_us = moving(&mut motion);
        assert_eq!(motion.wait(Cause::Link, last_us + 400_000), None);
        let parts = [1_000_000, 2_000_000].map(|us| motion.wait(Cause::Link, last_us + us));
        let both = [true, false].map(|begins| still(Cause::Link, begins, 1_000_000));
        assert_eq!(parts, both);
        motion.switch();
        let end_us = last_us + 2_300_000;
        let end = motion.on_frame(end_us, end_us);
        assert_eq!(end, still(Cause::Keyframe, false, 300_000));
    }

    #[test]
    fn what_begins_anew_owes_nothing() {
        let mut motion = Motion::default();
        let last_us = moving(&mut motion);
        motion.begin_anew();
        assert!(!motion.is_late(last_us + 9_000_000));
        assert_eq!(motion.on_frame(last_us, last_us + 9_000_000), None);
    }
}
