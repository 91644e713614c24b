//! A publisher and subscribers that share a forwarder with no socket between them.

use crate::picture::{Frame, Stream};
use _plane::batch::Destination;
use _plane::clock::Now;
use _plane::command::{Command, LayerSource, PayloadType, Target};
use _plane::extension::ExtensionIds;
use _plane::forwarder::{Forwarder, Limits};
use _plane::report::Report;
use _plane::rtcp::Compound;
use _plane::rtp::Rtp;
use _plane::srtp::{Opener, Profile, Sealer};
use _plane::stun;
use sfu_codecs::Codec;
use std::net::SocketAddr;

pub(crate) const PUBLISHER: u32 = 1;
pub(crate) const SUBSCRIBER: u32 = 2;
const ROUTE: u32 = 5;
const PROFILE: Profile = Profile::AeadAes128Gcm;

pub(crate) struct Call {
    pub(crate) plane: Forwarder,
    pub(crate) reports: Vec<Report>,
    pub(crate) now_us: i64,
    pub(crate) streams: Vec<Stream>,
    pub(crate) transport_sequence: u16,
    sealers: Vec<(u32, Sealer)>,
    pub(crate) sent: Vec<(SocketAddr, Vec<u8>)>,
    lost: Option<Vec<u8>>,
    subscribed: bool,
}

pub(crate) fn address(transport: u32) -> Destination {
    Destination {
        remote: SocketAddr::from(([10, 0, 0, transport as u8], 5000)),
        local: None,
    }
}

fn key(transport: u32, up: bool) -> ([u8; 16], [u8; 12]) {
    ([transport as u8 * 2 + u8::from(up); 16], [7; 12])
}

fn sealer(transport: u32, up: bool) -> Sealer {
    let (key, salt) = key(transport, up);
    Sealer::new(PROFILE, &key, &salt).expect("key")
}

pub(crate) fn opener(transport: u32, up: bool) -> Opener {
    let (key, salt) = key(transport, up);
    Opener::new(PROFILE, &key, &salt).expect("key")
}

fn extensions() -> ExtensionIds {
    let mut ids = ExtensionIds::default();
    for (name, id) in [
        ("audio-level", 1),
        ("transport-cc", 3),
        ("mid", 4),
        ("rid", 10),
        ("repaired-rid", 11),
    ] {
        assert!(ids.set(name, id));
    }
    ids
}

