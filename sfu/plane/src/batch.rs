//! Datagrams in batches: fixed slabs that are filled and emptied over and over,
//! so that nothing is allocated after the start.

use std::net::{IpAddr, SocketAddr};

/// Where a datagram goes to, or came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Destination {
    /// The peer; IPv4 is never given as a mapped IPv6 address.
    pub remote: SocketAddr,
    /// Our own address on that path, so that answers leave from where the peer sent to; `None`
    /// lets the kernel choose, as on a socket that is bound to one address anyway.
    pub local: Option<IpAddr>,
}

/// Segments of one message, the least that kernels with UDP GSO take (UDP_MAX_SEGMENTS).
pub const MAX_SEGMENTS: u16 = 64;
/// Bytes of one message; the IP length field ends at 65,535, headers included.
pub const MAX_MESSAGE_BYTES: usize = 65_000;

/// One datagram, or several of one size to one destination (UDP GSO).
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// Where it goes to.
    pub to: Destination,
    /// First byte in the slab.
    pub start: usize,
    /// Bytes of all segments.
    pub len: usize,
    /// Bytes of each segment but the last, which may be shorter.
    pub segment: usize,
    /// How many datagrams this is.
    pub segments: u16,
}

impl Message {
    fn takes(&self, to: &Destination, len: usize) -> bool {
        // A shorter segment ends the message: the kernel cuts it into equal parts.
        self.len == self.segment * usize::from(self.segments)
            && len <= self.segment
            && self.segments < MAX_SEGMENTS
            && self.len + len <= MAX_MESSAGE_BYTES
            && self.to == *to
    }
}

/// Datagrams to be sent, in order: one slab of bytes and the messages in it.
pub struct Outbox {
    bytes: Box<[u8]>,
    used: usize,
    reserved: usize,
    messages: Vec<Message>,
    capacity_messages: usize,
    datagrams: usize,
}

impl Outbox {
    /// Room for so many bytes and messages; a message is one or more datagrams.
    pub fn new(capacity_bytes: usize, capacity_messages: usize) -> Self {
        Self {
            bytes: vec![0; capacity_bytes].into(),
            used: 0,
            reserved: 0,
            messages: Vec::with_capacity(capacity_messages),
            capacity_messages,
            datagrams: 0,
        }
    }

    /// Room for a datagram of at most `max` bytes, or `None` when the outbox must be flushed first.
    ///
    /// What the slice holds is undefined. Without [`Outbox::commit`] it is simply reserved again.
    pub fn reserve(&mut self, max: usize) -> Option<&mut [u8]> {
        if max > self.bytes_free() || self.messages_free() == 0 {
            return None;
        }
        self.reserved = max;
        Some(&mut self.bytes[self.used..self.used + max])
    }

    /// Commits the first `len` bytes of what was reserved.
    ///
    /// They join the last message when the destination and the sizes allow. Panics when more is
    /// committed than reserved: a bug.
    pub fn commit(&mut self, to: &Destination, len: usize) {
        assert!(
            len <= self.reserved,
            "committed {len} of {} bytes",
            self.reserved
        );
        match self.messages.last_mut() {
            Some(last) if last.takes(to, len) => {
                last.len += len;
                last.segments += 1;
            }
            _ => self.messages.push(Message {
                to: *to,
                start: self.used,
                len,
                segment: len,
                segments: 1,
            }),
        }
        self.used += len;
        self.reserved = 0;
        self.datagrams += 1;
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Bytes that can still be reserved.
    pub fn bytes_free(&self) -> usize {
        self.bytes.len() - self.used
    }

    /// Messages that can still be begun.
    pub fn messages_free(&self) -> usize {
        self.capacity_messages - self.messages.len()
    }

    /// Datagrams committed since the last [`Outbox::clear`].
    pub fn datagrams(&self) -> usize {
        self.datagrams
    }

    /// The messages in the order they were begun.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The bytes of a message.
    pub fn bytes(&self, message: &Message) -> &[u8] {
        &self.bytes[message.start..message.start + message.len]
    }

    /// Bytes of the slab, from `start`.
    pub(crate) fn range(&self, start: usize, len: usize) -> &[u8] {
        &self.bytes[start..start + len]
    }

    /// Every datagram with its destination, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Destination, &[u8])> {
        self.messages.iter().flat_map(|message| {
            // An empty datagram still has one (empty) chunk.
            let size = message.segment.max(1);
            let bytes = self.bytes(message);
            (0..usize::from(message.segments)).map(move |at| {
                let start = (at * size).min(bytes.len());
                (&message.to, &bytes[start..(start + size).min(bytes.len())])
            })
        })
    }

