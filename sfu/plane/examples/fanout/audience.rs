//! One camera and one microphone before an audience, on a forwarder without sockets.

use _plane::batch::Destination;
use _plane::clock::Now;
use _plane::command::{Command, LayerSource, PayloadType};
use _plane::extension::{ExtensionIds, Writer};
use _plane::forwarder::{Forwarder, Limits};
use _plane::rates::Rates;
use _plane::report::Report;
use _plane::rtcp::{Compound, ReportBlock};
use _plane::rtp::Rtp;
use _plane::srtp::{Profile, Sealer};
use _plane::stun;
use _plane::twcc::Recorder;
use sfu_codecs::Codec;
use std::net::SocketAddr;

/// Packets of a picture, and the bytes of each behind its header: 1.2 Mbit/s in 30 pictures a second.
pub(crate) const PICTURE: usize = 5;
const PICTURE_BYTES: usize = 1_000;
const SOUND_BYTES: usize = 80;
const PUBLISHER: u32 = 1;
const CAMERA_SSRC: u32 = 1_000;
const MICROPHONE_SSRC: u32 = 2_000;
const PROFILE: Profile = Profile::AeadAes128Gcm;
const PASSWORD: &str = "password-of-22-letters";

/// A sealed datagram, and who sends it.
pub(crate) type Datagram = (Destination, Vec<u8>);

struct Subscriber {
    id: u32,
    sealer: Sealer,
    recorder: Recorder,
}

pub(crate) struct Audience {
    pub(crate) plane: Forwarder,
    pub(crate) now_us: i64,
    reports: Vec<Report>,
    rows: Vec<u8>,
    deltas: Vec<u8>,
    publisher: Sealer,
    subscribers: Vec<Subscriber>,
    /// Numbers of the next packet of either stream, and of the next transport-wide one.
    camera: u16,
    microphone: u16,
    transport_sequence: u16,
    picture: u16,
    /// Packets that each subscriber was sent, and of how many it has told.
    reported: u16,
}

impl Audience {
    /// So many subscribers whose paths are up and carry more than is sent.
    pub(crate) fn new(subscribers: u32) -> Self {
        let limits = Limits {
            transports: subscribers as usize + 1,
            video_ring: 1_024,
            audio_ring: 128,
        };
        let mut audience = Self {
            plane: Forwarder::new(limits, 42),
            now_us: 1_000_000,
            reports: Vec::new(),
            rows: Vec::new(),
            deltas: Vec::new(),
            publisher: sealer(PUBLISHER, true),
            subscribers: Vec::new(),
            camera: 0,
            microphone: 0,
            transport_sequence: 0,
            picture: 0,
            reported: 0,
        };
        audience.connect(PUBLISHER);
        audience.publish();
        for id in 2..2 + subscribers {
            audience.subscribe(id);
        }
        audience
    }

