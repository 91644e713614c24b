//! Publishers' clocks on ours, by their sender reports (RFC 3550 §6.4.1).
//!
//! All streams of a publisher go through one offset, [`PublisherClock`]: whatever
//! error that has is the same for sound and picture, so lips stay in sync.

/// Time as the worker reads it once per round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic, microseconds.
    pub us: i64,
    /// Wall clock as an NTP timestamp, 32.32 fixed point (RFC 5905 §6).
    pub ntp: u64,
}

/// An offset that is further off than this is another clock, not jitter.
const JUMP_US: i64 = 500_000;
/// So many reports must agree before a jump is believed.
const JUMP_REPORTS: u8 = 3;
/// A report's delay above the least seen moves the offset by this fraction only: drift, not jitter.
const DRIFT: i64 = 64;

/// From a publisher's NTP time to our monotonic time.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublisherClock {
    offset_us: Option<i64>,
    strange: u8,
    strange_us: i64,
}

impl PublisherClock {
    /// Of a stream whose times are ours already.
    pub fn ours() -> Self {
        Self {
            offset_us: Some(0),
            ..Self::default()
        }
    }

    /// A sender report of any of the publisher's streams has come. Gives how far the clock was set
    /// ahead since those before, 0 as long as it goes on; `None` where the report does not agree with
    /// them: it must not reach its [`StreamClock`] either.
    pub fn on_sender_report(&mut self, ntp: u64, now_us: i64) -> Option<i64> {
        // Zero says that the sender has no clock (§4).
        if ntp == 0 {
            return None;
        }
        let measured = now_us.wrapping_sub(ntp_us(ntp));
        let Some(offset) = self.offset_us else {
            self.offset_us = Some(measured);
            return Some(0);
        };
        let error = measured.wrapping_sub(offset);
        if error.abs() > JUMP_US {
            let agrees = measured.wrapping_sub(self.strange_us).abs() <= JUMP_US;
            self.strange = if agrees { self.strange + 1 } else { 1 };
            self.strange_us = measured;
            if self.strange >= JUMP_REPORTS {
                *self = Self {
                    offset_us: Some(measured),
                    ..Self::default()
                };
                return Some(error.wrapping_neg());
            }
            return None;
        }
        self.strange = 0;
        // Delay only ever adds: a lower offset is nearer to the truth. It is taken in
        // steps of a few milliseconds, so that running streams do not jerk.
        let step = if error < 0 {
            error.max(-2_000)
        } else {
            (error / DRIFT).min(2_000)
        };
        self.offset_us = Some(offset + step);
        Some(0)
    }
}

/// One stream's timestamps on its publisher's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamClock {
    report: Option<(i64, u32)>,
}

impl StreamClock {
    /// A sender report of this stream has come.
    pub fn on_sender_report(&mut self, ntp: u64, rtp: u32) {
        if ntp != 0 {
            self.report = Some((ntp_us(ntp), rtp));
        }
    }

    /// The publisher's clock was set ahead so far; what it reported before was by the former one.
    pub fn set_ahead(&mut self, us: i64) {
        if let Some((ntp_us, _)) = &mut self.report {
            *ntp_us = ntp_us.wrapping_add(us);
        }
    }

    /// A packet with this timestamp was captured at a time of ours: another worker has heard the
    /// reports. For use with [`PublisherClock::ours`].
    pub fn on_relayed(&mut self, local_us: i64, rtp: u32) {
        self.report = Some((local_us, rtp));
    }

    /// Our time of an RTP timestamp; `None` before the first report.
    pub fn local_us(&self, publisher: &PublisherClock, rtp: u32, clock_rate: u32) -> Option<i64> {
        let (ntp_us, reported) = self.report?;
        let ticks = i64::from(rtp.wrapping_sub(reported) as i32);
        Some(
            ntp_us
                .wrapping_add(publisher.offset_us?)
                .wrapping_add(ticks * 1_000_000 / i64::from(clock_rate)),
        )
    }

    /// The RTP timestamp at a time of ours; `None` before the first report.
    pub fn rtp_at(
        &self,
        publisher: &PublisherClock,
        local_us: i64,
        clock_rate: u32,
    ) -> Option<u32> {
        let (ntp_us, reported) = self.report?;
        let elapsed_us = local_us
            .wrapping_sub(publisher.offset_us?)
            .wrapping_sub(ntp_us);
        let ticks = i128::from(elapsed_us) * i128::from(clock_rate) / 1_000_000;
        Some(reported.wrapping_add(ticks as u32))
    }
}

