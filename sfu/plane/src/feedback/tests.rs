use super::row::tests::field;
use super::*;
use crate::ccfb;
use crate::twcc::{parse, Recorder};
use proptest::prelude::*;

fn report(received: impl IntoIterator<Item = (u16, i64)>) -> Vec<u8> {
    let mut recorder = Recorder::default();
    for (sequence, arrival_us) in received {
        recorder.record(sequence, arrival_us);
    }
    let mut packet = Vec::new();
    assert!(recorder.build(1, 2, &mut packet));
    packet
}

fn tell(history: &mut SendHistory, packet: &[u8], now_us: i64) {
    let feedback = parse(packet).expect("valid");
    history.on_transport_feedback(&feedback, &mut Vec::new(), now_us);
}

fn send(history: &mut SendHistory, count: i64, gap_us: i64, from_us: i64) {
    for n in 0..count {
        history.count(1000);
        history.record(1000, 5, n as u16, from_us + n * gap_us);
    }
}

struct Taken(Vec<u8>, Vec<u8>);

impl Taken {
    fn of(history: &mut SendHistory, now_us: i64) -> Self {
        let mut taken = Self(Vec::new(), Vec::new());
        history.take_row(9, 11, now_us, &mut taken.0, &mut taken.1);
        taken
    }

    fn get<const N: usize>(&self, names: [&str; N]) -> [u64; N] {
        names.map(|name| field(FEEDBACK_DTYPE, &self.0, name))
    }
}

#[test]
fn counts_what_came_and_what_did_not() {
    let mut history = SendHistory::default();
    send(&mut history, 5, 1000, 1000);
    let came = [(0, 1_001_000), (1, 1_002_000), (4, 1_005_000)];
    tell(&mut history, &report(came), 30_000);
    let row = Taken::of(&mut history, 77_000);
    assert_eq!(row.get(["transport", "flags", "reports"]), [9, 1, 1]);
    assert_eq!(
        row.get(["acked", "acked_bytes", "lost", "lost_bytes"]),
        [3, 3000, 2, 2000]
    );
    assert_eq!(
        row.get(["sent_bytes", "in_flight_bytes", "queued_us"]),
        [5000, 0, 11]
    );
    assert_eq!(
        row.get(["time_us", "last_sent_us", "round_trip_us"]),
        [30_000, 5000, 25_000]
    );

    let late = report((0..5).map(|n| (n, 1_001_000 + i64::from(n) * 1_000)));
    tell(&mut history, &late, 60_000);
    let row = Taken::of(&mut history, 78_000);
    assert_eq!(
        row.get(["acked", "lost", "unlost", "unlost_bytes"]),
        [2, 0, 2, 2000]
    );
    assert!(Taken::of(&mut history, 79_000).0.is_empty(), "no news");
}

#[test]
fn numbers_wrap() {
    let mut history = SendHistory::default();
    send(&mut history, 65_530, 100, 0);
    send(&mut history, 20, 1000, 7_000_000);
    let came = (0..20).map(|n| (65_530u16.wrapping_add(n), 9_000_000 + i64::from(n) * 1000));
    tell(&mut history, &report(came), 7_100_000);
    let row = Taken::of(&mut history, 7_100_000);
    assert_eq!(row.get(["acked", "lost", "in_flight_bytes"]), [20, 0, 0]);
}

#[test]
fn delay_above_the_least_and_deltas_between_groups() {
    let mut history = SendHistory::default();
    send(&mut history, 10, 20_000, 0);
    // The path takes 40 ms, and from the fifth packet on 10 ms more.
    let arrival = |n: i64| 5_000_000 + n * 20_000 + if n >= 5 { 10_000 } else { 0 };
    tell(
        &mut history,
        &report((0..10).map(|n| (n as u16, arrival(n)))),
        300_000,
    );
    let row = Taken::of(&mut history, 300_000);
    assert_eq!(
        row.get(["delay_min_us", "delay_max_us", "deltas"]),
        [0, 10_000, 8]
    );
    assert_eq!(row.1.len(), 8 * DELTA_BYTES);
    let pairs: Vec<(u64, u64)> = row
        .1
        .chunks(DELTA_BYTES)
        .map(|delta| {
            let named = |name| field(DELTA_DTYPE, delta, name);
            (named("send_delta_us"), named("arrival_delta_us"))
        })
        .collect();
    let expected = |n| (20_000, if n == 4 { 30_000 } else { 20_000 });
    assert_eq!(pairs, (0..8).map(expected).collect::<Vec<_>>());
}

