//! Payloads that real encoders and another packetiser made (tests/packets/make_vectors.py).

use sfu_codecs::{parse, Codec, Payload};

macro_rules! payload {
    ($codec:expr, $name:literal) => {
        parse(
            $codec,
            include_bytes!(concat!("../../tests/packets/", $name, ".bin")),
        )
        .expect("valid")
    };
}

fn size_and_key(payload: &Payload) -> (Option<(u16, u16)>, bool) {
    (payload.resolution, payload.keyframe)
}

#[test]
fn keyframes_of_real_encoders_tell_their_size() {
    let vp8 = payload!(Codec::Vp8, "vp8-keyframe-aiortc");
    assert_eq!(size_and_key(&vp8), (Some((320, 240)), true));
    assert!(vp8.frame_start && vp8.picture_id.is_some());
    let h264 = payload!(Codec::H264, "h264-keyframe-aiortc");
    assert_eq!(size_and_key(&h264), (Some((320, 240)), true));
}

#[test]
fn frames_between_them_do_not() {
    let vp8 = payload!(Codec::Vp8, "vp8-interframe-aiortc");
    assert_eq!(size_and_key(&vp8), (None, false));
    let h264 = payload!(Codec::H264, "h264-interframe-aiortc");
    assert_eq!(size_and_key(&h264), (None, false));
}
