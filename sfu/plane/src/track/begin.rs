//! With which packet a keyframe begins, in whatever order its packets come.

use super::Track;
use crate::ring::Meta;

/// A keyframe whose first packet came late can be begun with while no more packets than these
/// have come since the others; they stand in the ring twice then.
const MOST_REPEATED: usize = 128;

impl Track {
    /// Stores a packet that others of its stream have overtaken. Where a keyframe begins with it, what
    /// has overtaken it is stored behind it again, for those who begin there. Gives whether one does.
    pub fn push_late(&mut self, mut meta: Meta, payload: &[u8], now_us: i64) -> bool {
        let mut after = [(0, 0); MOST_REPEATED];
        let count = self.overtaking(&meta, &mut after);
        // What overtook it long ago has passed by for good: nothing begins with it.
        meta.payload.keyframe &= count.is_some();
        if !self.push(meta, payload, now_us) {
            return false;
        }
        let after = &mut after[..count.unwrap_or(0)];
        after.sort_unstable();
        for (_, index) in after {
            let is_end = self.ring.get(*index).is_some_and(|(meta, _)| meta.marker);
            self.ring.repeat(*index);
            if is_end {
                self.open_frames &= !(1 << meta.layer);
            }
        }
        if self.open_frames == 0 {
            self.flush_us = Some(now_us);
        }
        true
    }

    /// (sequence, index) of the packets of a keyframe's layer that came before its first one, and
    /// their number; `None` where they are too many, or there is a later keyframe among them.
    fn overtaking(&self, first: &Meta, after: &mut [(u64, u64); MOST_REPEATED]) -> Option<usize> {
        if !first.payload.keyframe || !self.codec.is_video() {
            return None;
        }
        let next = self.ring.next();
        // Copies must not take the places of what is still to be copied.
        let most = MOST_REPEATED.min((self.ring.capacity() - 1) / 2) as u64;
        let farthest = next.saturating_sub(most);
        let (mut count, mut highest, mut is_whole) = (0, first.sequence, false);
        for index in (farthest..next).rev() {
            let (meta, _) = self.ring.get(index)?;
            if meta.layer != first.layer || meta.repeated {
                continue;
            }
            // Others that were overtaken, too, may stand between those that are looked for.
            is_whole = meta.sequence < first.sequence;
            if is_whole {
                continue;
            }
            if meta.payload.keyframe && meta.timestamp != first.timestamp {
                return None;
            }
            after[count] = (meta.sequence, index);
            count += 1;
            highest = highest.max(meta.sequence);
        }
        let is_whole = is_whole || farthest == 0 || highest == first.sequence + count as u64;
        is_whole.then_some(count)
    }

    /// H.264 marks parameter sets and slices alike; only the first packet of the frame begins it.
    pub(super) fn begins_keyframe(&self, meta: &Meta) -> bool {
        if !meta.payload.keyframe {
            return false;
        }
        let same_frame = self.keyframes[meta.layer as usize]
            .and_then(|last| self.ring.get(last.index))
            .is_some_and(|(last, _)| {
                last.timestamp == meta.timestamp && last.sequence < meta.sequence
            });
        !same_frame && (meta.payload.frame_start || self.is_whole_before(meta))
    }

    /// Whether all of its frame that stands before a packet has come: without the parameter sets that
    /// may be there, a slice is of no use. They are asked for as any other packet, and begin the
    /// keyframe when they come.
    fn is_whole_before(&self, meta: &Meta) -> bool {
        // Bit n: of the packet n + 1 before it, whether it has come, and with the same timestamp.
        let (mut come, mut of_frame) = (0u64, 0u64);
        let next = self.ring.next();
        for index in next.saturating_sub(u64::BITS.into())..next {
            let Some((other, _)) = self.ring.get(index) else {
                continue;
            };
            let distance = meta.sequence.wrapping_sub(other.sequence + 1);
            if other.layer == meta.layer && distance < u64::BITS.into() {
                come |= 1 << distance;
                of_frame |= u64::from(other.timestamp == meta.timestamp) << distance;
            }
        }
        let before_frame = come.checked_shr(of_frame.trailing_ones());
        before_frame.is_some_and(|come| come & 1 != 0)
    }
}
