//! Which microphones of a room are forwarded: a few at a time, the loudest of them.
//!
//! ```text
//!   a place is free ---------- first sound --------------------> forwarded, from that packet on
//!   all are taken, and
//!     somebody pauses -------- first sound --------------------> their place, the longest pause first
//!     all of them talk ------- louder by MARGIN ---------------> the quietest one's place
//! ```
//!
//! A pause shorter than [`PAUSE_US`], and a place held for less than [`HELD_US`], are safe, and
//! levels are compared by their recent peaks: so two who talk at once do not take turns by
//! syllables. Who has lost a place comes back like anybody else.

use crate::audible::HANG_OVER_US;
use crate::command::Id;
use crate::table::Key;

/// Silence after which somebody's place may go to who makes a sound: longer than between words.
const PAUSE_US: i64 = 500_000;
/// Nobody loses a place to somebody louder sooner than this.
const HELD_US: i64 = 1_000_000;
/// dB that somebody must be louder to take the place of who is talking.
const MARGIN: f32 = 6.0;
/// How fast a peak is forgotten, in dB per second.
const DECAY: f32 = 20.0;
/// Of a packet without a level.
const UNKNOWN: f32 = 0.0;

/// One who is forwarded.
#[derive(Clone, Copy, Debug)]
struct Place {
    track: Key,
    since_us: i64,
    sound_us: i64,
    /// The recent peak, in dB above silence.
    peak: f32,
    peak_us: i64,
}

impl Place {
    fn new(track: Key, loudness: f32, now_us: i64) -> Self {
        Self {
            track,
            since_us: now_us,
            sound_us: now_us,
            peak: loudness,
            peak_us: now_us,
        }
    }

    fn hear(&mut self, loudness: f32, now_us: i64) {
        self.peak = self.peak_at(now_us).max(loudness);
        self.peak_us = now_us;
        self.sound_us = now_us;
    }

    fn peak_at(&self, now_us: i64) -> f32 {
        self.peak - DECAY * (now_us - self.peak_us) as f32 / 1e6
    }
}

/// The microphones of one room.
#[derive(Clone, Debug)]
pub struct TopSpeakers {
    /// As the control plane names the group.
    pub id: Id,
    most: usize,
    /// Tracks that compete, with a place or without.
    members: usize,
    places: Vec<Place>,
}

impl TopSpeakers {
    /// Nobody yet; `most` places.
    pub fn new(id: Id, most: usize) -> Self {
        Self {
            id,
            most,
            members: 0,
            places: Vec::with_capacity(most),
        }
    }

    /// How many may be forwarded from now on; whoever is too many is silenced at their next packet.
    pub fn set_most(&mut self, most: usize) {
        self.most = most;
        self.places.truncate(most);
    }

    /// One more competes.
    pub fn join(&mut self) {
        self.members += 1;
    }

    /// One competes no longer; gives whether nobody is left.
    pub fn leave(&mut self, track: Key) -> bool {
        self.release(track);
        self.members = self.members.saturating_sub(1);
        self.members == 0
    }

    /// Frees the place of who is muted, if they have one.
    pub fn release(&mut self, track: Key) {
        self.places.retain(|place| place.track != track);
    }

    /// Whether this one is forwarded.
    pub fn holds(&self, track: Key) -> bool {
        self.places.iter().any(|place| place.track == track)
    }

    /// Whether a packet is to be forwarded. `level` is in -dBov; `sound`: it is more than a
    /// hang-over's silence.
    pub fn admit(&mut self, track: Key, level: Option<u8>, sound: bool, now_us: i64) -> bool {
        let loudness = level.map_or(UNKNOWN, |level| 127.0 - f32::from(level));
        if let Some(place) = self.places.iter_mut().find(|place| place.track == track) {
            if sound {
                place.hear(loudness, now_us);
            }
            return true;
        }
        if !sound {
            return false;
        }
        let newcomer = Place::new(track, loudness, now_us);
        self.places
            .retain(|place| now_us - place.sound_us <= HANG_OVER_US);
        if self.places.len() < self.most {
            self.places.push(newcomer);
            return true;
        }
        // Nobody knows how loud a packet without a level is: it displaces nobody.
        if level.is_none() {
            return false;
        }
        match self.displaced(loudness, now_us) {
            Some(place) => *place = newcomer,
            None => return false,
        }
        true
    }

