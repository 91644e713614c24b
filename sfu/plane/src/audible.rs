//! Whether a microphone is heard, from its audio levels (RFC 6464).
//!
//! Onset is immediate, so that no syllable is lost; a hang-over bridges pauses.
//! Steady noise is learnt as the floor and does not count.

/// Silence in -dBov.
const SILENT: u8 = 127;
/// Nothing quieter than this counts as sound, in -dBov.
const THRESHOLD: f32 = 60.0;
/// Sound stands this much above the floor, in dB.
const ABOVE_FLOOR: f32 = 6.0;
/// A microphone counts as heard for so long after its last sound.
const HANG_OVER_US: i64 = 2_000_000;
/// The floor falls at once to what is quieter and rises so slowly, in dB per second.
const FLOOR_RISE: f32 = 2.0;
/// The floor never rises above this: loud speech without pauses is still speech.
const HIGHEST_FLOOR: f32 = 35.0;
/// Weight of a new level in the smoothed one.
const SMOOTHING: f32 = 0.2;

/// The activity of one microphone.
#[derive(Clone, Debug)]
pub struct Audible {
    heard_us: Option<i64>,
    audible: bool,
    /// In -dBov: larger is quieter.
    floor: f32,
    smoothed: f32,
    last_us: Option<i64>,
}

impl Default for Audible {
    fn default() -> Self {
        Self {
            heard_us: None,
            audible: false,
            floor: f32::from(SILENT),
            smoothed: f32::from(SILENT),
            last_us: None,
        }
    }
}

impl Audible {
    /// Takes a packet's level in, -dBov from 0 (loudest) to 127; gives the new state when it changes.
    /// The voice flag is a hint that many senders never set, so it decides nothing.
    pub fn on_level(&mut self, level: u8, _voice: bool, now_us: i64) -> Option<bool> {
        let quiet = f32::from(level.min(SILENT));
        let elapsed = self
            .last_us
            .replace(now_us)
            .map_or(0.0, |last| (now_us - last).clamp(0, 1_000_000) as f32 / 1e6);
        self.smoothed += SMOOTHING * (quiet - self.smoothed);
        self.floor = if quiet > self.floor {
            quiet
        } else {
            (self.floor - FLOOR_RISE * elapsed)
                .max(quiet)
                .max(HIGHEST_FLOOR)
        };
        let sounds = level < SILENT
            && quiet <= THRESHOLD
            && quiet + ABOVE_FLOOR <= self.floor.max(HIGHEST_FLOOR + ABOVE_FLOOR);
        if sounds {
            self.heard_us = Some(now_us);
        }
        let audible = self
            .heard_us
            .is_some_and(|heard| now_us - heard <= HANG_OVER_US);
        (std::mem::replace(&mut self.audible, audible) != audible).then_some(audible)
    }

    /// Whether the microphone is heard.
    pub fn is_audible(&self) -> bool {
        self.audible
    }

    /// The smoothed level in -dBov.
    pub fn level(&self) -> u8 {
        self.smoothed.round() as u8
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
    }
}