    /// Forgets everything; the capacity stays.
    pub fn clear(&mut self) {
        self.used = 0;
        self.reserved = 0;
        self.messages.clear();
        self.datagrams = 0;
    }
}

/// Messages received at once.
pub const INBOX_MESSAGES: usize = 64;
/// The same where one is several datagrams (UDP GRO), 64 at the most: a flood of them in one call
/// is not to keep timers waiting.
pub const COALESCED_MESSAGES: usize = 16;
/// The longest datagram that is taken; longer ones are marked as truncated.
pub const INBOX_BYTES: usize = 2048;
/// The longest message of several datagrams.
const COALESCED_BYTES: usize = 1 << 16;

/// Where a datagram came from, and whether all of it is there.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// The sender, and our address that it sent to.
    pub from: Destination,
    /// Whether the datagram was longer than [`INBOX_BYTES`].
    pub truncated: bool,
}

/// What one slot was filled with: one datagram, or several of one sender (UDP GRO).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filled {
    pub(crate) from: Destination,
    /// Bytes of all of them.
    pub(crate) len: usize,
    /// Bytes of each but the last, which may be shorter.
    pub(crate) segment: usize,
    /// Whether the message did not fit the slot.
    pub(crate) truncated: bool,
}

/// The datagrams of one receive call.
pub struct Inbox {
    slab: Box<[u8]>,
    slot_bytes: usize,
    filled: Vec<Filled>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Inbox {
    /// Room for [`INBOX_MESSAGES`] datagrams of [`INBOX_BYTES`] bytes.
    pub fn new() -> Self {
        Self::with_slots(INBOX_MESSAGES, INBOX_BYTES)
    }

    /// Room for [`COALESCED_MESSAGES`] of several datagrams, 1 MiB of them; only what has ever been
    /// written to is resident.
    pub fn coalescing() -> Self {
        // Beginnings of slots are not to meet in one set of a cache.
        Self::with_slots(COALESCED_MESSAGES, COALESCED_BYTES + INBOX_BYTES + 64)
    }

    fn with_slots(count: usize, slot_bytes: usize) -> Self {
        Self {
            slab: vec![0; count * slot_bytes].into(),
            slot_bytes,
            filled: Vec::with_capacity(count),
        }
    }

    /// How many messages can be received at once.
    pub fn capacity(&self) -> usize {
        self.slab.len() / self.slot_bytes
    }

    /// Whether nothing was received.
    pub fn is_empty(&self) -> bool {
        self.filled.is_empty()
    }

    /// The datagrams in the order of their arrival, to be worked on in place.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&mut [u8], Received)> {
        let slots = self.slab.chunks_exact_mut(self.slot_bytes);
        slots.zip(&self.filled).flat_map(|(slot, filled)| {
            let empty: Option<&mut [u8]> = (filled.len == 0).then_some(&mut []);
            let datagrams = slot[..filled.len].chunks_mut(filled.segment.max(1));
            datagrams.chain(empty).map(|datagram| {
                let truncated = filled.truncated || datagram.len() > INBOX_BYTES;
                let from = filled.from;
                (datagram, Received { from, truncated })
            })
        })
    }

