//! Payloads that real encoders and other packetisers made (tests/packets/make_vectors.py,
//! make_payloads.py).

use sfu_codecs::{parse, Codec, Payload};

macro_rules! file {
    ($name:literal) => {
        &include_bytes!(concat!("../../tests/packets/", $name, ".bin"))[..]
    };
}

/// One packet of a captured stream and what was found in it.
struct Captured {
    marker: bool,
    timestamp: u32,
    payload: &'static [u8],
    found: Payload,
}

fn captured(codec: Codec, mut file: &'static [u8]) -> Vec<Captured> {
    let mut packets = Vec::new();
    while let [l0, l1, marker, t0, t1, t2, t3, rest @ ..] = file {
        let len = usize::from(u16::from_be_bytes([*l0, *l1]));
        let (payload, rest) = rest.split_at(len);
        packets.push(Captured {
            marker: *marker != 0,
            timestamp: u32::from_be_bytes([*t0, *t1, *t2, *t3]),
            payload,
            found: parse(codec, payload).expect("valid"),
        });
        file = rest;
    }
    assert!(file.is_empty() && packets.len() > 20);
    packets
}

/// Of frames rather than packets: the first packet of each timestamp.
fn frames(packets: &[Captured]) -> Vec<&Captured> {
    let mut frames: Vec<&Captured> = Vec::new();
    for packet in packets {
        if frames
            .last()
            .is_none_or(|last| last.timestamp != packet.timestamp)
        {
            frames.push(packet);
        }
    }
    frames
}

fn size_and_key(payload: &Payload) -> (Option<(u16, u16)>, bool) {
    (payload.resolution, payload.keyframe)
}

#[test]
fn keyframes_of_real_encoders_tell_their_size() {
    let vp8 = parse(Codec::Vp8, file!("vp8-keyframe-aiortc")).expect("valid");
    assert_eq!(size_and_key(&vp8), (Some((320, 240)), true));
    assert!(vp8.frame_start && vp8.picture_id.is_some());
    let h264 = parse(Codec::H264, file!("h264-keyframe-aiortc")).expect("valid");
    assert_eq!(size_and_key(&h264), (Some((320, 240)), true));
}

#[test]
fn frames_between_them_do_not() {
    let vp8 = parse(Codec::Vp8, file!("vp8-interframe-aiortc")).expect("valid");
    assert_eq!(size_and_key(&vp8), (None, false));
    let h264 = parse(Codec::H264, file!("h264-interframe-aiortc")).expect("valid");
    assert_eq!(size_and_key(&h264), (None, false));
}

#[test]
fn chromium_vp8_in_three_temporal_layers() {
    let packets = captured(Codec::Vp8, file!("vp8-l1t3-chromium"));
    let frames = frames(&packets);
    assert_eq!(size_and_key(&frames[0].found), (Some((320, 180)), true));
    assert!(packets[1..].iter().all(|packet| !packet.found.keyframe));
    // Every frame begins where its timestamp does, and nowhere else.
    let begins = packets.iter().filter(|packet| packet.found.frame_start);
    assert_eq!(begins.count(), frames.len());
    let layers: Vec<u8> = frames.iter().map(|frame| frame.found.temporal).collect();
    assert_eq!(layers[..8], [0, 2, 1, 2, 0, 2, 1, 2]);
    // Both higher layers of the first period depend on the base layer alone.
    let sync: Vec<bool> = frames.iter().map(|frame| frame.found.layer_sync).collect();
    assert_eq!(sync[1..4], [true, true, false]);
    let first = frames[0].found;
    let (id, index) = (
        first.picture_id.expect("picture id").value,
        first.tl0_pic_idx.expect("counter").value,
    );
    let mut base = 0;
    for (n, frame) in frames.iter().enumerate() {
        base += u8::from(n > 0 && frame.found.temporal == 0);
        let picture_id = frame.found.picture_id.expect("picture id");
        assert_eq!((picture_id.bits, picture_id.value), (15, id + n as u16));
        let counter = frame.found.tl0_pic_idx.expect("counter");
        assert_eq!(counter.value, index.wrapping_add(base));
    }
}

#[test]
fn chromium_vp9_in_two_temporal_layers() {
    let packets = captured(Codec::Vp9, file!("vp9-l1t2-chromium"));
    let frames = frames(&packets);
    assert_eq!(size_and_key(&frames[0].found), (Some((320, 180)), true));
    assert!(packets[1..].iter().all(|packet| !packet.found.keyframe));
    let begins = packets.iter().filter(|packet| packet.found.frame_start);
    assert_eq!(begins.count(), frames.len());
    let layers: Vec<u8> = frames.iter().map(|frame| frame.found.temporal).collect();
    assert_eq!(layers[..4], [0, 1, 0, 1]);
}

