//! Two workers' way to each other: opened packets of tracks whose receivers sit on another worker
//! than their publisher, and back the wish for a keyframe.
//!
//! Each direction has one writer and one reader, threads of the same process. The writer gathers a
//! round's packets in a batch of its own and leaves all of them at once; the reader takes at once
//! all that waits. So there is one lock per batch, held for as long as a swap or a copy takes, and
//! neither side ever waits for it: who finds it taken comes again in its next round.
//!
//! What waits is bounded. When the reader has not come for so long that the bound is reached, all
//! that waits gives way to what is new: a live picture is worth more than an old one. The reader
//! sees the hole in the packets' indices. So a slow worker costs the others nothing.

use crate::names::Id;
use crate::ring::Meta;
use crate::wake::Wake;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

/// Wishes for keyframes that wait in one direction; each is made again while it is not fulfilled.
const MAX_WISHES: usize = 256;

/// A packet under way; its payload is in the batch.
#[derive(Clone, Copy, Debug)]
pub struct Relayed {
    /// The track, under the same id on both workers.
    pub track: Id,
    /// In the ring of the worker that received it.
    pub index: u64,
    /// It has no connection with what went before of this track.
    pub anew: bool,
    /// Whether `meta.captured_us` is by the publisher's clock, not by the time of arrival.
    pub timed: bool,
    /// As it stands in the ring.
    pub meta: Meta,
}

/// What travels at once in one direction.
#[derive(Default)]
pub struct Batch {
    packets: Vec<Relayed>,
    bytes: Vec<u8>,
    wishes: Vec<(Id, u8)>,
}

impl Batch {
    /// The packets in the order in which they were written, each with its payload.
    pub fn packets(&self) -> impl Iterator<Item = (&Relayed, &[u8])> {
        let mut rest = &self.bytes[..];
        self.packets.iter().map(move |packet| {
            let (payload, behind) = rest.split_at(usize::from(packet.meta.len));
            rest = behind;
            (packet, payload)
        })
    }

    /// Tracks and layers whose keyframe somebody over there waits for.
    pub fn wishes(&self) -> &[(Id, u8)] {
        &self.wishes
    }

    fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.wishes.is_empty()
    }

    fn wish(&mut self, wish: (Id, u8)) {
        if self.wishes.len() < MAX_WISHES && !self.wishes.contains(&wish) {
            self.wishes.push(wish);
        }
    }

    fn drop_packets(&mut self) -> u64 {
        let dropped = self.packets.len() as u64;
        self.packets.clear();
        self.bytes.clear();
        dropped
    }

    fn append(&mut self, other: &Self) {
        self.packets.extend_from_slice(&other.packets);
        self.bytes.extend_from_slice(&other.bytes);
        other.wishes.iter().for_each(|wish| self.wish(*wish));
    }

    fn clear(&mut self) {
        self.drop_packets();
        self.wishes.clear();
    }
}

/// One direction.
struct Relay {
    waiting: Mutex<Batch>,
    has_news: AtomicBool,
    /// The reader is gone: nobody will take anything any more.
    is_closed: AtomicBool,
    /// Packets that wait at most, and are gathered at most.
    capacity: usize,
    reader: Arc<Wake>,
}

impl Relay {
    /// `None` while the other side has the lock.
    fn try_lock(&self) -> Option<MutexGuard<'_, Batch>> {
        match self.waiting.try_lock() {
            Ok(waiting) => Some(waiting),
            // No batch is left half changed by a panic.
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// The end of the worker that leaves packets.
pub struct Writer {
    relay: Arc<Relay>,
    batch: Batch,
    dropped: u64,
}

impl Writer {
    /// Adds a packet to the batch.
    pub fn push(&mut self, packet: Relayed, payload: &[u8]) {
        debug_assert_eq!(usize::from(packet.meta.len), payload.len());
        if self.batch.packets.len() >= self.relay.capacity {
            self.dropped += self.batch.drop_packets();
        }
        self.batch.packets.push(packet);
        self.batch.bytes.extend_from_slice(payload);
    }

    /// Adds the wish for a layer's keyframe.
    pub fn wish(&mut self, track: Id, layer: u8) {
        self.batch.wish((track, layer));
    }

    /// Leaves the batch for the reader and wakes it; false when that has to be tried again.
    pub fn publish(&mut self) -> bool {
        if self.batch.is_empty() {
            return true;
        }
        if self.relay.is_closed.load(SeqCst) {
            self.dropped += self.batch.packets.len() as u64;
            self.batch.clear();
            return true;
        }
        let Some(mut waiting) = self.relay.try_lock() else {
            return false;
        };
        if waiting.is_empty() {
            std::mem::swap(&mut *waiting, &mut self.batch);
        } else {
            if waiting.packets.len() + self.batch.packets.len() > self.relay.capacity {
                self.dropped += waiting.drop_packets();
            }
            waiting.append(&self.batch);
            self.batch.clear();
        }
        drop(waiting);
        self.relay.has_news.store(true, SeqCst);
        self.relay.reader.wake();
        true
    }

    /// Packets that gave way since the last call.
    pub fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }
}

/// The end of the worker that takes them.
pub struct Reader {
    relay: Arc<Relay>,
    batch: Batch,
}

impl Reader {
    /// Whether something can be taken.
    pub fn has_news(&self) -> bool {
        self.relay.has_news.load(SeqCst)
    }

    /// All that waits; `None` if that is nothing, or the writer is just adding to it. The batch
    /// is to be given back, so that its memory is used again.
    pub fn take(&mut self) -> Option<Batch> {
        if !self.has_news() {
            return None;
        }
        let mut waiting = self.relay.try_lock()?;
        self.relay.has_news.store(false, SeqCst);
        let empty = std::mem::take(&mut self.batch);
        Some(std::mem::replace(&mut *waiting, empty))
    }

    /// A batch that was taken, for the next.
    pub fn give_back(&mut self, mut batch: Batch) {
        batch.clear();
        self.batch = batch;
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.relay.is_closed.store(true, SeqCst);
    }
}

/// What one of two workers has of their relays.
pub struct End {
    /// Towards the other.
    pub writer: Writer,
    /// From the other.
    pub reader: Reader,
}

/// Connects two workers, each by what wakes it; at most `capacity` packets wait in each direction.
pub fn connect(one: &Arc<Wake>, other: &Arc<Wake>, capacity: usize) -> (End, End) {
    let (to_other, from_one) = direction(other, capacity);
    let (to_one, from_other) = direction(one, capacity);
    let end = |writer, reader| End { writer, reader };
    (end(to_other, from_other), end(to_one, from_one))
}

fn direction(reader: &Arc<Wake>, capacity: usize) -> (Writer, Reader) {
    let relay = Arc::new(Relay {
        waiting: Mutex::default(),
        has_news: AtomicBool::new(false),
        is_closed: AtomicBool::new(false),
        capacity,
        reader: Arc::clone(reader),
    });
    let writer = Writer {
        relay: Arc::clone(&relay),
        batch: Batch::default(),
        dropped: 0,
    };
    let batch = Batch::default();
    (writer, Reader { relay, batch })
}

#[cfg(test)]
mod tests;
