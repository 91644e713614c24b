//! Prints messages as the plane builds them, a name and hex on each line, for other
//! implementations to read (tests/plane/test_wire.py).

use _plane::rtcp::{Compound, ReportBlock};
use _plane::{stun, twcc};

const KEY: &[u8] = b"a-password-of-22-chars";

fn main() {
    let mut out = Vec::new();
    for from in ["192.0.2.1:32853", "[2001:db8::1]:4000"] {
        let from = from.parse().expect("an address");
        stun::binding_success(&mut out, *b"123456789012", from, KEY);
        print("stun-success", &out);
    }
    stun::binding_error(
        &mut out,
        *b"123456789012",
        487,
        "Role Conflict",
        Some(KEY),
        &[],
    );
    print("stun-error", &out);
    stun::binding_request(
        &mut out,
        *b"123456789012",
        "a:b",
        KEY,
        5,
        true,
        0x1122_3344_5566_7788,
        true,
    );
    print("stun-request", &out);
    print("rtcp", &compound());
    print("feedback", &feedback());
}

/// Numbers that wrap, single and wide gaps, disorder, a pause: chunks of every kind.
fn feedback() -> Vec<u8> {
    let mut recorder = twcc::Recorder::default();
    for (sequence, arrival_us) in [
        (65_534u16, 1_000_000),
        (65_535, 1_001_000),
        (2, 1_003_000),
        (1, 1_004_250),
        (4, 1_005_000),
        (104, 2_005_000),
        (105, 2_005_250),
    ] {
        recorder.record(sequence, arrival_us);
    }
    let mut out = Vec::new();
    recorder.build(1, 2, &mut out);
    out
}

fn compound() -> Vec<u8> {
    let block = ReportBlock {
        ssrc: 7,
        fraction_lost: 64,
        cumulative_lost: -3,
        highest_seq: 70_000,
        jitter: 5,
        last_sr: 6,
        delay_since_sr: 8,
    };
    let mut out = Vec::new();
    let mut compound = Compound::new(&mut out);
    compound.sender_report(1, 0x0102_0304_0506_0708, 9, 10, 11, &[block]);
    compound.receiver_report(2, &[block]);
    compound.sdes_cname(1, "a-name");
    compound.nack(3, 4, [100, 101, 116, 200].into_iter());
    compound.pli(5, 6);
    compound.remb(5, 1_500_000, &[21, 22]);
    compound.bye(&[1, 2]);
    out
}

fn print(name: &str, bytes: &[u8]) {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{name} {hex}");
}