impl Call {
    pub(crate) fn new() -> Self {
        let limits = Limits {
            transports: 100,
            video_ring: 256,
            audio_ring: 64,
        };
        let mut call = Self {
            plane: Forwarder::new(limits, 42),
            reports: Vec::new(),
            now_us: 1_000_000,
            streams: Vec::new(),
            transport_sequence: 0,
            sealers: Vec::new(),
            sent: Vec::new(),
            lost: None,
            subscribed: false,
        };
        call.connect(PUBLISHER);
        call.connect(SUBSCRIBER);
        call.apply(Command::AddRoute {
            route: ROUTE,
            video: true,
            rests: false,
        });
        call
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            us: self.now_us,
            ntp: ((self.now_us as u64) << 32) / 1_000_000 + (3_900_000_000 << 32),
        }
    }

    pub(crate) fn apply(&mut self, command: Command) {
        let now = self.now();
        self.plane.apply(command, now);
        self.run(0);
    }

    /// A route beside the usual one, and what it carries.
    pub(crate) fn add_route(&mut self, route: u32, video: bool, track: u32) {
        self.apply(Command::AddRoute {
            route,
            video,
            rests: false,
        });
        self.apply(Command::Bind {
            route,
            track: Some(track),
        });
    }

    fn connect(&mut self, transport: u32) {
        let (ufrag, pwd) = (
            format!("user{transport}"),
            "password-of-22-letters".to_owned(),
        );
        self.apply(Command::OpenTransport {
            transport,
            ufrag: ufrag.clone(),
            pwd: pwd.clone(),
        });
        let mut request = Vec::new();
        stun::binding_request(
            &mut request,
            [9; 12],
            &format!("{ufrag}:peer"),
            pwd.as_bytes(),
            100,
            true,
            5,
            true,
        );
        self.datagram(transport, request);
        assert!(self.reports.iter().any(
            |report| matches!(report, Report::PathUp { transport: up, .. } if *up == transport)
        ));
        self.describe(transport, extensions());
        let (opener, own) = (
            Box::new(opener(transport, true)),
            Box::new(sealer(transport, false)),
        );
        self.apply(Command::SetKeys {
            transport,
            opener,
            sealer: own,
        });
        self.sealers.push((transport, sealer(transport, true)));
        self.sent.clear();
    }

    /// What a peer can do: VP8 with retransmission, Opus, and these header extensions.
    pub(crate) fn describe(&mut self, transport: u32, extensions: ExtensionIds) {
        let kind = |number, codec, rtx| PayloadType { number, codec, rtx };
        self.apply(Command::SetRemote {
            transport,
            extensions,
            payload_types: vec![kind(96, Codec::Vp8, Some(97)), kind(111, Codec::Opus, None)],
            cname: "sfu".into(),
        });
    }

    /// A check with the credentials of one peer from the address of another.
    pub(crate) fn check_as(&mut self, transport: u32, from: u32) {
        let mut request = Vec::new();
        let username = format!("user{transport}:peer");
        let pwd = b"password-of-22-letters";
        stun::binding_request(&mut request, [8; 12], &username, pwd, 1, true, 5, true);
        self.datagram(from, request);
    }

    pub(crate) fn publish_video(&mut self, track: u32, layers: &[(&str, u32, u32)]) {
        let layers = layers
            .iter()
            .map(|(rid, ssrc, rtx_ssrc)| LayerSource {
                rid: (*rid).into(),
                ssrc: *ssrc,
                rtx_ssrc: *rtx_ssrc,
            })
            .collect();
        self.apply(Command::AddTrack {
            track,
            transport: PUBLISHER,
            mid: format!("m{track}"),
            codec: Codec::Vp8,
            layers,
        });
        if track == 1 {
            self.bind(Some(1));
        }
    }

    pub(crate) fn unpublish(&mut self, track: u32) {
        self.apply(Command::RemoveTrack { track });
    }

    /// Another track on an m-line that was published before.
    pub(crate) fn publish_again(&mut self, track: u32, mid: &str, rids: &[&str]) {
        let layers = rids.iter().map(|rid| LayerSource {
            rid: (*rid).into(),
            ..LayerSource::default()
        });
        self.apply(Command::AddTrack {
            track,
            transport: PUBLISHER,
            mid: mid.into(),
            codec: Codec::Vp8,
            layers: layers.collect(),
        });
        self.bind(Some(track));
    }

    pub(crate) fn subscribe_video(&mut self, egress: u32, ssrc: u32, rtx_ssrc: u32) {
        self.subscribed = true;
        self.apply(Command::AddEgress {
            egress,
            transport: SUBSCRIBER,
            route: ROUTE,
            mid: "v0".into(),
            ssrc,
            rtx_ssrc,
        });
    }

    pub(crate) fn add_audio_track(&mut self, track: u32, ssrc: u32) {
        let layers = vec![LayerSource {
            ssrc,
            ..LayerSource::default()
        }];
        self.apply(Command::AddTrack {
            track,
            transport: PUBLISHER,
            mid: "a".into(),
            codec: Codec::Opus,
            layers,
        });
    }

    /// Sends a plain packet as the publisher.
    pub(crate) fn publish_packet(&mut self, packet: Vec<u8>) {
        let sealed = self.seal(packet);
        self.datagram(PUBLISHER, sealed);
    }

    pub(crate) fn bind(&mut self, track: Option<u32>) {
        self.apply(Command::Bind {
            route: ROUTE,
            track,
        });
    }

    pub(crate) fn target(&mut self, egress: u32, spatial: i8, temporal: u8) {
        self.apply(Command::SetTargets(vec![Target {
            egress,
            spatial,
            temporal,
            drop_now: false,
        }]));
    }

    pub(crate) fn mute(&mut self, track: u32, muted: bool) {
        self.apply(Command::Mute { track, muted });
    }

    pub(crate) fn close(&mut self, transport: u32) {
        self.apply(Command::CloseTransport { transport });
    }

    /// Lets time pass in steps of a millisecond.
    pub(crate) fn run(&mut self, milliseconds: i64) {
        for step in 0..=milliseconds {
            self.now_us += i64::from(step > 0) * 1_000;
            loop {
                let now = self.now();
                let wait = self.plane.advance(now);
                self.flush();
                if !wait.is_zero() {
                    break;
                }
            }
        }
        self.plane.take_reports(&mut self.reports);
    }

    fn flush(&mut self) {
        let outbox = self.plane.outbox();
        self.sent.extend(
            outbox
                .iter()
                .map(|(to, datagram)| (to.remote, datagram.to_vec())),
        );
        outbox.clear();
    }

    pub(crate) fn datagram(&mut self, transport: u32, bytes: Vec<u8>) {
        self.datagram_from(address(transport), bytes);
    }

    pub(crate) fn datagram_from_stranger(&mut self, bytes: Vec<u8>) {
        self.datagram_from(address(99), bytes);
    }

    fn datagram_from(&mut self, from: Destination, mut bytes: Vec<u8>) {
        let now = self.now();
        self.plane.handle(&mut bytes, &from, now);
        self.flush();
        self.run(0);
    }

    pub(crate) fn frame(&mut self, frame: Frame) {
        for (n, packet) in self.packets(frame).into_iter().enumerate() {
            if frame.lose == Some(n) {
                self.lost = Some(packet);
            } else {
                let sealed = self.seal(packet);
                self.datagram(PUBLISHER, sealed);
            }
        }
        self.run(3);
    }

    pub(crate) fn sealed_frame(&mut self, ssrc: u32) -> Vec<u8> {
        let packet = self.packets(Frame::delta(ssrc, 1)).remove(0);
        self.seal(packet)
    }

    fn seal(&mut self, mut packet: Vec<u8>) -> Vec<u8> {
        let header = Rtp::parse(&packet).expect("own packet");
        let len = packet.len();
        packet.resize(len + 16, 0);
        let (_, sealer) = &self.sealers[0];
        let sealed = sealer.seal_rtp(
            &mut packet,
            len,
            header.header_len,
            header.ssrc,
            u64::from(header.sequence),
        );
        packet.truncate(sealed);
        packet
    }

    /// Sends the packet that was lost as its retransmission (RFC 4588).
    pub(crate) fn repair(&mut self, rtx_ssrc: u32) {
        let lost = self.lost.take().expect("a lost packet");
        let header = Rtp::parse(&lost).expect("own packet");
        let mut packet = lost[..header.header_len].to_vec();
        packet[1] = packet[1] & 0x80 | 97;
        packet[2..4].copy_from_slice(&1u16.to_be_bytes());
        packet[8..12].copy_from_slice(&rtx_ssrc.to_be_bytes());
        packet.extend(header.sequence.to_be_bytes());
        packet.extend(&lost[header.header_len..]);
        let sealed = self.seal(packet);
        self.datagram(PUBLISHER, sealed);
        self.run(3);
    }

    pub(crate) fn nack(&mut self, ssrc: u32, sequences: &[u16]) {
        let mut packet = Vec::new();
        let mut sorted = sequences.to_vec();
        sorted.sort_unstable();
        Compound::new(&mut packet).nack(1, ssrc, sorted.iter().copied());
        self.rtcp(SUBSCRIBER, packet);
    }

    pub(crate) fn sender_report(&mut self, ssrc: u32, rtp: u32) {
        let ntp = self.now().ntp;
        let mut packet = Vec::new();
        Compound::new(&mut packet).sender_report(ssrc, ntp, rtp, 1, 1, &[]);
        self.rtcp(PUBLISHER, packet);
    }

    pub(crate) fn rtcp(&mut self, transport: u32, mut packet: Vec<u8>) {
        let (_, sealer) = self
            .sealers
            .iter_mut()
            .find(|(id, _)| *id == transport)
            .expect("connected");
        sealer.seal_rtcp(&mut packet);
        self.datagram(transport, packet);
    }

    /// The distinct sequence numbers that the publisher was asked for.
    pub(crate) fn asked_of_publisher(&mut self) -> Vec<u16> {
        let mut nacked = self.control(PUBLISHER).nacked;
        nacked.sort_unstable();
        nacked.dedup();
        nacked
    }
}
