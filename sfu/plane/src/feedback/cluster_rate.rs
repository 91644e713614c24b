//! How fast a probe cluster was sent, and came in.

/// Longer intervals say nothing of a path.
const MAX_INTERVAL_US: i64 = 1_000_000;
/// Packets that may be left off for a first and a last one of a size.
const MAX_TRIM: usize = 16;
const LEAST_PACKETS: usize = 3;

/// A packet of a cluster that came in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Came {
    pub(super) sent_us: i64,
    pub(super) arrival_us: i64,
    pub(super) size: u32,
}

/// bit/s sent and received of packets in the order in which they were sent; 0 where their times say
/// nothing.
pub(super) fn measured(came: &[Came]) -> (u32, u32) {
    let came = alike_ends(came);
    let arrivals = || came.iter().map(|packet| packet.arrival_us);
    let arrival_us = arrivals().max().unwrap_or(0) - arrivals().min().unwrap_or(0);
    let span = 1..=MAX_INTERVAL_US;
    if !span.contains(&span_us(came)) {
        return (0, 0);
    }
    let send_bps = line_bps(came, |packet, before| (packet.sent_us, before));
    if !span.contains(&arrival_us) {
        return (send_bps, 0);
    }
    let receive_bps = line_bps(came, |packet, before| {
        (packet.arrival_us, before + u64::from(packet.size))
    });
    // Faster than twice the sending rate is the work of some buffer.
    let is_strange = receive_bps / 2 > send_bps;
    (send_bps, if is_strange { 0 } else { receive_bps })
}

/// bit/s of the straight line that fits best: `at` makes of a packet, and the bytes before it, a
/// time and the bytes until then. goog_cc divides by the time from the first packet to the last,
/// whose jitter is all of the error then; here it counts for no more than that of the others, and
/// packets that leave in bursts are no faster than they are. 0 where the line does not rise.
fn line_bps(came: &[Came], at: impl Fn(&Came, u64) -> (i64, u64)) -> u32 {
    let mut before = 0;
    let points = came.iter().map(|packet| {
        let (us, bytes) = at(packet, before);
        before += u64::from(packet.size);
        (us as f64, bytes as f64)
    });
    // At most MAX_PACKETS, within seconds of the first one: small numbers, exact sums.
    let origin = came.first().map_or(0.0, |first| at(first, 0).0 as f64);
    let (mut n, mut x, mut y, mut xx, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (us, bytes) in points {
        let us = us - origin;
        n += 1.0;
        x += bytes;
        y += us;
        xx += bytes * bytes;
        xy += bytes * us;
    }
    let (spread, rise) = (n * xx - x * x, n * xy - x * y);
    if rise > 0.0 {
        (8_000_000.0 * spread / rise) as u32
    } else {
        0
    }
}

/// As much of a cluster as begins and ends with packets of about a size; all of it where nothing
/// does. A picture's packet of 1,200 bytes before small ones is sent at once and comes in when all
/// of it is there: taken whole, that looks like a full path at half the rate, and behind them like
/// one that carries twice as much. A part that was sent in less
/// than two fifths of the time lies within a burst or two, and says nothing of the rate.
fn alike_ends(came: &[Came]) -> &[Came] {
    let long_enough = span_us(came) * 2 / 5;
    for trim in 0..=MAX_TRIM.min(came.len().saturating_sub(LEAST_PACKETS)) {
        for left in 0..=trim {
            let part = &came[left..came.len() - (trim - left)];
            if let (Some(first), Some(last)) = (part.first(), part.last()) {
                let (less, more) = (first.size.min(last.size), first.size.max(last.size));
                let are_alike = u64::from(more) * 5 <= u64::from(less) * 6;
                if are_alike && span_us(part) >= long_enough {
                    return part;
                }
            }
        }
    }
    came
}

/// How long it took to send these.
fn span_us(came: &[Came]) -> i64 {
    match (came.first(), came.last()) {
        (Some(first), Some(last)) => last.sent_us - first.sent_us,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is measured of packets of 1,000 bytes that were sent and came at these microseconds.
    fn of_times(times: impl IntoIterator<Item = (i64, i64)>) -> (u32, u32) {
        let came: Vec<Came> = times
            .into_iter()
            .map(|(sent_us, arrival_us)| Came {
                sent_us,
                arrival_us,
                size: 1_000,
            })
            .collect();
        measured(&came)
    }

    #[test]
    fn a_late_packet_at_an_end_is_no_other_path() {
        // At 2 Mbit/s over a path of 1: 72 ms from the first packet to the last.
        let late = |which: i64| {
            of_times((0..10).map(|n| (n * 4_000, n * 8_000 + if n == which { 7_000 } else { 0 })))
        };
        for end in [0, 9] {
            let (_, came) = late(end);
            assert!((930_000..1_070_000).contains(&came), "{end}: {came}");
        }
    }

    #[test]
    fn packets_in_bursts_are_no_faster_than_they_are() {
        // Four bursts of three packets, one each 5 ms: 4.8 Mbit/s.
        let (sent, came) = of_times((0..12).map(|n| (n / 3 * 5_000, n / 3 * 5_000)));
        assert!((4_800_000..5_200_000).contains(&sent), "{sent}");
        assert_eq!(sent, came);
    }

    #[test]
    fn packets_of_one_burst_are_no_measure_of_the_whole() {
        let came: Vec<Came> = [
            (0, 1_200),
            (5_000, 500),
            (5_000, 500),
            (5_000, 500),
            (10_000, 200),
        ]
        .map(|(sent_us, size)| Came {
            sent_us,
            arrival_us: sent_us,
            size,
        })
        .into();
        assert_eq!(span_us(alike_ends(&came)), 10_000);
    }

    proptest! {
        #[test]
        fn what_is_measured_takes_much_of_the_time(
            packets in prop::collection::vec((0_i64..10_000, 60_u32..1_300), 0..40)
        ) {
            let mut sent_us = 0;
            let came: Vec<Came> = packets
                .into_iter()
                .map(|(gap_us, size)| {
                    sent_us += gap_us;
                    Came { sent_us, arrival_us: sent_us, size }
                })
                .collect();
            let part = alike_ends(&came);
            prop_assert!(span_us(part) >= span_us(&came) * 2 / 5);
            prop_assert!(part.len() >= came.len().min(LEAST_PACKETS));
        }
    }
}