/// Microseconds since the NTP era, 2³² s of them.
fn ntp_us(ntp: u64) -> i64 {
    ((u128::from(ntp) * 1_000_000) >> 32) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ntp(us: i64) -> u64 {
        ((us as u128) << 32).div_ceil(1_000_000) as u64
    }

    /// A publisher whose clock is far from ours.
    const AHEAD_US: i64 = 3_900_000_000_000_000;

    #[test]
    fn sound_and_picture_share_one_time() {
        let mut publisher = PublisherClock::default();
        let (mut sound, mut picture) = (StreamClock::default(), StreamClock::default());
        publisher.on_sender_report(ntp(AHEAD_US), 5_000);
        sound.on_sender_report(ntp(AHEAD_US), 1_000);
        publisher.on_sender_report(ntp(AHEAD_US + 100_000), 190_000);
        picture.on_sender_report(ntp(AHEAD_US + 100_000), 50_000);
        let sound_us = sound
            .local_us(&publisher, 1_000 + 48_000, 48_000)
            .expect("known");
        let picture_us = picture
            .local_us(&publisher, 50_000 + 81_000, 90_000)
            .expect("known");
        assert!(
            (sound_us - picture_us).abs() <= 2,
            "{sound_us} {picture_us}"
        );
        let back = picture
            .rtp_at(&publisher, picture_us, 90_000)
            .expect("known");
        assert!(back.wrapping_sub(131_000) as i32 <= 1);
    }

    #[test]
    fn jitter_hardly_moves_it_and_a_new_clock_is_believed_after_three_reports() {
        let mut publisher = PublisherClock::default();
        publisher.on_sender_report(ntp(AHEAD_US), 0);
        let first = publisher.offset_us.expect("set");
        publisher.on_sender_report(ntp(AHEAD_US + 1_000_000), 1_040_000);
        assert!((publisher.offset_us.expect("set") - first).abs() < 1_000);
        for n in 0..3 {
            assert!((publisher.offset_us.expect("set") - first).abs() < 1_000);
            publisher.on_sender_report(
                ntp(AHEAD_US + 60_000_000 + n * 1_000_000),
                2_000_000 + n * 1_000_000,
            );
        }
        assert!((publisher.offset_us.expect("set") - first + 58_000_000).abs() < 10_000);
    }

    #[test]
    fn absurd_reports_move_nothing_unless_they_agree() {
        let mut publisher = PublisherClock::default();
        publisher.on_sender_report(ntp(AHEAD_US), 0);
        let first = publisher.offset_us;
        for n in 1..100u64 {
            let now_us = n as i64 * 1_000_000;
            let absurd = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            assert_eq!(publisher.on_sender_report(absurd, now_us), None);
            assert_eq!(publisher.offset_us, first);
        }
        // Even agreeing ones do not while true ones come between them.
        for n in 100..110 {
            let now_us = n * 1_000_000;
            for us in [AHEAD_US + now_us + 9_000_000, AHEAD_US + now_us] {
                let is_true = us == AHEAD_US + now_us;
                let heard = publisher.on_sender_report(ntp(us), now_us);
                assert_eq!(heard, is_true.then_some(0));
            }
        }
        assert!((publisher.offset_us.expect("set") - first.expect("set")).abs() < 10);
    }

    #[test]
    fn follows_clocks_that_drift() {
        // 200 ppm is more than any crystal is off. Reports are 1 to 30 ms under way.
        for drift in [-200i64, 200] {
            let mut publisher = PublisherClock::default();
            let mut stream = StreamClock::default();
            for n in 0..1_800i64 {
                let sent_us = n * 1_000_000;
                let theirs = AHEAD_US + sent_us + sent_us / 1_000_000 * drift;
                let under_way_us = 1_000 + n * 7_919 % 29_000;
                let rtp = (theirs as i128 * 9 / 100) as u32;
                let heard = publisher.on_sender_report(ntp(theirs), sent_us + under_way_us);
                assert_eq!(heard, Some(0));
                stream.on_sender_report(ntp(theirs), rtp);
                let local = stream.local_us(&publisher, rtp, 90_000).expect("known");
                assert!((local - sent_us).abs() < 50_000, "{n}: {}", local - sent_us);
            }
        }
    }

    #[test]
    fn a_sender_without_a_clock_tells_nothing() {
        let mut publisher = PublisherClock::default();
        assert_eq!(publisher.on_sender_report(0, 1), None);
        assert!(publisher.offset_us.is_none());
        assert_eq!(StreamClock::default().local_us(&publisher, 1, 90_000), None);
    }

    proptest! {
        #[test]
        fn any_reports_are_survived(reports in prop::collection::vec((any::<u64>(), any::<u32>(), 0i64..1 << 50), 0..50)) {
            let mut publisher = PublisherClock::default();
            let mut stream = StreamClock::default();
            for (ntp, rtp, now_us) in reports {
                publisher.on_sender_report(ntp, now_us);
                stream.on_sender_report(ntp, rtp);
                let local = stream.local_us(&publisher, rtp.wrapping_mul(7), 90_000);
                let _ = local.and_then(|local| stream.rtp_at(&publisher, local, 90_000));
            }
        }
    }
}