#[test]
fn another_path_begins_anew() {
    let mut history = SendHistory::default();
    send(&mut history, 100, 10_000, 0);
    tell(
        &mut history,
        &report((0..50).map(|n| (n, i64::from(n) * 10_000))),
        1_000_000,
    );
    history.reset();
    // 70 ms longer, but nobody knows the least of this path yet.
    let came = (50..100).map(|n| (n, i64::from(n) * 10_000 + 70_000));
    tell(&mut history, &report(came), 1_100_000);
    let row = Taken::of(&mut history, 1_100_000);
    let [flags, delay, deltas] = row.get(["flags", "delay_max_us", "deltas"]);
    assert_eq!((flags, delay, deltas), (1 | u64::from(FLAG_RESET), 0, 48));
}

#[test]
fn silence_is_told_twice_a_second() {
    let mut history = SendHistory::default();
    history.look_after(10_000_000);
    assert!(!history.is_to_be_listed(), "nothing is under way");
    send(&mut history, 1, 0, 10_000_000);
    let told: Vec<i64> = (0..20)
        .map(|n| 10_000_000 + n * 100_000)
        .filter(|now_us| {
            history.look_after(*now_us);
            let row = Taken::of(&mut history, *now_us);
            !row.0.is_empty() && row.get(["flags"]) == [u64::from(FLAG_SILENT)]
        })
        .collect();
    assert_eq!(told, [10_500_000, 11_000_000, 11_500_000]);
    tell(&mut history, &report([(0, 0)]), 12_000_000);
    history.look_after(13_000_000);
    assert_eq!(Taken::of(&mut history, 13_000_000).get(["flags"]), [1]);
}

#[test]
fn a_cluster_is_told_when_its_last_packet_was_reported_on() {
    let mut history = SendHistory::default();
    let cluster = Cluster {
        id: 300,
        bps: 1_000_000,
        bytes: 5000,
        packets: 5,
    };
    send(&mut history, 1, 0, 0);
    history.begin_cluster(cluster, 1000);
    send(&mut history, 5, 8000, 1000);
    history.end_cluster();
    send(&mut history, 1, 0, 50_000);
    tell(
        &mut history,
        &report((0..5).map(|n| (n, i64::from(n) * 8000))),
        60_000,
    );
    assert_eq!(
        Taken::of(&mut history, 60_000).get(["flags", "probe"]),
        [1, 0]
    );
    tell(
        &mut history,
        &report((5..7).map(|n| (n, i64::from(n) * 8000))),
        90_000,
    );
    let row = Taken::of(&mut history, 90_000);
    let fields = [
        "flags",
        "probe",
        "probe_packets",
        "probe_bytes",
        "probe_send_bps",
        "probe_receive_bps",
    ];
    assert_eq!(row.get(fields), [33, 300, 5, 5000, 1_000_000, 1_000_000]);
}

#[test]
fn estimates_of_the_receiver_are_kept_apart() {
    let mut history = SendHistory::default();
    history.on_remb(400_000, [1, 2].into_iter(), 0);
    history.on_remb(300_000, [3].into_iter(), 0);
    history.on_report(Some(5_000), 64);
    history.on_nack(3);
    let row = Taken::of(&mut history, 5);
    assert_eq!(
        row.get(["flags", "remb_bps", "report_loss", "nacked"]),
        [6, 700_000, 64, 3]
    );
    assert_eq!(row.get(["round_trip_us", "lost", "time_us"]), [5_000, 0, 5]);
    send(&mut history, 1, 0, 0);
    tell(&mut history, &report([(0, 0)]), 90_000);
    history.on_report(Some(5_000), 0);
    assert_eq!(Taken::of(&mut history, 0).get(["round_trip_us"]), [90_000]);
}

