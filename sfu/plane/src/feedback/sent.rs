//! What was sent to one transport under transport-wide numbers, until it is reported on.
//!
//! Numbers are kept in 64 bits; on the wire go the low 16. The memory begins small
//! and doubles while it would forget a packet sooner than [`KEPT_US`].

/// Packets remembered at first and at most, powers of two: 8 bytes each.
const FIRST: usize = 256;
const MOST: usize = 8192;
/// Packets are remembered for so long, as long as [`MOST`] suffices.
const KEPT_US: u32 = 1_500_000;
/// After so long a silence nothing is still to be reported on (goog_cc, kSendTimeHistoryWindow).
const FORGET_US: i64 = 60_000_000;

/// What is known of a packet's fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing yet.
    #[default]
    Sent,
    /// It was reported missing.
    Lost,
    /// It was reported received.
    Acked,
}

/// A packet that left.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Packet {
    /// Low 32 bits of the send time.
    sent_us: u32,
    /// As on the wire.
    pub(super) size: u16,
    /// Its fate.
    pub(super) state: State,
    /// The probe cluster that it was part of, 0 for none.
    pub(super) cluster: u8,
}

impl Packet {
    /// When it left; `now_us` must be less than an hour later.
    pub(super) fn sent_us(&self, now_us: i64) -> i64 {
        now_us - i64::from((now_us as u32).wrapping_sub(self.sent_us))
    }
}

/// A packet's own stream and number, for reports that name these (RFC 8888).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StreamNumber {
    /// Synchronisation source.
    pub(super) ssrc: u32,
    /// RTP sequence number.
    pub(super) sequence: u16,
}

/// The packets of one transport.
#[derive(Debug, Default)]
pub(super) struct SentPackets {
    packets: Box<[Packet]>,
    /// Beside each packet, once a report has asked for it.
    streams: Option<Box<[StreamNumber]>>,
    oldest: u64,
    next: u64,
    /// Everything below was reported on, or is forgotten.
    reported: u64,
    in_flight_bytes: u32,
    last_sent_us: i64,
}

impl SentPackets {
    /// The number that the next packet gets.
    #[inline]
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The lowest number that was not reported on.
    pub(super) fn reported(&self) -> u64 {
        self.reported
    }

    /// Bytes beyond the highest number that was reported on.
    pub(super) fn in_flight_bytes(&self) -> u32 {
        self.in_flight_bytes
    }

    /// How long the oldest packet in flight has been under way; 0 without one.
    pub(super) fn waiting_us(&self, now_us: i64) -> i64 {
        let oldest = self.get(self.reported);
        oldest.map_or(0, |packet| now_us - packet.sent_us(now_us))
    }

    /// Remembers a packet.
    #[inline]
    pub(super) fn record(&mut self, size: usize, cluster: u8, name: StreamNumber, now_us: i64) {
        if self.next - self.oldest == self.packets.len() as u64 {
            if self.packets.len() == MOST || self.oldest_is_expendable(now_us) {
                self.settle(self.oldest);
                self.oldest += 1;
            } else {
                self.grow();
            }
        }
        if now_us - self.last_sent_us > FORGET_US {
            self.oldest = self.next;
            self.reported = self.next;
            self.in_flight_bytes = 0;
        }
        let slot = self.slot(self.next);
        self.packets[slot] = Packet {
            sent_us: now_us as u32,
            size: size as u16,
            state: State::Sent,
            cluster,
        };
        if let Some(streams) = &mut self.streams {
            streams[slot] = name;
        }
        self.next += 1;
        self.in_flight_bytes += size as u32;
        self.last_sent_us = now_us;
    }

    /// The full number of one on the wire, if that packet is remembered.
    #[inline]
    pub(super) fn unwrap(&self, sequence: u16) -> Option<u64> {
        let behind = (self.next as u16).wrapping_sub(sequence);
        let number = self.next.checked_sub(u64::from(behind))?;
        (number >= self.oldest && behind > 0).then_some(number)
    }

    /// The packet of a number.
    #[inline]
    pub(super) fn get(&self, number: u64) -> Option<&Packet> {
        let is_here = (self.oldest..self.next).contains(&number);
        is_here.then(|| &self.packets[self.slot(number)])
    }

    /// The packet of a number.
    #[inline]
    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Packet> {
        let slot = self.slot(number);
        let is_here = (self.oldest..self.next).contains(&number);
        is_here.then(|| &mut self.packets[slot])
    }

