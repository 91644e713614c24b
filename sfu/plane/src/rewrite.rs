//! One continuous stream out of many sources: sequence numbers, timestamps and
//! picture ids across drops, layer switches and changes of source.
//!
//! Numbers go out as `in - delta`. A delta holds from some sequence number on
//! until the next one; the last few are kept, so that packets which arrive late
//! still find theirs.

use crate::ring::Meta;

/// How many past deltas are kept for late packets.
const KEPT: usize = 8;

/// Bits of the picture ids that we write (RFC 7741 §4.2, RFC 9628 §4.2).
const PICTURE_ID_MASK: u16 = 0x7fff;

/// From `from` on, numbers are shifted by this much.
#[derive(Clone, Copy, Debug, Default)]
struct Shift {
    from: u64,
    sequence: u64,
    picture_id: u16,
}

/// The numbers that a packet leaves with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Outgoing sequence number, unwrapped: its upper part is the SRTP rollover counter.
    pub sequence: u64,
    /// Outgoing RTP timestamp.
    pub timestamp: u32,
    /// Subtract from the picture id.
    pub picture_id_shift: u16,
    /// Subtract from TL0PICIDX.
    pub tl0_shift: u8,
}

/// The number space of one egress.
#[derive(Clone, Debug)]
pub struct Rewrite {
    shifts: [Shift; KEPT],
    used: usize,
    highest_in: u64,
    highest_out: u64,
    timestamp_shift: u32,
    last_timestamp: u32,
    last_captured_us: i64,
    last_picture_id: u16,
    tl0_shift: u8,
    last_tl0: u8,
    dropping_timestamp: Option<u32>,
    started: bool,
    /// Counts the switches; a retransmission is possible within one source only.
    pub epoch: u16,
}

impl Rewrite {
    /// Numbers start at `sequence` (kept low, so that early reordering cannot wrap
    /// the rollover counter, RFC 3711 §3.3.1) and `timestamp`.
    pub fn new(sequence: u16, timestamp: u32) -> Self {
        Self {
            shifts: [Shift::default(); KEPT],
            used: 0,
            highest_in: 0,
            highest_out: u64::from(sequence & 0x7fff),
            timestamp_shift: 0,
            last_timestamp: timestamp,
            last_captured_us: 0,
            last_picture_id: sequence & PICTURE_ID_MASK,
            tl0_shift: 0,
            last_tl0: 0,
            dropping_timestamp: None,
            started: false,
            epoch: 0,
        }
    }

    /// Continues with another source whose first packet is `meta`, captured at
    /// `captured_us` local time. The timestamp advances by the time that has
    /// passed, at the least by `step`.
    pub fn switch(&mut self, meta: &Meta, captured_us: i64, clock_rate: u32, step: u32) {
        let timestamp = if self.started {
            let elapsed_us = (captured_us - self.last_captured_us).clamp(0, 3_600_000_000);
            let elapsed = (elapsed_us as u64 * u64::from(clock_rate) / 1_000_000) as u32;
            self.last_timestamp.wrapping_add(elapsed.max(step))
        } else {
            self.last_timestamp
        };
        self.timestamp_shift = meta.timestamp.wrapping_sub(timestamp);
        let picture_id = match meta.payload.picture_id {
            Some(id) => id.value.wrapping_sub(self.last_picture_id.wrapping_add(1)),
            None => 0,
        };
        if let Some(tl0) = meta.payload.tl0_pic_idx {
            self.tl0_shift = tl0.value.wrapping_sub(self.last_tl0.wrapping_add(1));
        }
        self.used = 0;
        self.record(Shift {
            from: meta.sequence,
            sequence: meta.sequence.wrapping_sub(self.highest_out + 1),
            picture_id,
        });
        self.highest_in = meta.sequence - 1;
        self.dropping_timestamp = None;
        self.started = true;
        self.epoch = self.epoch.wrapping_add(1);
    }

    /// Goes on without a gap after a silence that was ours: the missing numbers were never meant to come.
    pub fn resume(&mut self, meta: &Meta) {
        if meta.sequence > self.highest_in {
            let last = self.latest();
            // Late packets from inside the gap have no numbers left: theirs are given out again.
            self.used = 0;
            self.record(Shift {
                from: meta.sequence,
                sequence: meta.sequence.wrapping_sub(self.highest_out + 1),
                picture_id: last.picture_id,
            });
            self.highest_in = meta.sequence - 1;
        }
    }

