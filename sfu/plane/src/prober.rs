//! What is sent to one transport beyond its media, to try what the path carries: clusters
//! at a rate, and padding up to one.

use crate::rates::{Cluster, Rates};
use std::collections::VecDeque;

/// Clusters that wait for their turn, and for how long; one under way is given up after that, too.
const MAX_PENDING: usize = 4;
pub(crate) const CLUSTER_US: i64 = 5_000_000;
/// Padding makes up for at most so much time, and what was sent beyond its rate counts for this.
const MAX_LACK_US: i64 = 20_000;
const MAX_EXCESS_US: i64 = 250_000;
/// However low the rate, so many bytes may lack: one packet of bare padding.
const LEAST_LACK: i64 = 300;

/// A cluster on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) cluster: Cluster,
    /// When it would have begun if it had never been late.
    pub(crate) started_us: i64,
    /// When it is given up.
    pub(crate) until_us: i64,
    /// What the transport had been sent before: bytes, and transport-wide numbers.
    pub(crate) bytes_before: u64,
    pub(crate) number_before: u64,
}

/// One transport's clusters and padding.
#[derive(Debug, Default)]
pub(crate) struct Prober {
    /// When the transport is due again; `None` while nothing is to be sent.
    pub(crate) wake_us: Option<i64>,
    pub(crate) run: Option<Run>,
    pending: VecDeque<(Cluster, i64)>,
    padding_bps: u32,
    /// Bytes of padding that lack, up to when and up to which total.
    lack: i64,
    lack_us: i64,
    lack_total: u64,
}

impl Prober {
    /// Takes new rates; `total` is what the transport was sent so far.
    pub(crate) fn set(&mut self, rates: &Rates, total: u64, now_us: i64) {
        if rates.abort_probes {
            self.pending.clear();
            self.run = None;
        }
        if let Some(cluster) = rates.probe {
            if self.pending.len() == MAX_PENDING {
                self.pending.pop_front();
            }
            self.pending.push_back((cluster, now_us));
        }
        if self.padding_bps == 0 {
            (self.lack, self.lack_us, self.lack_total) = (0, now_us, total);
        }
        self.padding_bps = rates.padding_bps;
    }

    /// Whether there is anything to do.
    pub(crate) fn is_idle(&self) -> bool {
        self.run.is_none() && self.pending.is_empty() && self.padding_bps == 0
    }

    /// The next cluster that is not too old.
    pub(crate) fn next_cluster(&mut self, now_us: i64) -> Option<Cluster> {
        self.has_cluster(now_us)
            .then(|| self.pending.pop_front())?
            .map(|(cluster, _)| cluster)
    }

    /// Whether clusters wait for their turn that are not too old.
    pub(crate) fn has_cluster(&mut self, now_us: i64) -> bool {
        self.pending
            .retain(|(_, ordered_us)| now_us - ordered_us <= CLUSTER_US);
        !self.pending.is_empty()
    }

    /// Total rate that padding fills up to.
    pub(crate) fn padding_bps(&self) -> u64 {
        u64::from(self.padding_bps)
    }

    /// Bytes of padding that lack now.
    pub(crate) fn lack(&mut self, total: u64, now_us: i64) -> i64 {
        let bps = self.padding_bps();
        let elapsed_us = (now_us - self.lack_us).clamp(0, 1_000_000);
        let sent = total.saturating_sub(self.lack_total) as i64;
        self.lack += bytes(bps, elapsed_us) as i64 - sent;
        (self.lack_us, self.lack_total) = (now_us, total);
        let (least, most) = (bytes(bps, MAX_EXCESS_US), bytes(bps, MAX_LACK_US));
        self.lack = self
            .lack
            .clamp(-(least as i64), (most as i64).max(LEAST_LACK));
        self.lack
    }
}

/// Bytes that so many bits per second make in a time.
pub(crate) fn bytes(bps: u64, us: i64) -> u64 {
    bps.saturating_mul(us.max(0) as u64) / 8_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_wait_five_seconds_and_no_more_than_four() {
        let mut prober = Prober::default();
        for id in 1..=6 {
            let cluster = Cluster {
                id,
                bps: 1,
                bytes: 1,
                packets: 1,
            };
            let rates = Rates {
                probe: Some(cluster),
                ..Rates::default()
            };
            prober.set(&rates, 0, 0);
        }
        assert!(!prober.is_idle());
        assert_eq!(prober.next_cluster(0).map(|cluster| cluster.id), Some(3));
        assert_eq!(prober.next_cluster(CLUSTER_US + 1), None);
        assert!(prober.is_idle());
    }

    #[test]
    fn padding_fills_up_to_the_total_and_no_further() {
        let mut prober = Prober::default();
        let rates = Rates {
            padding_bps: 800_000,
            ..Rates::default()
        };
        prober.set(&rates, 5_000, 0);
        assert_eq!(prober.lack(5_000, 10_000), 1_000);
        assert_eq!(prober.lack(6_000, 10_000), 0);
        assert_eq!(prober.lack(6_000, 900_000), 2_000, "20 ms at once");
        assert!(prober.lack(50_000, 900_000) < 0);
    }
}