    /// The slots for a receive call, and the list to fill with what came, in the same order.
    pub(crate) fn slots(&mut self) -> (impl Iterator<Item = &mut [u8]>, &mut Vec<Filled>) {
        self.filled.clear();
        (
            self.slab.chunks_exact_mut(self.slot_bytes),
            &mut self.filled,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn to(port: u16) -> Destination {
        Destination {
            remote: SocketAddr::from(([127, 0, 0, 1], port)),
            local: None,
        }
    }

    fn put(outbox: &mut Outbox, port: u16, datagram: &[u8]) -> bool {
        let Some(room) = outbox.reserve(datagram.len()) else {
            return false;
        };
        room.copy_from_slice(datagram);
        outbox.commit(&to(port), datagram.len());
        true
    }

    fn shape(outbox: &Outbox) -> Vec<(u16, usize, usize, u16)> {
        let messages = outbox.messages().iter();
        messages
            .map(|m| (m.to.remote.port(), m.len, m.segment, m.segments))
            .collect()
    }

    #[test]
    fn equal_datagrams_join_and_a_shorter_one_ends_the_message() {
        let mut outbox = Outbox::new(10_000, 10);
        for len in [100, 100, 60, 60, 100] {
            assert!(put(&mut outbox, 1, &vec![0; len]));
        }
        assert_eq!(
            shape(&outbox),
            [(1, 260, 100, 3), (1, 60, 60, 1), (1, 100, 100, 1)]
        );
    }

    #[test]
    fn another_destination_or_source_begins_a_message() {
        let mut outbox = Outbox::new(10_000, 10);
        put(&mut outbox, 1, &[0; 50]);
        put(&mut outbox, 2, &[0; 50]);
        put(&mut outbox, 2, &[0; 50]);
        outbox.reserve(50).unwrap();
        let local = Some(IpAddr::from([127, 0, 0, 9]));
        outbox.commit(&Destination { local, ..to(2) }, 50);
        assert_eq!(
            shape(&outbox),
            [(1, 50, 50, 1), (2, 100, 50, 2), (2, 50, 50, 1)]
        );
    }

    #[test]
    fn messages_stay_within_what_the_kernel_takes() {
        let mut outbox = Outbox::new(1 << 20, 100);
        for _ in 0..65 {
            put(&mut outbox, 1, &[0; 100]);
        }
        assert_eq!(shape(&outbox), [(1, 6400, 100, 64), (1, 100, 100, 1)]);
        outbox.clear();
        for _ in 0..50 {
            put(&mut outbox, 1, &[0; 1400]);
        }
        assert_eq!(
            shape(&outbox),
            [(1, 46 * 1400, 1400, 46), (1, 4 * 1400, 1400, 4)]
        );
    }

    #[test]
    fn a_full_outbox_says_so_and_is_good_again_after_clear() {
        let mut outbox = Outbox::new(150, 2);
        assert!(put(&mut outbox, 1, &[0; 100]));
        assert!(!put(&mut outbox, 1, &[0; 100]), "bytes");
        assert!(put(&mut outbox, 2, &[0; 10]));
        assert!(!put(&mut outbox, 3, &[0; 10]), "messages");
        outbox.clear();
        assert_eq!((outbox.bytes_free(), outbox.messages_free()), (150, 2));
        assert!(put(&mut outbox, 1, &[0; 100]));
    }

    #[test]
    #[should_panic(expected = "committed 11 of 10 bytes")]
    fn more_than_reserved_is_a_bug() {
        let mut outbox = Outbox::new(100, 2);
        outbox.reserve(10);
        outbox.commit(&to(1), 11);
    }

    proptest! {
        #[test]
        fn every_datagram_comes_out_as_it_went_in(
            sizes in prop::collection::vec((0u16..3, 1usize..1500, any::<u8>()), 0..300),
        ) {
            let mut outbox = Outbox::new(1 << 19, 300);
            let mut expected = Vec::new();
            for (port, len, fill) in sizes {
                // Sizes repeat, as a frame's packets do.
                let datagram = vec![fill; if fill % 2 == 0 { 1100 } else { len }];
                prop_assert!(put(&mut outbox, port, &datagram));
                expected.push((to(port), datagram));
            }
            prop_assert_eq!(outbox.datagrams(), expected.len());
            let actual: Vec<_> =
                outbox.iter().map(|(to, datagram)| (*to, datagram.to_vec())).collect();
            prop_assert_eq!(actual, expected);
        }
    }
}