    /// Numbers for a packet that is forwarded; `None` when it is too late to have any.
    pub fn forward(&mut self, meta: &Meta, captured_us: i64) -> Option<Numbers> {
        let shift = self.shift_at(meta.sequence)?;
        let sequence = meta.sequence.wrapping_sub(shift.sequence);
        let timestamp = meta.timestamp.wrapping_sub(self.timestamp_shift);
        if meta.sequence > self.highest_in && sequence <= self.highest_out {
            // Never: a number that was used gives plaintext away (RFC 7714 §8.1).
            return None;
        }
        if meta.sequence > self.highest_in {
            self.highest_in = meta.sequence;
            self.highest_out = sequence;
            self.last_timestamp = timestamp;
            self.last_captured_us = captured_us;
            if let Some(id) = meta.payload.picture_id {
                self.last_picture_id = id.value.wrapping_sub(shift.picture_id) & PICTURE_ID_MASK;
            }
            if let Some(tl0) = meta.payload.tl0_pic_idx {
                self.last_tl0 = tl0.value.wrapping_sub(self.tl0_shift);
            }
        }
        Some(Numbers {
            sequence,
            timestamp,
            picture_id_shift: shift.picture_id,
            tl0_shift: self.tl0_shift,
        })
    }

    /// Leaves a packet out, so that the receiver sees no gap. When it comes late its
    /// number was already left free: those numbers are given, to be filled with padding.
    pub fn drop(&mut self, meta: &Meta) -> Option<Numbers> {
        if meta.sequence <= self.highest_in {
            return self.forward(meta, 0);
        }
        let mut shift = self.latest();
        // A dropped frame must not leave a hole in the picture ids either, or the
        // receiver waits for it; it counts once, however many packets it has.
        let begins_frame = self.dropping_timestamp != Some(meta.timestamp);
        if meta.payload.picture_id.is_some() && begins_frame {
            shift.picture_id = shift.picture_id.wrapping_add(1);
            self.dropping_timestamp = Some(meta.timestamp);
        }
        shift.sequence = shift.sequence.wrapping_add(1);
        let extends_run = meta.sequence == shift.from && self.used > 1;
        shift.from = meta.sequence + 1;
        if extends_run {
            self.shifts[self.used - 1] = shift;
        } else {
            self.record(shift);
        }
        // Numbers between the highest and this one may still arrive: they keep the former shift.
        self.highest_out = meta.sequence.wrapping_sub(shift.sequence);
        self.highest_in = meta.sequence;
        None
    }

    /// Numbers for a packet that was forwarded before, with the picture id shift of that time.
    pub fn again(&self, meta: &Meta, sequence: u64, picture_id_shift: u16) -> Numbers {
        Numbers {
            sequence,
            timestamp: meta.timestamp.wrapping_sub(self.timestamp_shift),
            picture_id_shift,
            tl0_shift: self.tl0_shift,
        }
    }

    /// An incoming timestamp as it goes out.
    pub fn timestamp(&self, incoming: u32) -> u32 {
        incoming.wrapping_sub(self.timestamp_shift)
    }

    /// Whether a packet comes after all that went out or was left out.
    pub fn is_ahead(&self, meta: &Meta) -> bool {
        meta.sequence > self.highest_in
    }

    /// The timestamp of the newest frame that went out.
    pub fn last_timestamp(&self) -> u32 {
        self.last_timestamp
    }

    /// The highest sequence number that went out.
    pub fn highest(&self) -> u64 {
        self.highest_out
    }

    fn latest(&self) -> Shift {
        if self.used == 0 {
            Shift::default()
        } else {
            self.shifts[self.used - 1]
        }
    }

    fn record(&mut self, shift: Shift) {
        if self.used == KEPT {
            self.shifts.copy_within(1.., 0);
            self.used -= 1;
        }
        self.shifts[self.used] = shift;
        self.used += 1;
    }