    /// Whose place somebody of this loudness gets.
    fn displaced(&mut self, loudness: f32, now_us: i64) -> Option<&mut Place> {
        let longest = self.places.iter().map(|place| place.sound_us).min()?;
        if now_us - longest >= PAUSE_US {
            return self
                .places
                .iter_mut()
                .find(|place| place.sound_us == longest);
        }
        self.places
            .iter_mut()
            .filter(|place| now_us - place.since_us >= HELD_US)
            .min_by(|one, other| one.peak_at(now_us).total_cmp(&other.peak_at(now_us)))
            .filter(|place| loudness >= place.peak_at(now_us) + MARGIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000;
    const FRAME: i64 = 20_000;

    fn all_talk(most: usize, level: u8) -> TopSpeakers {
        let mut top = TopSpeakers::new(1, most);
        for track in 0..most {
            for frame in 0..100 {
                assert!(top.admit(track, Some(level), true, frame * FRAME));
            }
        }
        top
    }

    #[test]
    fn a_free_place_is_taken_by_the_first_packet() {
        let mut top = all_talk(2, 30);
        top.release(0);
        assert!(top.admit(5, Some(55), true, 2 * SECOND));
        assert!(top.holds(5) && top.holds(1));
    }

    #[test]
    fn a_pause_gives_the_place_away_at_the_first_packet_and_a_gap_between_words_does_not() {
        let mut top = all_talk(2, 30);
        let last = 99 * FRAME;
        top.admit(1, Some(30), true, last + PAUSE_US - FRAME);
        assert!(!top.admit(5, Some(50), true, last + PAUSE_US - FRAME));
        assert!(top.admit(5, Some(50), true, last + PAUSE_US));
        assert!(!top.holds(0) && top.holds(1) && top.holds(5));
    }

    #[test]
    fn silence_within_a_hang_over_keeps_a_place_and_takes_none() {
        let mut top = all_talk(2, 30);
        let now = 100 * FRAME;
        assert!(top.admit(0, Some(127), false, now));
        assert!(!top.admit(5, Some(127), false, now));
        // The silence does not count as talking: the place is taken by who talks.
        assert!(top.admit(0, Some(127), false, now + SECOND));
        top.admit(1, Some(30), true, now + SECOND);
        assert!(top.admit(5, Some(50), true, now + SECOND));
        assert!(!top.holds(0));
    }

    #[test]
    fn who_is_clearly_louder_replaces_the_quietest_who_talks() {
        let mut top = all_talk(3, 40);
        let now = 100 * FRAME;
        top.admit(0, Some(35), true, now);
        top.admit(2, Some(30), true, now);
        top.admit(1, Some(40), true, now);
        assert!(!top.admit(5, Some(36), true, now), "not by the margin");
        assert!(top.admit(5, Some(34), true, now));
        assert!(!top.holds(1) && top.holds(0) && top.holds(2));
    }

    #[test]
    fn equals_do_not_take_turns() {
        let mut top = TopSpeakers::new(1, 2);
        let mut held = Vec::new();
        // Three talk at once, in syllables of 160 ms with 80 ms between them.
        for frame in 0..1_500i64 {
            for track in 0..3usize {
                let syllable = (frame + 4 * track as i64) % 12 < 8;
                let level = if syllable { 35 } else { 127 };
                top.admit(track, Some(level), syllable, frame * FRAME);
            }
            let now: Vec<bool> = (0..3).map(|track| top.holds(track)).collect();
            if held.last() != Some(&now) {
                held.push(now);
            }
        }
        assert!(held.len() <= 2, "{held:?}");
    }

    #[test]
    fn a_microphone_without_levels_takes_a_free_place_only() {
        let mut top = TopSpeakers::new(1, 2);
        assert!(top.admit(0, None, true, 0));
        assert!(top.admit(1, Some(30), true, 0));
        assert!(!top.admit(2, None, true, 0));
        assert!(
            top.admit(2, Some(40), true, HELD_US),
            "and loses it to any sound"
        );
        assert!(!top.holds(0));
    }

    #[test]
    fn fewer_places_silence_somebody_at_once() {
        let mut top = all_talk(3, 30);
        top.set_most(1);
        let now = 100 * FRAME;
        let heard = (0..3).filter(|track| top.admit(*track, Some(30), true, now));
        assert_eq!(heard.count(), 1);
    }

    #[test]
    fn the_last_member_ends_it() {
        let mut top = TopSpeakers::new(1, 1);
        top.join();
        top.join();
        assert!(!top.leave(0));
        assert!(top.leave(1));
    }

    proptest! {
        #[test]
        fn never_more_than_there_are_places(
            most in 1usize..6,
            packets in prop::collection::vec((0usize..9, prop::option::of(0u8..=127), any::<bool>(), 0i64..400_000), 0..300),
        ) {
            let mut top = TopSpeakers::new(1, most);
            let mut now_us = 0;
            for (track, level, sound, passed) in packets {
                now_us += passed;
                let admitted = top.admit(track, level, sound, now_us);
                prop_assert_eq!(admitted, top.holds(track));
                prop_assert!((0..9).filter(|track| top.holds(*track)).count() <= most);
            }
        }

        #[test]
        fn whoever_is_clearly_the_loudest_is_heard_within_the_time_that_a_place_is_safe(
            others in prop::collection::vec(50u8..=60, 5),
        ) {
            let mut top = TopSpeakers::new(1, 5);
            let mut admitted = false;
            for frame in 0..=60 {
                for (track, level) in others.iter().enumerate() {
                    top.admit(track, Some(*level), true, frame * FRAME);
                }
                admitted = top.admit(9, Some(30), true, frame * FRAME);
            }
            prop_assert!(admitted);
        }
    }
}
