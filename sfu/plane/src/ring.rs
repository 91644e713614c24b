//! The recent packets of a track, in plaintext, in the order of their arrival.
//!
//! One copy serves every egress, retransmission and late joiner. Packets are
//! named by a running index; an index older than the capacity is gone.

use sfu_codecs::{Codec, Payload};

/// Room for one payload; no larger one passes an Ethernet MTU.
pub const MAX_PAYLOAD: usize = 1472;

/// What is known of a stored packet besides its payload.
#[derive(Clone, Copy, Debug)]
pub struct Meta {
    /// Unwrapped sequence number of its stream.
    pub sequence: u64,
    /// When its frame was captured, in local time.
    pub captured_us: i64,
    /// When it came, in local time.
    pub arrived_us: i64,
    /// As sent by the publisher.
    pub timestamp: u32,
    /// Payload length; zero where the packet only fills its sequence number.
    pub len: u16,
    /// Length to which an egress pads it, so that a burst's packets are of one size.
    pub padded: u16,
    /// Which of the track's layers.
    pub layer: u8,
    /// RTP marker bit.
    pub marker: bool,
    /// The first after a silence of our own making: numbering goes on without a gap.
    pub resumes: bool,
    /// It stands here for the second time, for those who begin with a keyframe whose first packet
    /// came late: whoever has had it passes it over.
    pub repeated: bool,
    /// What it carries.
    pub codec: Codec,
    /// What the payload says of itself.
    pub payload: Payload,
    /// Audio level extension (RFC 6464) as received.
    pub audio_level: Option<u8>,
    /// Coordination of video orientation as received (3GPP TS 26.114).
    pub orientation: Option<u8>,
    /// Playout delay limits as received.
    pub playout_delay: Option<[u8; 3]>,
}

/// A bounded store of the latest packets.
pub struct Ring {
    metas: Box<[Option<Meta>]>,
    bytes: Box<[u8]>,
    next: u64,
}

impl Ring {
    /// A ring for `capacity` packets, rounded up to a power of two.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(16, 65_536).next_power_of_two();
        Self {
            metas: vec![None; capacity].into_boxed_slice(),
            bytes: vec![0; capacity * MAX_PAYLOAD].into_boxed_slice(),
            next: 0,
        }
    }

    /// How many packets it keeps.
    pub fn capacity(&self) -> usize {
        self.metas.len()
    }

    /// The index that the next packet will get.
    #[inline]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The oldest index that may still be here.
    #[inline]
    pub fn oldest(&self) -> u64 {
        self.next.saturating_sub(self.metas.len() as u64)
    }

    /// Stores a packet whose payload is at most [`MAX_PAYLOAD`] long; gives its index.
    pub fn push(&mut self, mut meta: Meta, payload: &[u8]) -> u64 {
        let index = self.next;
        let slot = self.slot(index);
        let at = slot * MAX_PAYLOAD;
        meta.len = payload.len() as u16;
        // What another worker relays is padded already.
        meta.padded = meta.padded.max(meta.len);
        self.bytes[at..at + payload.len()].copy_from_slice(payload);
        self.metas[slot] = Some(meta);
        self.next += 1;
        index
    }

    /// A stored packet, while it is still here.
    #[inline]
    pub fn get(&self, index: u64) -> Option<(&Meta, &[u8])> {
        if index >= self.next || index < self.oldest() {
            return None;
        }
        let slot = self.slot(index);
        let meta = self.metas[slot].as_ref()?;
        let at = slot * MAX_PAYLOAD;
        Some((meta, &self.bytes[at..at + meta.len as usize]))
    }

    /// Stores a packet that stands here once more, as the newest.
    pub fn repeat(&mut self, index: u64) {
        let (from, to) = (self.slot(index), self.slot(self.next));
        let Some(mut meta) = self.metas[from].filter(|_| index < self.next) else {
            return;
        };
        meta.repeated = true;
        meta.resumes = false;
        meta.payload.keyframe = false;
        let at = from * MAX_PAYLOAD;
        self.bytes
            .copy_within(at..at + meta.len as usize, to * MAX_PAYLOAD);
        self.metas[to] = Some(meta);
        self.next += 1;
    }

    /// Gives the packets of one layer in `from..` that differ by a few bytes the
    /// same padded length, so that they leave as one segmented datagram.
    pub fn equalise(&mut self, from: u64) {
        const WORTH_PADDING: u16 = 8;
        let from = from.max(self.oldest());
        let mut longest = [0u16; crate::names::MAX_LAYERS];
        for index in from..self.next {
            let slot = self.slot(index);
            if let Some(meta) = &self.metas[slot] {
                let longest = &mut longest[meta.layer as usize];
                *longest = (*longest).max(meta.len);
            }
        }
        for index in from..self.next {
            let slot = self.slot(index);
            if let Some(meta) = &mut self.metas[slot] {
                let longest = longest[meta.layer as usize];
                if meta.len > 0 && longest - meta.len <= WORTH_PADDING {
                    meta.padded = longest;
                }
            }
        }
    }

    #[inline]
    fn slot(&self, index: u64) -> usize {
        index as usize & (self.metas.len() - 1)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A plain packet of layer 0 for tests of whoever reads rings.
    pub(crate) fn meta(sequence: u64) -> Meta {
        Meta {
            sequence,
            captured_us: 0,
            arrived_us: 0,
            timestamp: 0,
            len: 0,
            padded: 0,
            layer: 0,
            marker: false,
            resumes: false,
            repeated: false,
            codec: Codec::Vp8,
            payload: Payload::default(),
            audio_level: None,
            orientation: None,
            playout_delay: None,
        }
    }

    #[test]
    fn keeps_the_latest_and_forgets_the_rest() {
        let mut ring = Ring::new(16);
        for n in 0..20u64 {
            assert_eq!(ring.push(meta(n), &[n as u8; 3]), n);
        }
        assert!(ring.get(3).is_none());
        let (found, payload) = ring.get(4).expect("still here");
        assert_eq!((found.sequence, payload), (4, &[4u8; 3][..]));
        assert!(ring.get(20).is_none());
    }

    #[test]
    fn equalises_small_differences_only() {
        let mut ring = Ring::new(16);
        for len in [1000, 999, 400] {
            ring.push(meta(0), &vec![0; len]);
        }
        ring.equalise(0);
        let padded: Vec<u16> = (0..3)
            .map(|n| ring.get(n).expect("here").0.padded)
            .collect();
        assert_eq!(padded, [1000, 1000, 400]);
    }
}