    fn shift_at(&self, sequence: u64) -> Option<Shift> {
        self.shifts[..self.used]
            .iter()
            .rev()
            .find(|shift| sequence >= shift.from)
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::tests::meta;
    use proptest::prelude::*;
    use sfu_codecs::PictureId;

    fn frame(sequence: u64, timestamp: u32, picture_id: u16) -> Meta {
        let mut meta = meta(sequence);
        meta.timestamp = timestamp;
        meta.payload.picture_id = Some(PictureId {
            offset: 1,
            bits: 15,
            value: picture_id,
        });
        meta
    }

    fn started(first: &Meta) -> Rewrite {
        let mut rewrite = Rewrite::new(100, 5000);
        rewrite.switch(first, 0, 90_000, 3000);
        rewrite
    }

    #[test]
    fn a_switch_continues_every_number() {
        let first = frame(70_000, 900, 10);
        let mut rewrite = started(&first);
        let sent = rewrite.forward(&first, 0).expect("first");
        assert_eq!((sent.sequence, sent.timestamp), (101, 5000));

        let other = frame(200_000, 77, 3);
        rewrite.switch(&other, 100_000, 90_000, 3000);
        let next = rewrite.forward(&other, 100_000).expect("next");
        assert_eq!((next.sequence, next.timestamp), (102, 14_000));
        let ids =
            [(10u16, sent), (3, next)].map(|(id, n)| id.wrapping_sub(n.picture_id_shift) & 0x7fff);
        assert_eq!(ids[1], ids[0] + 1);
    }

    #[test]
    fn dropped_frames_leave_no_holes() {
        let first = frame(1000, 0, 0);
        let mut rewrite = started(&first);
        rewrite.forward(&first, 0);
        for sequence in 1001..1003 {
            assert!(rewrite.drop(&frame(sequence, 3000, 1)).is_none());
        }
        let kept = frame(1003, 6000, 2);
        let sent = rewrite.forward(&kept, 0).expect("kept");
        assert_eq!(sent.sequence, 102);
        assert_eq!(
            2u16.wrapping_sub(sent.picture_id_shift) & 0x7fff,
            rewrite.last_picture_id
        );
        assert_eq!(
            sent.picture_id_shift,
            rewrite.shifts[0].picture_id.wrapping_add(1)
        );
    }

    #[test]
    fn a_late_packet_takes_the_number_left_for_it() {
        let first = frame(1000, 0, 0);
        let mut rewrite = started(&first);
        rewrite.forward(&first, 0);
        rewrite.drop(&frame(1002, 3000, 1));
        assert_eq!(
            rewrite
                .forward(&frame(1003, 6000, 2), 0)
                .expect("sent")
                .sequence,
            103
        );
        assert_eq!(
            rewrite
                .forward(&frame(1001, 0, 0), 0)
                .expect("late")
                .sequence,
            102
        );
        assert!(
            rewrite.forward(&frame(999, 0, 0), 0).is_none(),
            "before the source"
        );
    }

    #[test]
    fn a_packet_that_was_overtaken_at_a_resume_has_no_number() {
        let first = frame(70_000, 0, 0);
        let mut rewrite = started(&first);
        rewrite.forward(&first, 0);
        let overtaking = frame(70_061, 3000, 1);
        rewrite.resume(&overtaking);
        assert_eq!(rewrite.forward(&overtaking, 0).expect("new").sequence, 102);
        assert_eq!(rewrite.forward(&frame(70_060, 3000, 1), 0), None);
    }

    #[test]
    fn a_late_drop_is_filled() {
        let first = frame(1000, 0, 0);
        let mut rewrite = started(&first);
        rewrite.forward(&first, 0);
        rewrite.forward(&frame(1002, 3000, 1), 0);
        assert_eq!(
            rewrite.drop(&frame(1001, 3000, 1)).expect("hole").sequence,
            102
        );
    }

    proptest! {
        /// Whatever is dropped, packets in order leave numbered without gaps.
        #[test]
        fn in_order_output_is_contiguous(kept in prop::collection::vec(any::<bool>(), 1..300)) {
            let first = frame(5000, 0, 7);
            let mut rewrite = started(&first);
            let mut last = rewrite.forward(&first, 0).expect("first").sequence;
            let mut last_id = rewrite.last_picture_id;
            for (n, keep) in kept.into_iter().enumerate() {
                let n = n as u64 + 1;
                let meta = frame(5000 + n, n as u32 * 3000, 7 + n as u16);
                if keep {
                    let sent = rewrite.forward(&meta, 0).expect("in order");
                    prop_assert_eq!(sent.sequence, last + 1);
                    prop_assert_eq!(rewrite.last_picture_id, (last_id + 1) & PICTURE_ID_MASK);
                    last = sent.sequence;
                    last_id = rewrite.last_picture_id;
                } else {
                    prop_assert!(rewrite.drop(&meta).is_none());
                }
            }
        }

        /// No two packets ever leave with the same number, however they are reordered.
        #[test]
        fn numbers_are_never_reused(order in prop::collection::vec((0u64..200, 0u8..8), 1..300)) {
            let first = frame(5000, 0, 7);
            let mut rewrite = started(&first);
            let mut seen = std::collections::HashSet::new();
            seen.insert(rewrite.forward(&first, 0).expect("first").sequence);
            let mut arrived = std::collections::HashSet::new();
            for (n, what) in order {
                if n == 0 || !arrived.insert(n) {
                    continue;
                }
                let meta = frame(5000 + n, n as u32 * 3000, 7 + n as u16);
                if what == 0 {
                    rewrite.resume(&meta);
                }
                let sent = if what < 5 { rewrite.forward(&meta, 0) } else { rewrite.drop(&meta) };
                if let Some(sent) = sent {
                    prop_assert!(seen.insert(sent.sequence), "{} twice", sent.sequence);
                }
            }
        }
    }
}
