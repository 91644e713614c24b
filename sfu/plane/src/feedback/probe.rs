//! What became of probe clusters (goog_cc, probe_bitrate_estimator).

use super::cluster_rate::{measured, Came};
use crate::rates::Cluster;
use std::collections::VecDeque;

/// Clusters whose result is waited for; beyond that the oldest has failed.
const MAX_OPEN: usize = 4;
/// A cluster without a result has failed after this.
const STALE_US: i64 = 5_000_000;
/// Packets and bytes that must come in, of 5.
const REQUIRED_OF_5: u32 = 4;
/// What so many packets of a cluster say is enough.
const MAX_PACKETS: usize = 128;

/// A cluster's result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// As the control plane names it.
    pub(super) id: u16,
    /// Packets that came in.
    pub(super) packets: u16,
    /// Bytes that came in.
    pub(super) bytes: u32,
    /// How fast these were sent, bit/s.
    pub(super) send_bps: u32,
    /// How fast they came in; 0 where the cluster has failed.
    pub(super) receive_bps: u32,
}

#[derive(Debug)]
struct Open {
    cluster: Cluster,
    tag: u8,
    started_us: i64,
    /// One beyond its last packet, once that has left.
    end: Option<u64>,
    packets: u32,
    bytes: u32,
    /// The first of those that came in.
    came: Vec<Came>,
}

/// The clusters of one transport that have begun.
#[derive(Debug, Default)]
pub(super) struct Clusters {
    open: VecDeque<Open>,
    outcomes: VecDeque<Outcome>,
    last_tag: u8,
}

impl Clusters {
    /// A cluster begins; gives what its packets are to be tagged with.
    pub(super) fn begin(&mut self, cluster: Cluster, now_us: i64) -> u8 {
        if self.open.len() == MAX_OPEN {
            self.close_oldest(true);
        }
        // 0 stands for none; a tag comes back long after its packets were reported on.
        self.last_tag = self.last_tag.checked_add(1).unwrap_or(1);
        self.open.push_back(Open {
            cluster,
            tag: self.last_tag,
            started_us: now_us,
            end: None,
            packets: 0,
            bytes: 0,
            came: Vec::with_capacity(usize::from(cluster.packets).min(MAX_PACKETS)),
        });
        self.last_tag
    }

    /// The last packet of a cluster has left; `next` is the first number behind it.
    pub(super) fn end(&mut self, tag: u8, next: u64) {
        if let Some(open) = self.open.iter_mut().find(|open| open.tag == tag) {
            open.end = Some(next);
        }
    }

    /// A packet of a cluster has come in.
    pub(super) fn add(&mut self, tag: u8, sent_us: i64, arrival_us: i64, size: u32) {
        let Some(open) = self.open.iter_mut().find(|open| open.tag == tag) else {
            return;
        };
        open.packets += 1;
        open.bytes += size;
        if open.came.len() < MAX_PACKETS {
            open.came.push(Came {
                sent_us,
                arrival_us,
                size,
            });
        }
    }

    /// Closes what was reported on in full, up to `reported`, or has waited too long.
    /// Gives whether there is an outcome to tell.
    pub(super) fn settle(&mut self, reported: u64, now_us: i64) -> bool {
        while let Some(oldest) = self.open.front() {
            let is_over = oldest.end.is_some_and(|end| reported >= end);
            let is_stale = now_us - oldest.started_us > STALE_US;
            if !is_over && !is_stale {
                break;
            }
            self.close_oldest(!is_over);
        }
        !self.outcomes.is_empty()
    }

    /// Nothing is to be told of the clusters that have not ended.
    pub(super) fn abort(&mut self) {
        self.open.clear();
    }

    /// The next outcome to tell.
    pub(super) fn take(&mut self) -> Option<Outcome> {
        self.outcomes.pop_front()
    }

    /// Whether the result of one is waited for.
    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether there are more.
    pub(super) fn has_more(&self) -> bool {
        !self.outcomes.is_empty()
    }

    fn close_oldest(&mut self, failed: bool) {
        if let Some(oldest) = self.open.pop_front() {
            let (send_bps, receive_bps) = oldest.rates();
            self.outcomes.push_back(Outcome {
                id: oldest.cluster.id,
                packets: oldest.packets.min(u32::from(u16::MAX)) as u16,
                bytes: oldest.bytes,
                send_bps,
                receive_bps: if failed { 0 } else { receive_bps },
            });
        }
        while self.outcomes.len() > MAX_OPEN {
            self.outcomes.pop_front();
        }
    }
}

