//! How the gaps between groups of packets change on the way (goog_cc, inter_arrival_delta).

use super::row::Delta;

/// Packets sent within this are one group.
const GROUP_US: i64 = 5_000;
/// Packets that arrive faster than they were sent belong together when no further apart …
const BURST_US: i64 = 5_000;
/// … and within this of the first.
const MAX_BURST_US: i64 = 100_000;
/// The receiver's clock may be ahead of ours between two groups by this much.
const CLOCK_JUMP_US: i64 = 3_000_000;
/// Groups in a row that came in before their predecessors.
const MAX_REORDERED: u8 = 3;

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent_us: i64,
    last_sent_us: i64,
    first_arrival_us: i64,
    complete_us: i64,
    /// When we heard of its newest packet.
    heard_us: i64,
    size: u32,
}

/// What a packet led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grouped {
    /// It joined a group, or began the first.
    Joined,
    /// It began a group: the one before is complete.
    Complete(Delta),
    /// The receiver's clock is another one: everything begins anew with the next packet.
    Reset,
}

/// The groups of one transport; packets are to be given in the order of their arrival.
#[derive(Debug, Default)]
pub(super) struct Groups {
    former: Option<Group>,
    current: Option<Group>,
    reordered: u8,
}

impl Groups {
    /// Takes a packet that was received; `now_us` is when we heard of it.
    pub(super) fn add(&mut self, sent_us: i64, arrival_us: i64, size: u32, now_us: i64) -> Grouped {
        let Some(current) = &mut self.current else {
            self.current = Some(Group::new(sent_us, arrival_us, size, now_us));
            return Grouped::Joined;
        };
        if sent_us < current.first_sent_us {
            return Grouped::Joined;
        }
        if !current.ends_before(sent_us, arrival_us) {
            current.last_sent_us = current.last_sent_us.max(sent_us);
            current.complete_us = arrival_us;
            current.heard_us = now_us;
            current.size = current.size.saturating_add(size);
            return Grouped::Joined;
        }
        let ended = *current;
        let mut grouped = Grouped::Joined;
        if let Some(former) = self.former {
            let arrival_delta_us = ended.complete_us - former.complete_us;
            if arrival_delta_us - (ended.heard_us - former.heard_us) >= CLOCK_JUMP_US {
                *self = Self::default();
                return Grouped::Reset;
            }
            if arrival_delta_us < 0 {
                self.reordered += 1;
                if self.reordered < MAX_REORDERED {
                    return Grouped::Joined;
                }
                *self = Self::default();
                return Grouped::Reset;
            }
            self.reordered = 0;
            grouped = Grouped::Complete(Delta {
                send_us: clamp(ended.last_sent_us - former.last_sent_us),
                arrival_us: clamp(arrival_delta_us),
                at_us: ended.complete_us,
                size: ended.size,
            });
        }
        self.former = Some(ended);
        self.current = Some(Group::new(sent_us, arrival_us, size, now_us));
        grouped
    }
}

impl Group {
    fn new(sent_us: i64, arrival_us: i64, size: u32, now_us: i64) -> Self {
        Self {
            first_sent_us: sent_us,
            last_sent_us: sent_us,
            first_arrival_us: arrival_us,
            complete_us: arrival_us,
            heard_us: now_us,
            size,
        }
    }

    fn ends_before(&self, sent_us: i64, arrival_us: i64) -> bool {
        let sent_delta_us = sent_us - self.last_sent_us;
        let arrival_delta_us = arrival_us - self.complete_us;
        let is_burst = sent_delta_us == 0
            || (arrival_delta_us < sent_delta_us
                && arrival_delta_us <= BURST_US
                && arrival_us - self.first_arrival_us < MAX_BURST_US);
        !is_burst && sent_us - self.first_sent_us > GROUP_US
    }
}

fn clamp(us: i64) -> i32 {
    us.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn deltas(packets: impl IntoIterator<Item = (i64, i64)>) -> Vec<Grouped> {
        let mut groups = Groups::default();
        let packets = packets.into_iter();
        let grouped = packets.map(|(sent, arrival)| groups.add(sent, arrival, 100, arrival));
        grouped
            .filter(|grouped| *grouped != Grouped::Joined)
            .collect()
    }

    fn delta(send_us: i32, arrival_us: i32, at_us: i64, size: u32) -> Grouped {
        Grouped::Complete(Delta {
            send_us,
            arrival_us,
            at_us,
            size,
        })
    }

    #[test]
    fn packets_of_five_milliseconds_are_one_group() {
        let packets = [(0, 50), (5_000, 9_000), (33_000, 43_000), (35_000, 46_000)];
        let more = [(66_000, 80_000), (99_000, 120_000)];
        assert_eq!(
            deltas(packets.into_iter().chain(more)),
            [
                delta(30_000, 37_000, 46_000, 200),
                delta(31_000, 34_000, 80_000, 100)
            ]
        );
    }

    #[test]
    fn what_queued_together_stays_together() {
        // Sent 10 ms apart, received 1 ms apart: a queue has let go of them at once.
        let held = (1..=10).map(|n| (n * 10_000, 200_000 + n * 1_000));
        let packets = [(0, 0)]
            .into_iter()
            .chain(held)
            .chain([(300_000, 301_000), (400_000, 401_000)]);
        let found = deltas(packets);
        assert_eq!(found[0], delta(100_000, 210_000, 210_000, 1_000));
        // No longer than 100 ms, though: the queue may have become a habit.
        let endless = (0..300).map(|n| (n * 10_000, 500_000 + n * 1_000));
        assert_eq!(deltas(endless).len(), 1);
    }

    #[test]
    fn another_clock_is_a_new_start() {
        let mut groups = Groups::default();
        for n in 0..3 {
            groups.add(n * 20_000, n * 20_000, 100, n * 20_000);
        }
        groups.add(60_000, 10_000_000, 100, 60_000);
        assert_eq!(groups.add(80_000, 10_020_000, 100, 80_000), Grouped::Reset);
        assert_eq!(
            groups.add(100_000, 10_040_000, 100, 100_000),
            Grouped::Joined
        );
    }

    #[test]
    fn groups_that_come_in_backwards_are_believed_at_the_third() {
        let mut groups = Groups::default();
        for n in 0..3 {
            groups.add(n * 20_000, 1_000_000 + n * 20_000, 100, n);
        }
        let back: Vec<_> = (3..7)
            .map(|n| groups.add(n * 20_000, n * 20_000, 100, n))
            .collect();
        let expected = [Grouped::Joined, Grouped::Reset];
        assert_eq!(
            back.iter()
                .filter(|grouped| expected[1] == **grouped)
                .count(),
            1
        );
        assert!(back
            .iter()
            .all(|grouped| !matches!(grouped, Grouped::Complete(delta) if delta.arrival_us < 0)));
    }

    proptest! {
        #[test]
        fn any_times_are_survived(packets in prop::collection::vec((0i64..1 << 40, -(1i64 << 50)..1 << 50, 0i64..1 << 40), 0..200)) {
            let mut groups = Groups::default();
            for (sent, arrival, now) in packets {
                if let Grouped::Complete(delta) = groups.add(sent, arrival, u32::MAX, now) {
                    prop_assert!(delta.arrival_us >= 0);
                }
            }
        }
    }
}
