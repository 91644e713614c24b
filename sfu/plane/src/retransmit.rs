//! What an egress remembers of the packets that it sent, to send one again.

/// Packets remembered per egress, a power of two: 1.5 s of a 3 Mbit/s picture.
const REMEMBERED: usize = 512;
/// The same packet is not sent again within a round trip: a repeated request has crossed with the
/// answer. What is not known, or absurd, counts as these.
const LEAST_ROUND_TRIP_US: u32 = 20_000;
const MOST_ROUND_TRIP_US: u32 = 500_000;

#[derive(Clone, Copy, Debug)]
struct Entry {
    index: u32,
    picture_id_shift: u16,
    /// Low bits of the switch count; zero with `resent` zero and index MAX marks an empty entry.
    epoch: u8,
    /// Low bits of the time of the last retransmission in 8 ms units, 0 for none.
    resent: u8,
}

const EMPTY: Entry = Entry {
    index: u32::MAX,
    picture_id_shift: 0,
    epoch: 0,
    resent: 0,
};

/// A packet that can be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its index in the track's ring.
    pub index: u64,
    /// The picture id shift that it was sent with.
    pub picture_id_shift: u16,
}

/// The last packets of one egress; takes no memory before the first.
#[derive(Clone, Debug, Default)]
pub struct History {
    entries: Option<Box<[Entry; REMEMBERED]>>,
    highest: u64,
    /// Ring indices are kept in 32 bits; this is the newest in full.
    newest_index: u64,
    /// Whether there is anything to clear.
    recorded: bool,
}

impl History {
    /// Remembers what was sent under a number.
    #[inline]
    pub fn record(&mut self, sequence: u64, index: u64, picture_id_shift: u16, epoch: u16) {
        if sequence + REMEMBERED as u64 <= self.highest {
            return;
        }
        let entries = self
            .entries
            .get_or_insert_with(|| Box::new([EMPTY; REMEMBERED]));
        // Numbers that were skipped must not find what stood there a turn ago.
        let skipped = sequence
            .saturating_sub(self.highest + 1)
            .min(REMEMBERED as u64);
        for gap in 1..=skipped {
            entries[(sequence - gap) as usize % REMEMBERED] = EMPTY;
        }
        self.recorded = true;
        self.highest = self.highest.max(sequence);
        self.newest_index = self.newest_index.max(index);
        entries[sequence as usize % REMEMBERED] = Entry {
            index: index as u32,
            picture_id_shift,
            epoch: epoch as u8,
            resent: 0,
        };
    }

    /// Finds a packet to send again, unless it is forgotten, of an earlier source, or was just sent again.
    pub fn take(
        &mut self,
        sequence: u64,
        epoch: u16,
        round_trip_us: u32,
        now_us: i64,
    ) -> Option<Sent> {
        let found = self.find(sequence, epoch)?;
        let entry = &mut self.entries.as_mut()?[sequence as usize % REMEMBERED];
        let stamp = ((now_us / 8_000) as u8).max(1);
        let round_trip_us = round_trip_us.clamp(LEAST_ROUND_TRIP_US, MOST_ROUND_TRIP_US);
        let units = (round_trip_us / 8_000) as u8;
        if entry.resent != 0 && stamp.wrapping_sub(entry.resent) <= units {
            return None;
        }
        entry.resent = stamp;
        Some(found)
    }

    /// Finds a packet, unless it is forgotten or of an earlier source.
    pub fn find(&self, sequence: u64, epoch: u16) -> Option<Sent> {
        if sequence > self.highest || self.highest - sequence >= REMEMBERED as u64 {
            return None;
        }
        let entry = &self.entries.as_ref()?[sequence as usize % REMEMBERED];
        if entry.index == u32::MAX || entry.epoch != epoch as u8 {
            return None;
        }
        let behind = (self.newest_index as u32).wrapping_sub(entry.index);
        Some(Sent {
            index: self.newest_index - u64::from(behind),
            picture_id_shift: entry.picture_id_shift,
        })
    }

    /// Nothing of what was sent is sent again: it is of another track, or of a layer that is left.
    pub fn clear(&mut self) {
        if !std::mem::take(&mut self.recorded) {
            return;
        }
        if let Some(entries) = &mut self.entries {
            entries.fill(EMPTY);
        }
        self.newest_index = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_sent_and_nothing_else() {
        let mut history = History::default();
        assert_eq!(history.take(5, 1, 0, 0), None);
        for n in 0..600u64 {
            history.record(1000 + n, n, n as u16, 1);
        }
        assert_eq!(
            history.take(1599, 1, 0, 0),
            Some(Sent {
                index: 599,
                picture_id_shift: 599
            })
        );
        assert_eq!(history.take(1050, 1, 0, 0), None, "forgotten");
        assert_eq!(history.take(1600, 1, 0, 0), None, "not sent yet");
        assert_eq!(history.take(1598, 2, 0, 0), None, "of another source");
    }

    #[test]
    fn does_not_repeat_itself_at_once() {
        let mut history = History::default();
        history.record(10, 3, 0, 1);
        assert!(history.take(10, 1, 0, 1_000_000).is_some());
        assert!(history.take(10, 1, 0, 1_010_000).is_none());
        assert!(history.take(10, 1, 0, 1_040_000).is_some());
    }

    #[test]
    fn a_number_that_was_skipped_finds_nothing() {
        let mut history = History::default();
        history.record(10, 3, 0, 1);
        history.record(10 + REMEMBERED as u64 + 1, 4, 0, 1);
        assert_eq!(history.take(10 + REMEMBERED as u64, 1, 0, 0), None);
    }
}