#[test]
fn reports_by_stream_and_number_tell_of_marks() {
    let mut history = SendHistory::default();
    let mut packet = vec![0x8b, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 5, 0, 1, 0, 3];
    packet.extend([0x83u8, 0xff, 0, 0, 0xe1, 0, 0, 0, 0, 20, 0, 0]);
    let tell = |history: &mut SendHistory, now_us| {
        let report = ccfb::parse(&packet).expect("valid");
        history.on_congestion_feedback(&report, &mut Vec::new(), now_us);
    };
    // The first makes the memory for names.
    tell(&mut history, 0);
    send(&mut history, 5, 10_000, 1000);
    tell(&mut history, 100_000);
    let row = Taken::of(&mut history, 100_000);
    assert_eq!(
        row.get(["acked", "lost", "marks", "in_flight_bytes"]),
        [2, 1, 1, 1000]
    );
    assert_eq!(row.get(["last_sent_us"]), [31_000]);
}

#[test]
fn a_flood_of_reports_is_cut_short() {
    let mut history = SendHistory::default();
    let looked = |history: &mut SendHistory, from_us: i64| {
        (0..1000)
            .filter(|n| history.may_look_at(1000, from_us + n * 1000))
            .count()
    };
    // A second of a thousand reports on a thousand packets each.
    let first = looked(&mut history, 60_000_000);
    assert!((20..60).contains(&first), "{first}");
    assert!(looked(&mut history, 61_000_000) < 30);
    let honest = (0..200)
        .filter(|n| history.may_look_at(100, 70_000_000 + n * 50_000))
        .count();
    assert_eq!(honest, 200);
}

proptest! {
    /// Whatever is claimed, no more is counted than was sent, and nothing grows.
    #[test]
    fn lies_are_bounded(
        steps in prop::collection::vec((0i64..300, 0i64..2_000_000, prop::collection::vec((any::<u16>(), -(1i64 << 38)..1 << 38), 1..60)), 1..40),
    ) {
        let mut history = SendHistory::default();
        let (mut now_us, mut sent, mut acked, mut lost, mut unlost) = (0, 0, 0, 0, 0);
        for (count, elapsed_us, claims) in steps {
            send(&mut history, count, 10, now_us);
            sent += count as u64;
            now_us += elapsed_us + 3_000;
            for claim in claims.chunks(7) {
                let claim = claim.iter().map(|(near, us)| (history.peek().wrapping_sub(near % 500), *us));
                let packet = report(claim);
                tell(&mut history, &packet, now_us);
                tell(&mut history, &packet, now_us);
            }
            let row = Taken::of(&mut history, now_us);
            let [more_acked, more_lost, more_unlost, deltas] = row.get(["acked", "lost", "unlost", "deltas"]);
            acked += more_acked;
            lost += more_lost;
            unlost += more_unlost;
            prop_assert_eq!(deltas as usize * DELTA_BYTES, row.1.len());
            prop_assert!(acked + lost - unlost <= sent && unlost <= lost);
            prop_assert!(u64::from(history.sent.in_flight_bytes()) <= sent * 1000);
        }
    }
}

#[test]
fn a_queue_in_the_path_does_not_bear_waiting() {
    let mut history = SendHistory::default();
    send(&mut history, 60, 0, 10_000);
    let came = (0..20).map(|n| (n, i64::from(n) * 10_000 + 70_000));
    tell(&mut history, &report(came), 300_000);
    assert!(history.is_to_be_listed() && !history.is_to_be_hurried(300_000));
    Taken::of(&mut history, 300_000);
    let came = (20..40).map(|n| (n, i64::from(n) * 10_000 + 82_000));
    tell(&mut history, &report(came), 500_000);
    assert!(history.is_to_be_hurried(500_000));
    assert!(!history.is_to_be_hurried(500_000), "it is already");
    Taken::of(&mut history, 500_000);
    assert!(!history.is_to_be_hurried(500_000), "it has been told");
}

