//! Whether a microphone is heard, from its audio levels (RFC 6464).
//!
//! Onset is immediate, so that no syllable is lost; a hang-over bridges pauses.
//! Steady noise is learnt as the floor within seconds and does not count. The floor
//! is the least level of the last seconds, so that speech with a pause now and then
//! never becomes its own floor. It is taken of levels smoothed over some 100 ms, and
//! a single packet must stand out further than a smoothed level: real noise scatters
//! by several dB, and one packet in each hang-over would keep it heard for good.

/// Silence in -dBov.
const SILENT: u8 = 127;
/// Nothing quieter than this counts as sound, in -dBov.
const THRESHOLD: f32 = 60.0;
/// Whatever is louder than this counts, however steady: nobody's music is learnt as noise.
const LOUD: f32 = 40.0;
/// One packet is sound that stands this much above the floor, in dB …
const ONSET: f32 = 12.0;
/// … or the smoothed level, this much.
const SUSTAINED: f32 = 6.0;
/// A floor below this changes no decision, and would only be left more slowly.
const LOWEST_FLOOR: f32 = THRESHOLD + ONSET;
/// The floor is the least of this span and of the one before it.
const SPAN_US: i64 = 5_000_000;
/// A microphone counts as heard for so long after its last sound.
pub(crate) const HANG_OVER_US: i64 = 2_000_000;
/// Weight of a new level in a smoothed one.
const SMOOTHING: f32 = 0.2;

/// The activity of one microphone. Levels are in -dBov: larger is quieter.
#[derive(Clone, Debug)]
pub struct Audible {
    heard_us: Option<i64>,
    audible: bool,
    /// Smoothed within what the floor can follow.
    recent: f32,
    span_us: Option<i64>,
    least: f32,
    least_before: f32,
    /// Smoothed over the whole range, for display.
    smoothed: f32,
}

impl Default for Audible {
    fn default() -> Self {
        Self {
            heard_us: None,
            audible: false,
            recent: LOWEST_FLOOR,
            span_us: None,
            least: LOWEST_FLOOR,
            least_before: LOWEST_FLOOR,
            smoothed: f32::from(SILENT),
        }
    }
}

impl Audible {
    /// Takes a packet's level in, -dBov from 0 (loudest) to 127; gives the new state when it changes.
    /// The voice flag is a hint that many senders never set, so it decides nothing.
    pub fn on_level(&mut self, level: u8, _voice: bool, now_us: i64) -> Option<bool> {
        let quiet = f32::from(level.min(SILENT));
        self.smoothed += SMOOTHING * (quiet - self.smoothed);
        self.follow(quiet.min(LOWEST_FLOOR), now_us);
        if self.is_sound(quiet) {
            self.heard_us = Some(now_us);
        }
        self.expire(now_us)
    }

    /// Ends the hang-over of a microphone that sends nothing any more; gives the new state when
    /// it changes. Without it a sender that stops, or pauses in silence, would be heard for good.
    pub fn expire(&mut self, now_us: i64) -> Option<bool> {
        let audible = self
            .heard_us
            .is_some_and(|heard| now_us - heard <= HANG_OVER_US);
        (std::mem::replace(&mut self.audible, audible) != audible).then_some(audible)
    }

    /// Whether the microphone is heard.
    pub fn is_audible(&self) -> bool {
        self.audible
    }

    /// Whether the packet that came now was sound, and not the silence of a hang-over.
    pub fn is_sounding(&self, now_us: i64) -> bool {
        self.heard_us == Some(now_us)
    }

    /// The smoothed level in -dBov.
    pub fn level(&self) -> u8 {
        self.smoothed.round() as u8
    }

    fn follow(&mut self, quiet: f32, now_us: i64) {
        match self.span_us {
            Some(since_us) => {
                self.recent += SMOOTHING * (quiet - self.recent);
                if now_us - since_us >= SPAN_US {
                    self.span_us = Some(now_us);
                    self.least_before = std::mem::replace(&mut self.least, self.recent);
                }
                self.least = self.least.max(self.recent);
            }
            None => {
                // The first level is as good a guess as any; what was before it counts as silence.
                (self.span_us, self.recent, self.least) = (Some(now_us), quiet, quiet);
            }
        }
    }

