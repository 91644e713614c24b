//! Clusters and padding: what is sent to see what a path carries.

use crate::call::{Call, SUBSCRIBER};
use crate::inbox::Got;
use crate::picture::Frame;
use _plane::command::Command;
use _plane::extension::ExtensionIds;
use _plane::feedback::{FEEDBACK_DTYPE, ROW_BYTES};
use _plane::rates::{Cluster, Rates};
use _plane::twcc::Recorder;

const PACED: Rates = Rates {
    transport: SUBSCRIBER,
    target_bps: 800_000,
    pacing_bps: 800_000,
    padding_bps: 0,
    ceiling_bps: 0,
    probe: None,
    abort_probes: false,
    at_leisure: false,
};

const PICTURE: Frame = Frame {
    ssrc: 1000,
    rid: None,
    key: true,
    packets: 20,
    temporal: 0,
    nameless: false,
    lose: None,
};

/// One picture, one viewer of it, at a pace.
fn paced(rates: Rates) -> Call {
    let mut call = Call::new();
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.apply(Command::SetRates(vec![rates]));
    call
}

impl Call {
    /// Rows of the subscriber since the last look, as (name, value) by name.
    pub(crate) fn row<const N: usize>(&mut self, names: [&str; N]) -> Option<[u64; N]> {
        let (mut rows, mut deltas) = (Vec::new(), Vec::new());
        let now = self.now();
        self.plane.take_feedback(true, now, &mut rows, &mut deltas);
        let row = rows.chunks(ROW_BYTES).next_back()?.to_vec();
        let value = |name: &str| {
            let mut at = 0;
            for (field, kind) in FEEDBACK_DTYPE {
                let width: usize = kind[2..].parse().expect("size");
                if *field == name {
                    let bytes = row[at..at + width].iter().rev();
                    return bytes.fold(0, |value, byte| value << 8 | u64::from(*byte));
                }
                at += width;
            }
            panic!("no field {name}");
        };
        Some(names.map(value))
    }

    /// The subscriber reports these arrivals.
    pub(crate) fn report(&mut self, arrivals: &[(u16, i64)]) {
        let mut recorder = Recorder::default();
        for (sequence, arrival_us) in arrivals {
            recorder.record(*sequence, *arrival_us);
        }
        let mut packet = Vec::new();
        assert!(recorder.build(1, 2, &mut packet));
        self.rtcp(SUBSCRIBER, packet);
    }

    /// Packets that the subscriber gets in each of the next milliseconds.
    pub(crate) fn each_millisecond(&mut self, milliseconds: usize) -> Vec<usize> {
        (0..milliseconds)
            .map(|_| {
                self.run(1);
                self.received(SUBSCRIBER).len()
            })
            .collect()
    }
}

const CLUSTER: Cluster = Cluster {
    id: 77,
    bps: 1_600_000,
    bytes: 3_000,
    packets: 5,
};

const PROBING: Rates = Rates {
    pacing_bps: 0,
    probe: Some(CLUSTER),
    ..PACED
};

/// Reports that these packets came in, so far apart.
fn report(call: &mut Call, got: &[Got], gap_us: i64) {
    let numbers = got.iter().filter_map(|packet| packet.transport_sequence);
    let arrivals = numbers
        .enumerate()
        .map(|(n, number)| (number, 1_000_000 + n as i64 * gap_us));
    let arrivals: Vec<(u16, i64)> = arrivals.collect();
    call.report(&arrivals);
}

