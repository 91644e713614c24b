//! Commands and packets in any order, as a confused control plane and hostile peers would send them.

use _plane::batch::Destination;
use _plane::clock::Now;
use _plane::command::{Command, LayerSource, PayloadType, Target};
use _plane::extension::ExtensionIds;
use _plane::forwarder::{Forwarder, Limits};
use _plane::rates::{Cluster, Rates};
use _plane::rtcp::Compound;
use _plane::rtp::Rtp;
use _plane::srtp::{Opener, Profile, Sealer};
use _plane::{stun, twcc};
use sfu_codecs::Codec;
use std::net::SocketAddr;

const PROFILE: Profile = Profile::AeadAes128Gcm;
const KEY: [u8; 16] = [1; 16];
const SALT: [u8; 12] = [2; 12];
const PASSWORD: &str = "a-password-of-22-chars";
/// What the payload types from 96 up carry, each with its retransmissions one above.
const CODECS: [Codec; 6] = [
    Codec::Vp8,
    Codec::Vp9,
    Codec::H264,
    Codec::Av1,
    Codec::Opus,
    Codec::Red,
];

/// Bytes as a source of choices; zeros when they run out.
struct Choices<'a> {
    data: &'a [u8],
    /// Transports opened so far. A closed one may be opened again, under other keys in life but the
    /// same here, so its egresses are given other SSRCs.
    opened: u32,
}

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.data.split_first().unwrap_or((&0, &[]));
        self.data = rest;
        *first
    }

    /// Few values, so that they meet.
    fn id(&mut self) -> u32 {
        u32::from(self.byte() % 4)
    }

    /// One per egress, transport and opening, as the control plane promises.
    fn ssrc(&self, transport: u32, egress: u32) -> u32 {
        self.opened * 10_000 + 1000 + transport * 1000 + egress * 2
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }
}

/// Drives a forwarder; what it sends must be sealed under numbers that never repeat.
pub fn forwarder(data: &[u8]) {
    let limits = Limits {
        transports: 3,
        video_ring: 16,
        audio_ring: 16,
    };
    let mut plane = Forwarder::new(limits, 7);
    let mut choices = Choices { data, opened: 0 };
    let mut now_us = 1_000_000;
    let mut seen = std::collections::HashSet::new();
    while !choices.data.is_empty() {
        now_us += i64::from(choices.byte()) * 500;
        let now = Now {
            us: now_us,
            ntp: (now_us as u64) << 12,
        };
        match choices.byte() % 28 {
            0..=15 => plane.apply(command(&mut choices), now),
            24 => plane.apply(Command::SetRates(vec![rates(&mut choices)]), now),
            25..=27 => {
                let packet = control(&mut choices);
                deliver(&mut plane, packet, &mut choices, now);
            }
            16 | 17 => deliver(&mut plane, check(&mut choices), &mut choices, now),
            _ => {
                let packet = media(&mut choices);
                deliver(&mut plane, packet, &mut choices, now);
            }
        }
        for _ in 0..4 {
            plane.advance(now);
            note_sent(&mut plane, &mut seen);
        }
        plane.take_reports(&mut Vec::new());
        plane.take_feedback(
            choices.byte() & 1 != 0,
            now,
            &mut Vec::new(),
            &mut Vec::new(),
        );
    }
}

/// The same key and number twice would give the plaintext away (RFC 7714 §8.1).
fn note_sent(
    plane: &mut Forwarder,
    seen: &mut std::collections::HashSet<(SocketAddr, u32, u16, Vec<u8>)>,
) {
    for (to, datagram) in plane.outbox().iter() {
        if let (false, Ok(header)) = (_plane::rtp::is_rtcp(datagram), Rtp::parse(datagram)) {
            let name = (to.remote, header.ssrc, header.sequence);
            let repeated = seen.iter().any(|(remote, ssrc, sequence, bytes)| {
                (*remote, *ssrc, *sequence) == name && bytes != datagram
            });
            assert!(!repeated, "{name:?} was sent twice with other contents");
            seen.insert((name.0, name.1, name.2, datagram.to_vec()));
        }
    }
    plane.outbox().clear();
}