    /// Every packet that may still be reported on, with its own stream and number.
    /// The first call finds none: it makes the memory for them.
    pub(super) fn by_stream(&mut self) -> impl Iterator<Item = (u64, StreamNumber)> + '_ {
        let len = self.packets.len().max(FIRST);
        if self.packets.is_empty() {
            self.packets = vec![Packet::default(); len].into();
        }
        let streams: &[StreamNumber] = self
            .streams
            .get_or_insert_with(|| vec![StreamNumber::default(); len].into());
        (self.oldest..self.next).map(move |number| (number, streams[number as usize & (len - 1)]))
    }

    /// How many packets are remembered.
    pub(super) fn len(&self) -> usize {
        (self.next - self.oldest) as usize
    }

    /// Everything up to a number was reported on: it is no longer in flight.
    pub(super) fn settle(&mut self, number: u64) {
        while self.reported <= number && self.reported < self.next {
            let size = self.get(self.reported).map_or(0, |packet| packet.size);
            self.in_flight_bytes -= u32::from(size);
            self.reported += 1;
        }
    }

    fn slot(&self, number: u64) -> usize {
        // An empty memory has no slots, and no numbers that are looked for.
        number as usize & self.packets.len().wrapping_sub(1)
    }

    #[inline]
    fn oldest_is_expendable(&self, now_us: i64) -> bool {
        let is_old = |packet: &Packet| (now_us as u32).wrapping_sub(packet.sent_us) >= KEPT_US;
        self.get(self.oldest).is_some_and(is_old)
    }

    #[cold]
    fn grow(&mut self) {
        let longer = (2 * self.packets.len()).max(FIRST);
        let mut packets = vec![Packet::default(); longer].into_boxed_slice();
        for number in self.oldest..self.next {
            packets[number as usize & (longer - 1)] = self.packets[self.slot(number)];
        }
        if let Some(former) = &self.streams {
            let mut streams = vec![StreamNumber::default(); longer].into_boxed_slice();
            for number in self.oldest..self.next {
                streams[number as usize & (longer - 1)] = former[self.slot(number)];
            }
            self.streams = Some(streams);
        }
        self.packets = packets;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAME: StreamNumber = StreamNumber {
        ssrc: 1,
        sequence: 2,
    };

    #[test]
    fn remembers_a_second_and_a_half_at_any_rate_up_to_its_limit() {
        for (packets_per_second, expected) in [(50, 256), (600, 1024), (3_000, 8192)] {
            let mut sent = SentPackets::default();
            for n in 0..packets_per_second * 4 {
                sent.record(1000, 0, NAME, n * 1_000_000 / packets_per_second);
            }
            assert_eq!(sent.packets.len(), expected);
            assert!(sent.len() as i64 >= packets_per_second.min(170) * 3 / 2);
        }
        let mut flood = SentPackets::default();
        (0..100_000).for_each(|n| flood.record(1000, 0, NAME, n));
        assert_eq!(flood.len(), MOST);
        assert_eq!(flood.in_flight_bytes(), MOST as u32 * 1000);
    }

    #[test]
    fn nothing_is_expected_after_a_long_silence() {
        let mut sent = SentPackets::default();
        sent.record(1000, 0, NAME, 0);
        sent.record(1000, 0, NAME, FORGET_US + 1);
        assert_eq!((sent.len(), sent.in_flight_bytes()), (1, 1000));
        assert_eq!((sent.unwrap(0), sent.unwrap(1)), (None, Some(1)));
    }

    #[test]
    fn names_are_known_from_the_first_question_on() {
        let mut sent = SentPackets::default();
        sent.record(1000, 0, NAME, 0);
        assert!(sent.by_stream().all(|(_, name)| name != NAME));
        (0..600).for_each(|n| sent.record(1000, 0, NAME, n));
        assert_eq!(
            sent.by_stream().filter(|(_, name)| *name == NAME).count(),
            600
        );
    }

    proptest! {
        #[test]
        fn in_flight_is_what_was_sent_beyond_the_report(
            steps in prop::collection::vec((1u64..400, 1u64..400, 0i64..400_000), 1..60),
        ) {
            let mut sent = SentPackets::default();
            let mut now_us = 0;
            for (count, report, elapsed_us) in steps {
                now_us += elapsed_us;
                for _ in 0..count {
                    sent.record(100, 0, NAME, now_us);
                }
                sent.settle((sent.reported() + report).min(sent.next() + 9));
                let flying = sent.next() - sent.reported();
                prop_assert_eq!(u64::from(sent.in_flight_bytes()), flying * 100);
                let newest = sent.next() - 1;
                prop_assert_eq!(sent.unwrap(newest as u16), Some(newest));
                prop_assert_eq!(sent.unwrap(sent.next() as u16), None);
            }
        }
    }
}