#[test]
fn losses_do_not_bear_waiting_nor_does_what_follows() {
    let mut history = SendHistory::default();
    send(&mut history, 60, 0, 10_000);
    let came = |lost| {
        let there = move |n: &u16| *n != lost;
        (0..20).filter(there).map(|n| (n, 70_000))
    };
    tell(&mut history, &report(came(20)), 200_000);
    assert!(!history.is_to_be_hurried(200_000), "all is well");
    tell(
        &mut history,
        &report((20..30).map(|n| (n, 70_000))),
        300_000,
    );
    assert!(!history.is_to_be_hurried(300_000), "still");
    tell(&mut history, &report([(30, 70_000), (32, 70_000)]), 400_000);
    assert!(history.is_to_be_hurried(400_000));
    Taken::of(&mut history, 400_000);
    for (now_us, hurried) in [(1_300_000, true), (2_500_000, false)] {
        history.on_report(None, 0);
        assert_eq!(history.is_to_be_hurried(now_us), hurried);
        Taken::of(&mut history, now_us);
    }
}

#[test]
fn who_reports_late_is_not_silent() {
    let mut history = SendHistory::default();
    send(&mut history, 20, 10_000, 10_000);
    tell(&mut history, &report((0..5).map(|n| (n, 70_000))), 700_000);
    history.look_after(750_000);
    assert_eq!(Taken::of(&mut history, 750_000).get(["flags"]), [1]);
    assert!(!history.is_unheard(SILENT_US, 750_000));
    history.look_after(1_250_000);
    assert!(history.is_unheard(SILENT_US, 1_250_000));
    let flags = u64::from(FLAG_SILENT);
    assert_eq!(Taken::of(&mut history, 1_250_000).get(["flags"]), [flags]);
}

#[test]
fn who_is_at_leisure_tells_the_latest_deltas() {
    let mut history = SendHistory::default();
    assert!(history.set_leisure(true) && !history.set_leisure(true));
    send(&mut history, 130, 10_000, 10_000);
    for first in [0, 60] {
        let came = (first..first + 60).map(|n| (n, i64::from(n) * 10_000 + 70_000));
        tell(
            &mut history,
            &report(came),
            700_000 * i64::from(first / 60 + 1),
        );
        assert!(history.deltas.len() <= 2 * LEISURE_DELTAS * DELTA_BYTES);
    }
    let row = Taken::of(&mut history, 1_500_000);
    assert_eq!(
        row.get(["deltas", "acked"]),
        [20, 120],
        "what is counted is whole"
    );
    let arrived = |n: usize| field(DELTA_DTYPE, &row.1[n * DELTA_BYTES..], "arrival_us");
    assert_eq!(arrived(19) - arrived(0), 190_000);
    assert_eq!(row.1.len(), 20 * DELTA_BYTES);
}

#[test]
fn silence_of_who_has_spoken_is_not_told_at_leisure() {
    let mut history = SendHistory::default();
    send(&mut history, 20, 10_000, 10_000);
    history.look_after(800_000);
    history.set_leisure(true);
    assert!(history.is_to_be_listed() && !history.is_to_be_hurried(800_000));
    tell(&mut history, &report([(0, 70_000)]), 900_000);
    Taken::of(&mut history, 900_000);
    history.look_after(1_900_000);
    assert!(history.is_to_be_hurried(1_900_000));
    assert!(history.is_to_be_listed());
    assert!(!history.is_to_be_listed(), "it is");
    assert!(
        history.set_leisure(false) && history.is_to_be_listed(),
        "on another list"
    );
}