fn command(choices: &mut Choices<'_>) -> Command {
    let (transport, id) = (choices.id(), choices.id());
    match choices.byte() % 18 {
        0 => {
            choices.opened += 1;
            Command::OpenTransport {
                transport,
                ufrag: format!("u{transport}"),
                pwd: PASSWORD.into(),
            }
        }
        1 => set_remote(transport, choices),
        2 => Command::SetKeys {
            transport,
            opener: Box::new(Opener::new(PROFILE, &KEY, &SALT).expect("lengths are right")),
            sealer: Box::new(
                Sealer::new(PROFILE, &[transport as u8; 16], &SALT).expect("lengths are right"),
            ),
        },
        3 => Command::SendHandshake {
            transport,
            datagrams: vec![choices.bytes(4)],
        },
        4 => Command::CloseTransport { transport },
        5 => Command::AddTrack {
            track: id,
            transport,
            mid: "m".into(),
            codec: CODECS[usize::from(choices.byte() % 6)],
            layers: (0..choices.byte() % 6)
                .map(|n| LayerSource {
                    rid: n.to_string(),
                    ssrc: 100 + u32::from(n),
                    rtx_ssrc: 200 + u32::from(n),
                })
                .collect(),
        },
        6 => Command::RemoveTrack { track: id },
        7 => Command::Mute {
            track: id,
            muted: choices.byte() & 1 != 0,
        },
        8 => {
            let kind = choices.byte();
            Command::AddRoute {
                route: id,
                video: kind & 3 != 0,
                rests: kind & 4 != 0,
            }
        }
        9 => Command::Bind {
            route: id,
            track: (choices.byte() & 3 != 0).then_some(choices.id()),
        },
        10 => Command::RemoveRoute { route: id },
        11 => {
            let egress = u32::from(choices.byte());
            let base = choices.ssrc(transport, egress);
            Command::AddEgress {
                egress,
                transport,
                route: id,
                mid: "v".into(),
                ssrc: base,
                rtx_ssrc: base + 1,
            }
        }
        12 => Command::RemoveEgress {
            egress: u32::from(choices.byte()),
        },
        13 => {
            let much = u32::from(choices.byte());
            Command::SetUpload {
                transport,
                bps: much << 16,
                sound_bps: (much & 3) << 14,
            }
        }
        14 => Command::Weigh {
            route: id,
            weight: choices.byte(),
        },
        15 => Command::RestartIce {
            transport,
            // Sometimes that of another transport.
            ufrag: format!("u{}", 4 + choices.byte() % 8),
            pwd: PASSWORD.into(),
        },
        16 => Command::ShowRoutes(vec![(u32::from(choices.byte()), id)]),
        _ => Command::SetTargets(vec![Target {
            egress: u32::from(choices.byte()),
            spatial: choices.byte() as i8 % 4,
            temporal: choices.byte() % 4,
            drop_now: choices.byte() & 1 != 0,
        }]),
    }
}

fn rates(choices: &mut Choices<'_>) -> Rates {
    let mut bps = || u32::from(choices.byte()).pow(3);
    let (pacing_bps, padding_bps, probe_bps) = (bps(), bps(), bps());
    let cluster = Cluster {
        id: 1,
        bps: probe_bps.max(1),
        bytes: u32::from(choices.byte()) * 64,
        packets: u16::from(choices.byte() % 32),
    };
    let (transport, probed, flags) = (choices.id(), choices.byte(), choices.byte());
    Rates {
        transport,
        target_bps: pacing_bps,
        pacing_bps,
        padding_bps,
        probe: (probed & 1 != 0).then_some(cluster),
        abort_probes: flags & 7 == 0,
        at_leisure: flags & 8 != 0,
        ceiling_bps: u32::from(choices.byte()).pow(3),
    }
}

