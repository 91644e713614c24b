//! One continuous stream out of many sources: sequence numbers, timestamps and
//! picture ids across drops, layer switches and changes of source.
//!
//! Numbers go out as `in - delta`. A delta holds from some sequence number on
//! until the next one; the last few are kept, so that packets which arrive late
//! still find theirs.

#[cfg(test)]
mod tests;

use crate::ring::Meta;
use sfu_codecs::Codec;

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
        if meta.payload.picture_id.is_some() && begins_frame && !names_references(meta) {
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

/// VP9 in flexible mode says by how much lower picture ids its references have (RFC 9628 §4.2,
/// P_DIFF), so the ids of what is left out have to be missing. It has no TL0PICIDX.
fn names_references(meta: &Meta) -> bool {
    meta.codec == Codec::Vp9 && meta.payload.tl0_pic_idx.is_none()
}
