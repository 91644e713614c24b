use super::*;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

#[test]
fn reads_a_report_made_by_hand() {
    let mut packet = vec![
        0x8f, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xff, 0, 10, 0, 0, 2, 7,
    ];
    packet.extend([0x20, 0x02]); // run: 2 small
    packet.extend([0x00, 0x06]); // run: 6 not received
    packet.extend([0xd8, 0x00]); // vector: 01 10
    packet.extend([4, 8, 1, 0xff, 0xfc]);
    packet.resize(32, 0);
    let feedback = parse(&packet).expect("valid");
    assert_eq!(
        (
            feedback.base_sequence,
            feedback.count,
            feedback.feedback_count
        ),
        (0xffff, 10, 7)
    );
    let got: Vec<(u16, Option<i64>)> = feedback.iter().collect();
    assert_eq!(got[0], (0xffff, Some(129_000)));
    assert_eq!(got[1], (0, Some(131_000)));
    assert!(got[2..8].iter().all(|(_, arrival)| arrival.is_none()));
    assert_eq!(got[8..], [(7, Some(131_250)), (8, Some(130_250))]);
}

#[test]
fn refuses_what_is_cut_off() {
    let mut recorder = Recorder::default();
    (0..20).for_each(|n| recorder.record(n * 2, i64::from(n) * 1000));
    let mut packet = Vec::new();
    assert!(recorder.build(1, 2, &mut packet));
    assert!(parse(&packet).is_ok());
    for len in 0..packet.len() - 4 {
        assert!(parse(&packet[..len]).is_err(), "{len}");
    }
}

#[test]
fn refuses_a_report_on_more_than_anybody_sent() {
    let mut packet = vec![0x8f, 205, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0xff, 0xff];
    packet.resize(40, 0);
    assert!(parse(&packet).is_err());
}

#[test]
fn goes_on_where_the_last_report_ended() {
    let mut recorder = Recorder::default();
    recorder.record(10, 1000);
    let mut packet = Vec::new();
    assert!(recorder.build(1, 2, &mut packet));
    packet.clear();
    assert!(!recorder.build(1, 2, &mut packet), "nothing new");
    recorder.record(13, 2000);
    assert!(recorder.build(1, 2, &mut packet));
    let feedback = parse(&packet).expect("valid");
    let got: Vec<(u16, bool)> = feedback
        .iter()
        .map(|(sequence, arrival)| (sequence, arrival.is_some()))
        .collect();
    assert_eq!(got, [(11, false), (12, false), (13, true)]);
}

/// What one report tells: numbers, and whether they came.
fn told(recorder: &mut Recorder) -> Vec<(u16, bool)> {
    let mut packet = Vec::new();
    if !recorder.build(1, 2, &mut packet) {
        return Vec::new();
    }
    let feedback = parse(&packet).expect("own report");
    let statuses = feedback.iter();
    statuses
        .map(|(sequence, arrival)| (sequence, arrival.is_some()))
        .collect()
}

#[test]
fn reads_every_kind_of_chunk() {
    let mut packet = vec![
        0x8f, 205, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0, 100, 0, 18, 0xff, 0xff, 0xff, 0,
    ];
    packet.extend([0b1010_0000, 0b0000_0001]); // one-bit vector: 1, eleven 0, then 0 1
    packet.extend([0x20, 0]); // an empty run tells of nothing
    packet.extend([0b1101_1000, 0]); // two-bit vector: 1 2, and room for more than there is
    packet.extend([1, 2, 3, 0, 1]);
    packet.resize(32, 0);
    let feedback = parse(&packet).expect("valid");
    assert_eq!(feedback.reference_time_us, -64_000, "24 bits with a sign");
    let came: Vec<(u16, i64)> = feedback
        .iter()
        .filter_map(|(sequence, arrival)| Some((sequence, arrival?)))
        .collect();
    assert_eq!(
        came,
        [
            (100, -63_750),
            (113, -63_250),
            (114, -62_500),
            (115, -62_250)
        ]
    );
    assert_eq!(feedback.iter().count(), 18);
}

#[test]
fn what_came_is_not_taken_back_when_another_comes_late() {
    let mut recorder = Recorder::default();
    for sequence in [10, 11, 13, 14] {
        recorder.record(sequence, 1_000_000 + i64::from(sequence) * 1000);
    }
    assert_eq!(
        told(&mut recorder).iter().filter(|(_, came)| *came).count(),
        4
    );
    recorder.record(12, 1_100_000);
    recorder.record(13, 1_101_000);
    assert_eq!(told(&mut recorder), [(12, true), (13, true), (14, true)]);
    recorder.record(15, 1_200_000);
    assert_eq!(told(&mut recorder), [(15, true)]);
}