impl Open {
    /// Rates of sending and arrival; the latter 0 where they say nothing.
    fn rates(&self) -> (u32, u32) {
        let enough = |came: u32, least: u32| {
            u64::from(came) * 5 >= u64::from(least) * u64::from(REQUIRED_OF_5)
        };
        let is_enough = enough(self.packets, u32::from(self.cluster.packets))
            && enough(self.bytes, self.cluster.bytes);
        let (send_bps, receive_bps) = measured(&self.came);
        (send_bps, if is_enough { receive_bps } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: Cluster = Cluster {
        id: 7,
        bps: 2_000_000,
        bytes: 10_000,
        packets: 10,
    };

    fn run(packets: i64, receive_gap_us: i64) -> Outcome {
        let mut clusters = Clusters::default();
        let tag = clusters.begin(CLUSTER, 0);
        for n in 0..packets {
            clusters.add(tag, n * 4_000, n * receive_gap_us, 1_000);
        }
        clusters.end(tag, 10);
        assert!(
            !clusters.settle(9, 100_000),
            "a packet is still to be reported on"
        );
        assert!(clusters.settle(10, 100_000));
        clusters.take().expect("it is over")
    }

    #[test]
    fn the_rates_are_those_of_what_came_in() {
        let outcome = run(10, 8_000);
        assert_eq!(
            (outcome.id, outcome.packets, outcome.bytes),
            (7, 10, 10_000)
        );
        assert_eq!(
            (outcome.send_bps, outcome.receive_bps),
            (2_000_000, 1_000_000)
        );
        assert_eq!(
            run(8, 4_000).receive_bps,
            2_000_000,
            "four in five are enough"
        );
    }

    #[test]
    fn too_little_or_too_strange_has_failed() {
        assert_eq!(run(7, 4_000).receive_bps, 0);
        assert_eq!(run(10, 1_000).receive_bps, 0, "faster than it was sent");
        assert_eq!(run(10, 200_000).receive_bps, 0, "longer than a second");
        assert_eq!(
            run(0, 0),
            Outcome {
                id: 7,
                ..Outcome::default()
            }
        );
    }

    /// A cluster of packets of these sizes, sent at 2 Mbit/s over a path of so many bit/s.
    fn over(bps: i64, sizes: &[u32]) -> (u32, u32) {
        let mut clusters = Clusters::default();
        let tag = clusters.begin(
            Cluster {
                bytes: 1,
                packets: 1,
                ..CLUSTER
            },
            0,
        );
        let (mut sent_us, mut free_us) = (0, 0);
        for &size in sizes {
            free_us = free_us.max(sent_us) + i64::from(size) * 8_000_000 / bps;
            clusters.add(tag, sent_us, free_us, size);
            sent_us += i64::from(size) * 4;
        }
        clusters.end(tag, 1);
        clusters.settle(1, 100_000);
        let outcome = clusters.take().expect("it is over");
        (outcome.send_bps, outcome.receive_bps)
    }

    #[test]
    fn packets_of_other_sizes_at_the_ends_say_nothing_of_the_path() {
        for sizes in [
            [1_200, 300, 300, 300, 300],
            [300, 300, 300, 300, 1_200],
            [1_100, 1_200, 1_200, 1_100, 160],
            [160, 1_200, 1_100, 1_200, 1_100],
        ] {
            let (sent, came) = over(100_000_000, &sizes);
            assert!((1_999_000..2_001_000).contains(&sent), "{sizes:?}: {sent}");
            assert!((1_900_000..2_100_000).contains(&came), "{sizes:?}: {came}");
            let (_, came) = over(1_000_000, &sizes);
            assert!((980_000..1_020_000).contains(&came), "{sizes:?}: {came}");
        }
    }

    #[test]
    fn a_cluster_whose_sizes_never_meet_is_taken_whole() {
        let (sent, came) = over(1_000_000, &[300, 600, 1_200]);
        assert_eq!((sent, came), (2_000_000, 1_000_000));
    }

    #[test]
    fn stale_and_superfluous_clusters_have_failed() {
        let mut clusters = Clusters::default();
        for _ in 0..MAX_OPEN + 1 {
            clusters.begin(CLUSTER, 0);
        }
        assert_eq!(clusters.take().map(|outcome| outcome.receive_bps), Some(0));
        assert!(!clusters.settle(0, STALE_US));
        assert!(clusters.settle(0, STALE_US + 1));
        assert_eq!(std::iter::from_fn(|| clusters.take()).count(), MAX_OPEN);
    }
}