#[test]
fn a_cluster_is_bare_padding_before_any_media() {
    let mut call = paced(PROBING);
    call.sent.clear();
    call.apply(Command::SetRates(vec![PROBING]));
    let counts = call.each_millisecond(1);
    assert!(counts[0] <= 4, "no more than a burst at once: {counts:?}");
    let mut call = paced(PROBING);
    call.run(100);
    let bytes: usize = call.sent_media(SUBSCRIBER).iter().sum();
    let got = call.received(SUBSCRIBER);
    assert!((3_000..3_600).contains(&bytes), "{bytes}");
    assert!(got
        .iter()
        .all(|packet| packet.ssrc == 2001 && packet.payload_type == 97));
    assert!(
        got.iter().all(|packet| packet.body.is_empty()),
        "nothing but padding"
    );
    assert!(got
        .windows(2)
        .all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    assert_eq!(call.plane.counters().probes, 1);
    assert_eq!(call.plane.counters().bytes_out_padding, bytes as u64);

    report(&mut call, &got, 2_000);
    let names = [
        "flags",
        "probe",
        "probe_packets",
        "probe_bytes",
        "sent_padding_bytes",
        "sent_bytes",
    ];
    let row = call.row(names).expect("news");
    assert_eq!(
        row,
        [33, 77, got.len() as u64, bytes as u64, bytes as u64, 0]
    );
}

#[test]
fn who_cannot_tell_what_came_of_a_cluster_is_sent_none() {
    let mut call = Call::new();
    call.describe(SUBSCRIBER, ExtensionIds::default());
    call.publish_video(1, &[("", 1000, 1001)]);
    call.subscribe_video(10, 2000, 2001);
    call.apply(Command::SetRates(vec![Rates {
        padding_bps: 400_000,
        ..PROBING
    }]));
    call.run(500);
    assert_eq!(call.sent_media(SUBSCRIBER).len(), 0);
    assert_eq!(call.plane.counters().probes, 0);
}

#[test]
fn the_rates_of_a_cluster_are_those_it_was_sent_and_received_at() {
    let mut call = paced(PROBING);
    let cluster = Cluster {
        bytes: 12_000,
        ..CLUSTER
    };
    call.run(100);
    let first = call.received(SUBSCRIBER);
    report(&mut call, &first, 1_000);
    call.row(["probe"]);
    call.apply(Command::SetRates(vec![Rates {
        probe: Some(cluster),
        ..PROBING
    }]));
    let mut got = Vec::new();
    for _ in 0..100 {
        call.run(1);
        got.extend(call.received(SUBSCRIBER));
    }
    // 280 bytes every 2.8 ms are 0.8 Mbit/s.
    report(&mut call, &got, 2_800);
    let [flags, send_bps, receive_bps] = call
        .row(["flags", "probe_send_bps", "probe_receive_bps"])
        .expect("news");
    assert_eq!(flags & 32, 32);
    assert!((1_400_000..1_900_000).contains(&send_bps), "{send_bps}");
    assert!((700_000..850_000).contains(&receive_bps), "{receive_bps}");
}

#[test]
fn media_counts_and_recent_packets_are_sent_again() {
    let mut call = paced(Rates {
        probe: None,
        ..PROBING
    });
    call.frame(PICTURE);
    let sent = call.received(SUBSCRIBER);
    call.apply(Command::SetRates(vec![PROBING]));
    call.frame(Frame {
        packets: 3,
        ..PICTURE
    });
    call.run(100);
    let got = call.received(SUBSCRIBER);
    let (again, media): (Vec<_>, Vec<_>) = got.iter().partition(|packet| packet.ssrc == 2001);
    assert_eq!(media.len(), 3);
    assert!((5..=10).contains(&again.len()), "{}", again.len());
    for packet in again {
        let original = sent
            .iter()
            .chain(&got)
            .find(|sent| sent.sequence == packet.original && sent.ssrc == 2000);
        assert_eq!(original.map(|original| &original.body), Some(&packet.body));
    }
}

#[test]
fn clusters_fit_into_the_budget() {
    let ceiling_bps = 400_000;
    let mut call = paced(Rates {
        probe: None,
        ..PROBING
    });
    let mut most = 0;
    for (second, ceiling_bps) in [(0, ceiling_bps), (1, ceiling_bps), (2, 0)] {
        call.run(1_000);
        call.received(SUBSCRIBER);
        let before: usize = call.sent_media(SUBSCRIBER).iter().sum();
        for id in 0..20 {
            let probe = Some(Cluster {
                id,
                bytes: 10_000,
                ..CLUSTER
            });
            let rates = Rates {
                probe,
                ceiling_bps,
                ..PROBING
            };
            call.apply(Command::SetRates(vec![rates]));
            call.run(50);
        }
        let sent = call.sent_media(SUBSCRIBER).iter().sum::<usize>() - before;
        if ceiling_bps > 0 {
            most = most.max(sent);
            assert!(sent * 8 <= ceiling_bps as usize, "second {second}: {sent}");
            assert!(
                sent * 8 > ceiling_bps as usize / 2,
                "second {second}: {sent}"
            );
        } else {
            assert!(
                sent > 2 * most,
                "nobody has said what the budget is: {sent}"
            );
        }
    }
}

#[test]
fn clusters_are_aborted_and_expire() {
    let mut call = paced(Rates {
        probe: None,
        ..PROBING
    });
    let slow = Cluster {
        bps: 20_000,
        bytes: 1 << 30,
        ..CLUSTER
    };
    call.apply(Command::SetRates(vec![Rates {
        probe: Some(slow),
        ..PROBING
    }]));
    call.run(1_000);
    assert!(!call.received(SUBSCRIBER).is_empty());
    call.apply(Command::SetRates(vec![Rates {
        probe: None,
        abort_probes: true,
        ..PROBING
    }]));
    call.run(1_000);
    assert!(call.received(SUBSCRIBER).is_empty(), "aborted");
    call.row(["flags"]);
    call.apply(Command::SetRates(vec![Rates {
        probe: Some(slow),
        ..PROBING
    }]));
    call.run(5_200);
    call.received(SUBSCRIBER);
    call.run(1_000);
    assert!(call.received(SUBSCRIBER).is_empty(), "expired");
    let row = call.row(["probe", "probe_receive_bps"]);
    assert_eq!(row, Some([77, 0]), "it has failed");
}

#[test]
fn padding_fills_up_to_the_total_rate() {
    let mut call = paced(Rates {
        padding_bps: 400_000,
        pacing_bps: 0,
        probe: None,
        ..PACED
    });
    call.run(1_000);
    call.sent.clear();
    call.run(1_000);
    let bytes: usize = call.sent_media(SUBSCRIBER).iter().sum();
    assert!((45_000..=52_000).contains(&bytes), "{bytes}");
    call.sent.clear();
    for n in 0..30 {
        call.frame(Frame {
            packets: 4,
            key: n == 0,
            ..PICTURE
        });
        call.run(30);
    }
    let bytes: usize = call.sent_media(SUBSCRIBER).iter().sum();
    assert!((45_000..=55_000).contains(&bytes), "media counts: {bytes}");
    let got = call.received(SUBSCRIBER);
    assert_eq!(got.iter().filter(|packet| packet.ssrc == 2000).count(), 120);
    call.apply(Command::SetRates(vec![Rates {
        padding_bps: 0,
        ..PACED
    }]));
    call.run(1_000);
    assert!(call.received(SUBSCRIBER).is_empty());
}

#[test]
fn media_that_waits_leaves_before_padding() {
    let mut call = paced(Rates {
        pacing_bps: 100_000,
        ..PACED
    });
    call.frame(PICTURE);
    let waiting = 20 - call.received(SUBSCRIBER).len();
    assert!(waiting > 5);
    let cluster = Cluster {
        bytes: 2_000,
        ..CLUSTER
    };
    call.apply(Command::SetRates(vec![Rates {
        pacing_bps: 100_000,
        probe: Some(cluster),
        ..PACED
    }]));
    call.run(20);
    let got = call.received(SUBSCRIBER);
    assert!(got.iter().take(5).all(|packet| packet.ssrc == 2000));
    assert!((7..=12).contains(&got.len()), "{}", got.len());
}

#[test]
fn who_is_heard_at_leisure_is_told_of_each_second() {
    let mut call = paced(Rates {
        at_leisure: true,
        ..PACED
    });
    let small = Frame {
        packets: 1,
        ..PICTURE
    };
    let tell = |call: &mut Call, loses: bool| {
        (0..3).for_each(|_| call.frame(small));
        call.run(200);
        let mut got = call.received(SUBSCRIBER);
        if loses {
            got.remove(1);
        }
        report(call, &got, 1_000);
    };
    let told: Vec<bool> = (0..20)
        .map(|_| {
            tell(&mut call, false);
            call.row(["flags"]).is_some()
        })
        .collect();
    let rows = told.iter().filter(|row| **row).count();
    assert!((4..=5).contains(&rows), "{told:?}");
    tell(&mut call, false);
    call.row(["flags"]);
    tell(&mut call, false);
    assert_eq!(call.row(["acked"]), None);
    tell(&mut call, true);
    assert!(call.row(["lost"]) > Some([0]), "what does not bear waiting");
    call.run(2_000);
    call.row(["lost"]);
    tell(&mut call, false);
    call.apply(Command::SetRates(vec![PACED]));
    assert!(call.row(["flags"]).is_some(), "nor does who hurries");
}