#[test]
fn an_outage_is_told_as_loss() {
    let mut recorder = Recorder::default();
    recorder.record(0, 0);
    told(&mut recorder);
    recorder.record(701, 900_000);
    let report = told(&mut recorder);
    assert_eq!(report.len(), 701);
    assert!(report[..700].iter().all(|(_, came)| !came));
    assert_eq!(report[700], (701, true));
}

#[test]
fn nothing_is_told_of_what_was_forgotten() {
    let mut recorder = Recorder::default();
    (0..3000).for_each(|n| recorder.record(n, i64::from(n) * 100));
    recorder.record(5, 400_000);
    let first = told(&mut recorder);
    assert_eq!(first[0], (952, true));
    assert!(first.iter().all(|(_, came)| *came));
}

#[test]
fn a_report_costs_little_more_than_a_byte_per_packet() {
    let mut recorder = Recorder::default();
    // Each twentieth is lost.
    for n in (0..900).filter(|n| n % 20 != 0) {
        recorder.record(n, i64::from(n) * 1000);
    }
    let mut packet = Vec::new();
    assert!(recorder.build(1, 2, &mut packet));
    // 855 deltas, 65 vectors of 14 symbols.
    assert!(packet.len() <= 20 + 855 + 2 * 65 + 3, "{}", packet.len());
    assert_eq!(parse(&packet).expect("own report").count, 899);
}

proptest! {
    /// Packets in disorder, some lost, reports in between: after the last report all that
    /// came is told so, and nothing else; and nobody is told first that a packet came and then not.
    #[test]
    fn reports_agree_whatever_the_order(
        start: u16,
        order in prop::collection::vec((0u16..40, any::<bool>(), 0i64..3_000), 1..300),
    ) {
        let mut recorder = Recorder::default();
        let (mut came, mut said) = (HashSet::new(), HashMap::new());
        let mut now_us = 5_000_000;
        for (n, (back, reports, pause)) in order.iter().enumerate() {
            let sequence = start.wrapping_add(n as u16).wrapping_sub(*back);
            now_us += pause;
            recorder.record(sequence, now_us);
            came.insert(sequence);
            while *reports || n + 1 == order.len() {
                let report = told(&mut recorder);
                if report.is_empty() {
                    break;
                }
                for (sequence, here) in report {
                    let before = said.insert(sequence, here);
                    prop_assert!(here || before != Some(true), "{} is taken back", sequence);
                    prop_assert_eq!(here, came.contains(&sequence));
                }
            }
        }
        let told: HashSet<u16> = said.iter().filter(|(_, came)| **came).map(|(sequence, _)| *sequence).collect();
        prop_assert_eq!(told, came);
    }

    #[test]
    fn reports_what_came_and_when(start: u16, gaps in prop::collection::vec((1u16..5, 0i64..40_000), 1..60)) {
        let mut recorder = Recorder::default();
        let (mut sequence, mut now_us) = (start, 1_000_000);
        let mut came = Vec::new();
        for (step, pause) in gaps {
            sequence = sequence.wrapping_add(step);
            now_us += pause;
            recorder.record(sequence, now_us);
            came.push((sequence, now_us));
        }
        let mut packet = Vec::new();
        prop_assert!(recorder.build(1, 2, &mut packet));
        prop_assert_eq!(packet.len() % 4, 0);
        let got: Vec<(u16, i64)> = parse(&packet).expect("own report").iter().filter_map(|(sequence, arrival)| Some((sequence, arrival?))).collect();
        prop_assert_eq!(got.len(), came.len());
        for ((sequence, arrival), (expected, us)) in got.into_iter().zip(came) {
            prop_assert_eq!(sequence, expected);
            prop_assert!((arrival - us).abs() <= DELTA_US, "{} {}", arrival, us);
        }
    }

    #[test]
    fn any_bytes_are_survived(packet in prop::collection::vec(any::<u8>(), 0..100)) {
        if let Ok(feedback) = parse(&packet) {
            prop_assert_eq!(feedback.iter().count(), usize::from(feedback.count));
        }
    }

    #[test]
    fn reports_stay_within_a_datagram(sequences in prop::collection::vec(any::<u16>(), 0..3000)) {
        let mut recorder = Recorder::default();
        for (n, sequence) in sequences.iter().enumerate() {
            recorder.record(*sequence, n as i64 * 70_000);
        }
        for _ in 0..10 {
            let mut packet = Vec::new();
            recorder.build(1, 2, &mut packet);
            prop_assert!(packet.len() <= 1200, "{}", packet.len());
        }
    }
}