    fn is_sound(&self, quiet: f32) -> bool {
        let floor = self.least.max(self.least_before);
        let stands_out =
            quiet <= LOUD || quiet + ONSET <= floor || self.recent + SUSTAINED <= floor;
        quiet <= THRESHOLD && stands_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Levels of one packet each 20 ms; gives the time of each change.
    fn changes(levels: impl Iterator<Item = u8>) -> Vec<(i64, bool)> {
        let mut audible = Audible::default();
        levels
            .enumerate()
            .filter_map(|(n, level)| {
                Some((
                    n as i64 * 20,
                    audible.on_level(level, false, n as i64 * 20_000)?,
                ))
            })
            .collect()
    }

    #[test]
    fn speech_is_heard_at_once_and_a_little_longer() {
        let levels = [127]
            .repeat(50)
            .into_iter()
            .chain([30].repeat(50))
            .chain([127].repeat(150));
        assert_eq!(changes(levels), [(1000, true), (4000, false)]);
    }

    #[test]
    fn a_beep_a_second_is_one_stretch() {
        let levels = (0..500).map(|n| if n % 50 < 10 { 25 } else { 127 });
        assert_eq!(changes(levels), [(0, true)]);
    }

    #[test]
    fn steady_noise_is_learnt() {
        let noise = changes((0..3000).map(|n| 50 + (n % 3) as u8));
        assert_eq!(
            noise.last().map(|(_, audible)| *audible),
            Some(false),
            "{noise:?}"
        );
        let speech_above = (0..3000).map(|n| if n < 2900 { 50 } else { 25 });
        assert_eq!(changes(speech_above).last(), Some(&(58_000, true)));
    }

    /// Levels that scatter by some dB, as those of real noise do; always the same ones.
    fn scattered(mean: f32, spread: f32) -> impl Iterator<Item = u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut uniform = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 40) as f32 / (1u32 << 24) as f32
        };
        // The sum of twelve has a variance of one.
        std::iter::from_fn(move || {
            let normal = (0..12).map(|_| uniform()).sum::<f32>() - 6.0;
            Some((mean + spread * normal).round() as u8)
        })
    }

    #[test]
    fn noise_that_scatters_is_learnt_within_seconds() {
        for spread in [0.0, 1.5, 2.5] {
            for mean in [57.0, 50.0] {
                let noise = changes(scattered(mean, spread).take(6_000));
                assert!(
                    matches!(noise[..], [(_, true), (until, false)] if until < 8_000),
                    "{mean} {spread}: {noise:?}"
                );
            }
        }
        let below_threshold = changes(scattered(66.0, 1.5).take(6_000));
        assert_eq!(below_threshold, []);
    }

    #[test]
    fn a_voice_stands_out_of_learnt_noise_at_once() {
        let noise = scattered(52.0, 1.5).take(1_000);
        assert_eq!(changes(noise.chain([36])).last(), Some(&(20_000, true)));
        // A voice too soft for one packet to stand out needs some more.
        let soft = changes(scattered(58.0, 1.5).take(1_000).chain([48].repeat(10)));
        assert!(matches!(soft[2..], [(at, true)] if at < 20_200), "{soft:?}");
    }

    #[test]
    fn what_is_loud_is_never_learnt() {
        assert_eq!(changes([38].repeat(6_000).into_iter()), [(0, true)]);
    }

    #[test]
    fn a_sentence_without_pauses_is_heard_to_its_end() {
        let syllables = (0..1_500).map(|n| if n % 12 < 8 { 44 } else { 62 });
        assert_eq!(changes(syllables), [(0, true)]);
    }

    #[test]
    fn who_sends_no_more_is_heard_no_more() {
        let mut audible = Audible::default();
        assert_eq!(audible.on_level(20, false, 0), Some(true));
        assert_eq!(audible.expire(HANG_OVER_US), None);
        assert_eq!(audible.expire(HANG_OVER_US + 1), Some(false));
        assert_eq!(audible.expire(HANG_OVER_US + 2), None);
        assert!(!audible.is_audible());
    }

    #[test]
    fn whispering_noise_is_never_heard() {
        assert!(changes((0..500).map(|n| 62 + (n % 60) as u8)).is_empty());
    }

    proptest! {
        #[test]
        fn silence_ends_it(levels in prop::collection::vec(any::<u8>(), 0..200)) {
            let states = changes(levels.into_iter().chain([127].repeat(120)));
            prop_assert!(states.last().is_none_or(|(_, audible)| !audible));
        }

        #[test]
        fn whatever_is_clear_is_heard_at_once(
            before in prop::collection::vec(any::<u8>(), 0..200),
            level in 0u8..=40,
        ) {
            let mut audible = Audible::default();
            for (n, level) in before.iter().enumerate() {
                audible.on_level(*level, false, n as i64 * 20_000);
            }
            audible.on_level(level, false, before.len() as i64 * 20_000);
            prop_assert!(audible.is_audible());
        }

        #[test]
        fn changes_alternate_at_any_times(levels in prop::collection::vec((any::<u8>(), 0i64..1 << 50), 0..100)) {
            let mut audible = Audible::default();
            for (level, now_us) in levels {
                let before = audible.is_audible();
                let change = audible.on_level(level, false, now_us);
                prop_assert_eq!(change, (audible.is_audible() != before).then_some(!before));
                prop_assert!(audible.level() <= 127);
            }
        }
    }
}