    /// Packets of media that subscribers were sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.plane.counters().packets_out_rtp
    }

    /// A picture, as datagrams of the publisher.
    pub(crate) fn picture(&mut self, key: bool) -> Vec<Datagram> {
        self.picture += 1;
        (0..PICTURE).map(|at| self.picture_part(at, key)).collect()
    }

    fn picture_part(&mut self, at: usize, key: bool) -> Datagram {
        let mut payload = vec![0x80 | u8::from(at == 0) << 4, 0x80];
        payload.extend((0x8000 | self.picture).to_be_bytes());
        // RFC 7741 §4.3: the first bit says that it depends on others; then a keyframe's start code.
        payload.push(u8::from(!key));
        payload.extend([0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00]);
        payload.resize(PICTURE_BYTES, 0x55);
        self.camera = self.camera.wrapping_add(1);
        let marker = u8::from(at + 1 == PICTURE) << 7;
        let timestamp = u32::from(self.picture) * 3_000;
        let numbers = (self.camera, timestamp, CAMERA_SSRC);
        self.seal([0x90, 96 | marker], numbers, &payload)
    }

    /// 20 ms of speech, as a datagram of the publisher.
    pub(crate) fn sound(&mut self) -> Datagram {
        self.microphone = self.microphone.wrapping_add(1);
        let timestamp = u32::from(self.microphone) * 960;
        let numbers = (self.microphone, timestamp, MICROPHONE_SSRC);
        self.seal([0x90, 111], numbers, &[0x78; SOUND_BYTES])
    }

    /// Each subscriber's report on what it was sent since the last (transport-wide feedback), and
    /// its receiver report if that is due.
    pub(crate) fn feedback(&mut self, receiver_reports: bool) -> Vec<Datagram> {
        let per_subscriber = (self.sent() / self.subscribers.len() as u64) as u16;
        let numbers = self.reported..per_subscriber;
        self.reported = per_subscriber;
        let now_us = self.now_us;
        let feedback = |subscriber: &mut Subscriber| {
            for (at, number) in numbers.clone().enumerate() {
                let arrival_us = now_us - 90_000 + at as i64 * 4_000;
                subscriber.recorder.record(number, arrival_us);
            }
            let mut packet = Vec::new();
            subscriber
                .recorder
                .build(1, egress_ssrc(subscriber.id), &mut packet);
            if receiver_reports {
                let ssrc = egress_ssrc(subscriber.id);
                let block = ReportBlock {
                    ssrc,
                    ..ReportBlock::default()
                };
                Compound::new(&mut packet).receiver_report(1, &[block]);
            }
            subscriber.sealer.seal_rtcp(&mut packet);
            (address(subscriber.id), packet)
        };
        self.subscribers.iter_mut().map(feedback).collect()
    }

    /// What the worker does with datagrams that have come in; nothing is sent. Gives how many reports
    /// that makes to the control plane.
    pub(crate) fn receive(&mut self, datagrams: &mut [Datagram]) -> usize {
        let now = self.now();
        for (from, datagram) in datagrams {
            self.plane.handle(datagram, from, now);
        }
        self.advance()
    }

    /// The same when its time has come.
    pub(crate) fn advance(&mut self) -> usize {
        let now = self.now();
        loop {
            let wait = self.plane.advance(now);
            self.plane.outbox().clear();
            if !wait.is_zero() {
                break;
            }
        }
        self.reports.clear();
        self.plane.take_reports(&mut self.reports);
        self.reports.len()
    }

    /// What the control plane does each tenth of a second.
    pub(crate) fn take_rows(&mut self) -> usize {
        self.rows.clear();
        self.deltas.clear();
        let now = self.now();
        self.plane
            .take_feedback(true, now, &mut self.rows, &mut self.deltas);
        self.rows.len()
    }

    fn now(&self) -> Now {
        Now {
            us: self.now_us,
            ntp: ((self.now_us as u64) << 32) / 1_000_000 + (3_900_000_000 << 32),
        }
    }

    fn seal(&mut self, head: [u8; 2], numbers: (u16, u32, u32), payload: &[u8]) -> Datagram {
        let (sequence, timestamp, ssrc) = numbers;
        let mut packet = head.to_vec();
        packet.extend(sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        let mut block = [0u8; 16];
        let mut writer = Writer::new(&mut block, false);
        self.transport_sequence = self.transport_sequence.wrapping_add(1);
        writer.put(3, &self.transport_sequence.to_be_bytes());
        if ssrc == MICROPHONE_SSRC {
            writer.put(1, &[0x80 | 30]);
        }
        let len = writer.finish();
        packet.extend(&block[..len]);
        packet.extend(payload);
        let len = packet.len();
        packet.resize(len + PROFILE.rtp_overhead(), 0);
        let header_len = Rtp::parse(&packet[..len]).expect("own packet").header_len;
        let index = u64::from(sequence);
        self.publisher
            .seal_rtp(&mut packet, len, header_len, ssrc, index);
        (address(PUBLISHER), packet)
    }

    fn apply(&mut self, command: Command) {
        let now = self.now();
        self.plane.apply(command, now);
        self.plane.take_reports(&mut self.reports);
        let refused = |report: &Report| matches!(report, Report::Refused { .. });
        assert!(!self.reports.iter().any(refused), "{:?}", self.reports);
    }

    fn connect(&mut self, transport: u32) {
        let ufrag = format!("user{transport}");
        self.apply(Command::OpenTransport {
            transport,
            ufrag: ufrag.clone(),
            pwd: PASSWORD.into(),
        });
        let mut check = Vec::new();
        let (username, pwd) = (format!("{ufrag}:peer"), PASSWORD.as_bytes());
        stun::binding_request(&mut check, [9; 12], &username, pwd, 100, true, 5, true);
        self.receive(&mut [(address(transport), check)]);
        let kind = |number, codec, rtx| PayloadType { number, codec, rtx };
        let payload_types = vec![kind(96, Codec::Vp8, Some(97)), kind(111, Codec::Opus, None)];
        let mut extensions = ExtensionIds::default();
        assert!(extensions.set("audio-level", 1) && extensions.set("transport-cc", 3));
        self.apply(Command::SetRemote {
            transport,
            extensions,
            payload_types,
            cname: "sfu".into(),
        });
        self.apply(Command::SetKeys {
            transport,
            opener: Box::new(opener(transport)),
            sealer: Box::new(sealer(transport, false)),
        });
    }

    fn publish(&mut self) {
        for (track, codec, ssrc) in [
            (1, Codec::Vp8, CAMERA_SSRC),
            (2, Codec::Opus, MICROPHONE_SSRC),
        ] {
            let layer = LayerSource {
                rid: String::new(),
                ssrc,
                rtx_ssrc: 0,
            };
            self.apply(Command::AddTrack {
                track,
                transport: PUBLISHER,
                mid: format!("m{track}"),
                codec,
                layers: vec![layer],
            });
            let (route, video) = (track, codec == Codec::Vp8);
            self.apply(Command::AddRoute {
                route,
                video,
                rests: false,
            });
            let track = Some(track);
            self.apply(Command::Bind { route, track });
        }
    }

    fn subscribe(&mut self, id: u32) {
        self.connect(id);
        for (route, rtx_ssrc) in [(1, egress_ssrc(id) + 1), (2, 0)] {
            self.apply(Command::AddEgress {
                egress: 2 * id + route,
                transport: id,
                route,
                mid: format!("r{route}"),
                ssrc: egress_ssrc(id) + 2 * (route - 1),
                rtx_ssrc,
            });
        }
        self.apply(Command::SetRates(vec![Rates {
            transport: id,
            target_bps: 5_000_000,
            pacing_bps: 12_500_000,
            ..Rates::default()
        }]));
        self.subscribers.push(Subscriber {
            id,
            sealer: sealer(id, true),
            recorder: Recorder::default(),
        });
    }
}

fn egress_ssrc(id: u32) -> u32 {
    10_000 + 8 * id
}

fn address(transport: u32) -> Destination {
    let [_, high, middle, low] = transport.to_be_bytes();
    Destination {
        remote: SocketAddr::from(([10, high, middle, low], 5_000)),
        local: None,
    }
}

fn key(transport: u32, up: bool) -> [u8; 16] {
    let mut key = [u8::from(up); 16];
    key[..4].copy_from_slice(&transport.to_be_bytes());
    key
}

fn sealer(transport: u32, up: bool) -> Sealer {
    Sealer::new(PROFILE, &key(transport, up), &[7; 12]).expect("fitting lengths")
}

fn opener(transport: u32) -> _plane::srtp::Opener {
    _plane::srtp::Opener::new(PROFILE, &key(transport, true), &[7; 12]).expect("fitting lengths")
}