#[test]
fn chromium_vp9_in_three_spatial_layers() {
    let packets = captured(Codec::Vp9, file!("vp9-l3t3-key-chromium"));
    // The structure is told once, with the lowest layer, for the size of the highest.
    assert_eq!(size_and_key(&packets[0].found), (Some((960, 540)), true));
    assert!(packets[1..].iter().all(|packet| !packet.found.keyframe));
    let picture = |timestamp: u32| {
        let layers = packets
            .iter()
            .filter(move |packet| packet.timestamp == timestamp && packet.found.frame_start);
        layers
            .map(|packet| packet.found.spatial)
            .collect::<Vec<_>>()
    };
    let frames = frames(&packets);
    // The marker ends the picture, not the layer.
    let whole = frames.iter().filter(|frame| {
        let mut packets = packets
            .iter()
            .filter(|packet| packet.timestamp == frame.timestamp);
        packets.any(|packet| packet.marker)
    });
    let mut pictures = 0;
    for frame in whole {
        assert_eq!(picture(frame.timestamp), [0, 1, 2]);
        pictures += 1;
    }
    assert!(pictures > 5);
    let layers: Vec<u8> = frames.iter().map(|frame| frame.found.temporal).collect();
    assert_eq!(layers[..5], [0, 2, 1, 2, 0]);
}

#[test]
fn chromium_av1_begins_with_a_sequence_of_known_size() {
    let packets = captured(Codec::Av1, file!("av1-l1t3-chromium"));
    assert_eq!(size_and_key(&packets[0].found), (Some((320, 180)), true));
    assert!(packets[1..].iter().all(|packet| !packet.found.keyframe));
    assert!(frames(&packets).iter().all(|frame| frame.found.frame_start));
}

#[test]
fn chromium_h264_begins_with_parameter_sets_in_a_packet_of_their_own() {
    let packets = captured(Codec::H264, file!("h264-chromium"));
    assert_eq!(size_and_key(&packets[0].found), (Some((1280, 720)), true));
    // The slice behind them says keyframe again, in its first fragment only.
    let keyframe: Vec<bool> = packets.iter().map(|packet| packet.found.keyframe).collect();
    assert_eq!(keyframe[..4], [true, true, false, false]);
    let begins: Vec<bool> = packets
        .iter()
        .map(|packet| packet.found.frame_start)
        .collect();
    assert_eq!(begins[..4], [true, false, false, false]);
    assert!(packets[2..].iter().all(|packet| !packet.found.keyframe));
    let fragmented = packets
        .iter()
        .filter(|packet| packet.payload[0] & 0x1f == 28);
    assert!(fragmented.count() > 5);
}

/// Numbers are rewritten in place, and nothing else changes.
#[test]
fn captured_numbers_can_be_rewritten() {
    for (codec, file) in [
        (Codec::Vp8, file!("vp8-l1t3-chromium")),
        (Codec::Vp9, file!("vp9-l3t3-key-chromium")),
        (Codec::Vp9, file!("vp9-l1t2-chromium")),
    ] {
        for packet in captured(codec, file) {
            let mut payload = packet.payload.to_vec();
            let id = packet.found.picture_id.expect("picture id");
            id.write(&mut payload, id.value ^ 0x1234);
            let other = parse(codec, &payload).expect("valid");
            assert_eq!(
                other.picture_id.map(|id| id.value),
                Some((id.value ^ 0x1234) & 0x7fff)
            );
            id.write(&mut payload, id.value);
            assert_eq!(payload, packet.payload);
        }
    }
}

/// However a real payload is cut off or damaged, what is said of it stays within it.
#[test]
fn damaged_payloads_are_survived() {
    for (codec, file) in [
        (Codec::Vp8, file!("vp8-l1t3-chromium")),
        (Codec::Vp9, file!("vp9-l3t3-key-chromium")),
        (Codec::Av1, file!("av1-l1t3-chromium")),
        (Codec::H264, file!("h264-chromium")),
    ] {
        for packet in captured(codec, file).iter().take(6) {
            let head = &packet.payload[..packet.payload.len().min(40)];
            for len in 0..head.len() {
                inspect(codec, &head[..len]);
            }
            for bit in 0..head.len() * 8 {
                let mut damaged = head.to_vec();
                damaged[bit / 8] ^= 1 << (bit % 8);
                inspect(codec, &damaged);
            }
        }
    }
}

fn inspect(codec: Codec, payload: &[u8]) {
    let Ok(found) = parse(codec, payload) else {
        return;
    };
    let mut copy = payload.to_vec();
    if let Some(id) = found.picture_id {
        id.write(&mut copy, !id.value);
        assert_ne!(copy, payload);
    }
    if let Some(index) = found.tl0_pic_idx {
        let before = copy.clone();
        index.write(&mut copy, !index.value);
        assert_ne!(copy, before);
    }
    let changed = copy.iter().zip(payload).filter(|(a, b)| a != b).count();
    assert!(changed <= 3);
}
