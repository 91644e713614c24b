//! Where pictures in H.264 begin: its parameter sets come as a packet of their own before the slices.

use crate::call::{Call, PUBLISHER, SUBSCRIBER};
use crate::inbox::Got;
use _plane::command::{Command, LayerSource, PayloadType};
use _plane::extension::ExtensionIds;
use sfu_codecs::Codec;

/// SPS and PPS (STAP-A), the fragments of an IDR slice (FU-A), a slice of another picture.
const PARAMETERS: &[u8] = &[0x78, 0, 4, 0x67, 0x42, 0xc0, 0x1f, 0, 2, 0x68, 0xce];
const FIRST: &[u8] = &[0x7c, 0x85, 1];
const MIDDLE: &[u8] = &[0x7c, 0x05, 2];
const LAST: &[u8] = &[0x7c, 0x45, 3];
const SLICE: &[u8] = &[0x61, 4];
/// A whole IDR slice.
const IDR: &[u8] = &[0x65, 5];

/// A publisher of one picture in H.264, who is watched by one and waited for by another.
struct Picture {
    call: Call,
    sequence: u16,
    timestamp: u32,
}

impl Picture {
    /// `first` is its first frame; what follows is no keyframe for three seconds.
    fn new(first: &[&[u8]]) -> Self {
        let mut call = Call::new();
        for transport in [PUBLISHER, SUBSCRIBER] {
            call.apply(Command::SetRemote {
                transport,
                extensions: ExtensionIds::default(),
                payload_types: vec![PayloadType {
                    number: 98,
                    codec: Codec::H264,
                    rtx: Some(97),
                }],
                cname: "sfu".into(),
            });
        }
        call.apply(Command::AddTrack {
            track: 1,
            transport: PUBLISHER,
            mid: "m1".into(),
            codec: Codec::H264,
            layers: vec![LayerSource {
                ssrc: 1000,
                rtx_ssrc: 1001,
                ..LayerSource::default()
            }],
        });
        call.bind(Some(1));
        call.subscribe_video(10, 2000, 2001);
        let mut picture = Self {
            call,
            sequence: 0x1000,
            timestamp: 0,
        };
        picture.show(first);
        for _ in 0..30 {
            picture.show(&[SLICE]);
            picture.call.run(100);
        }
        picture.call.subscribe_video(11, 2010, 2011);
        picture.call.run(20);
        picture.call.sent.clear();
        picture
    }

    /// The packets of a frame.
    fn packets(&mut self, payloads: &[&[u8]]) -> Vec<Vec<u8>> {
        self.timestamp += 3_000;
        let mut packets = Vec::new();
        for (n, payload) in payloads.iter().enumerate() {
            self.sequence = self.sequence.wrapping_add(1);
            let marker = u8::from(n + 1 == payloads.len()) << 7;
            let mut packet = vec![0x80, 98 | marker];
            packet.extend(self.sequence.to_be_bytes());
            packet.extend(self.timestamp.to_be_bytes());
            packet.extend(1000u32.to_be_bytes());
            packet.extend(*payload);
            packets.push(packet);
        }
        packets
    }

    fn show(&mut self, payloads: &[&[u8]]) {
        for packet in self.packets(payloads) {
            self.call.publish_packet(packet);
        }
        self.call.run(3);
    }

    /// What each of the two has got.
    fn got(&mut self) -> [Vec<Got>; 2] {
        let got = self.call.received(SUBSCRIBER);
        [2000, 2010].map(|ssrc| got.iter().filter(|got| got.ssrc == ssrc).cloned().collect())
    }
}

fn bodies(got: &[Got]) -> Vec<&[u8]> {
    let mut sorted: Vec<&Got> = got.iter().collect();
    sorted.sort_by_key(|got| got.sequence as i16);
    assert!(sorted
        .windows(2)
        .all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    sorted.iter().map(|got| got.body.as_slice()).collect()
}

const KEY: [&[u8]; 4] = [PARAMETERS, FIRST, MIDDLE, LAST];

#[test]
fn a_keyframe_begins_with_its_parameters_although_they_were_overtaken() {
    for order in [[0, 1, 2, 3], [1, 0, 2, 3], [1, 2, 3, 0]] {
        let mut picture = Picture::new(&KEY);
        let packets = picture.packets(&KEY);
        for index in order {
            picture.call.publish_packet(packets[index].clone());
        }
        picture.show(&[SLICE]);
        for got in &picture.got() {
            assert_eq!(bodies(got), [&KEY[..], &[SLICE]].concat(), "{order:?}");
        }
    }
}

#[test]
fn lost_parameters_are_asked_for_and_begun_with() {
    let mut picture = Picture::new(&KEY);
    let packets = picture.packets(&KEY);
    for packet in &packets[1..] {
        picture.call.publish_packet(packet.clone());
    }
    picture.call.run(100);
    let lost = u16::from_be_bytes([packets[0][2], packets[0][3]]);
    assert_eq!(picture.call.asked_of_publisher(), [lost]);
    let [shown, waiting] = picture.got();
    assert_eq!((shown.len(), waiting.len()), (3, 0));
    picture.call.publish_packet(packets[0].clone());
    picture.call.run(3);
    let [shown, waiting] = picture.got();
    assert_eq!(bodies(&shown), [PARAMETERS]);
    assert_eq!(bodies(&waiting), KEY);
}

#[test]
fn what_was_lost_before_the_parameters_as_well_changes_nothing() {
    let mut picture = Picture::new(&KEY);
    let mut packets = picture.packets(&[SLICE]);
    packets.extend(picture.packets(&KEY));
    for index in [2, 3, 0, 1, 4] {
        picture.call.publish_packet(packets[index].clone());
    }
    picture.call.run(3);
    let [shown, waiting] = picture.got();
    assert_eq!(bodies(&shown), [&[SLICE], &KEY[..]].concat());
    assert_eq!(bodies(&waiting), KEY);
}

#[test]
fn no_later_slice_begins_a_keyframe_whose_parameters_are_missing() {
    let mut picture = Picture::new(&KEY);
    let packets = picture.packets(&[PARAMETERS, IDR, IDR, IDR]);
    for packet in &packets[1..] {
        picture.call.publish_packet(packet.clone());
    }
    picture.show(&[SLICE]);
    let [shown, waiting] = picture.got();
    assert_eq!((shown.len(), waiting.len()), (4, 0));
}

#[test]
fn without_parameters_in_the_stream_a_slice_begins_a_keyframe() {
    const DELIMITER: &[u8] = &[0x09, 0xf0];
    for keyframe in [&[IDR, IDR][..], &[DELIMITER, IDR, IDR]] {
        let mut picture = Picture::new(&[SLICE]);
        picture.show(keyframe);
        let begins = keyframe.len() - 2;
        for got in &picture.got() {
            assert_eq!(bodies(got), keyframe[begins..]);
        }
    }
}