/// Reports and requests that open, on packets near those that may have been sent.
fn control(choices: &mut Choices<'_>) -> Vec<u8> {
    let mut packet = Vec::new();
    let sequence = u16::from(choices.byte());
    match choices.byte() % 3 {
        0 => {
            let (transport, egress) = (choices.id(), u32::from(choices.byte()));
            let ssrc = choices.ssrc(transport, egress);
            Compound::new(&mut packet).nack(1, ssrc, [sequence, sequence + 1].into_iter());
        }
        1 => {
            let mut recorder = twcc::Recorder::default();
            for n in 0..choices.byte() % 32 {
                let arrival_us = i64::from(choices.byte()) << (choices.byte() % 30);
                recorder.record(sequence + u16::from(n), arrival_us);
            }
            recorder.build(1, 2, &mut packet);
        }
        _ => {
            packet = vec![0x8b, 205, 0, 0, 0, 0, 0, 1];
            packet.extend(choices.bytes(4));
            packet.extend([0, sequence as u8, 0, 2]);
            packet.extend(choices.bytes(8));
            packet[3] = (packet.len() / 4 - 1) as u8;
        }
    }
    if packet.is_empty() {
        return packet;
    }
    let mut sealer = Sealer::new(PROFILE, &KEY, &SALT).expect("lengths are right");
    for _ in 0..choices.byte() % 8 {
        // Another index each time, or all but the first would be taken for repeated ones.
        sealer.seal_rtcp(&mut vec![0x80, 200, 0, 0, 0, 0, 0, 0]);
    }
    sealer.seal_rtcp(&mut packet);
    packet
}

fn set_remote(transport: u32, choices: &mut Choices<'_>) -> Command {
    let mut extensions = ExtensionIds::default();
    for name in [
        "transport-cc",
        "mid",
        "rid",
        "repaired-rid",
        "audio-level",
        "video-orientation",
        "playout-delay",
        "dependency-descriptor",
    ] {
        extensions.set(name, choices.byte() % 16);
    }
    let payload_types = (96u8..)
        .step_by(2)
        .zip(CODECS)
        .map(|(number, codec)| PayloadType {
            number,
            codec,
            rtx: Some(number + 1),
        })
        .collect();
    Command::SetRemote {
        transport,
        extensions,
        payload_types,
        cname: "c".into(),
    }
}

fn deliver(plane: &mut Forwarder, mut datagram: Vec<u8>, choices: &mut Choices<'_>, now: Now) {
    let from = Destination {
        remote: SocketAddr::from(([127, 0, 0, 1], 5000 + u16::from(choices.byte() % 3))),
        local: None,
    };
    plane.handle(&mut datagram, &from, now);
}

fn check(choices: &mut Choices<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let username = format!("u{}:x", choices.byte() % 12);
    stun::binding_request(
        &mut out,
        [3; 12],
        &username,
        PASSWORD.as_bytes(),
        u32::from(choices.byte()),
        choices.byte() & 7 != 0,
        1,
        true,
    );
    out
}

/// A media packet that opens, of one of a few streams, and sometimes a retransmission or noise.
fn media(choices: &mut Choices<'_>) -> Vec<u8> {
    let kind = choices.byte();
    if kind < 16 {
        return choices.bytes(usize::from(kind));
    }
    let (is_rtx, has_extensions) = (kind & 3 == 0, kind & 4 == 0);
    let layer = u32::from(choices.byte() % 4);
    let ssrc = layer + if is_rtx { 200 } else { 100 };
    let sequence = u16::from(choices.byte());
    let form = choices.byte();
    let codec = form % CODECS.len() as u8;
    let payload_type = 96 + 2 * codec + u8::from(is_rtx);
    let first = if has_extensions { 0x90 } else { 0x80 };
    let mut packet = vec![first, payload_type | form & 0x80];
    packet.extend(sequence.to_be_bytes());
    packet.extend(u32::from(choices.byte()).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    if has_extensions {
        let words = choices.byte() % 4;
        packet.extend([0xbe, 0xde, 0, words]);
        packet.extend(choices.bytes(4 * usize::from(words)));
    }
    let header = packet.len();
    if is_rtx {
        packet.extend([0, choices.byte()]);
    }
    if form & 0x40 != 0 {
        let len = usize::from(choices.byte() % 24);
        packet.extend(choices.bytes(len));
    } else {
        // The common case of VP8, which few bytes make.
        packet.extend([0x90, 0x80, choices.byte() & 0x7f, choices.byte() & 1, 0, 0]);
    }
    let len = packet.len();
    packet.resize(len + PROFILE.rtp_overhead(), 0);
    let sealer = Sealer::new(PROFILE, &KEY, &SALT).expect("lengths are right");
    let sealed = sealer.seal_rtp(&mut packet, len, header, ssrc, u64::from(sequence));
    packet.truncate(sealed);
    packet
}
