//! VP8 (RFC 7741 §4.2, §4.3).

use crate::{Malformed, Payload, PictureId, Tl0PicIdx};

/// Behind the frame tag of a keyframe (RFC 6386 §9.1).
const START_CODE: [u8; 3] = [0x9d, 0x01, 0x2a];

pub(crate) fn parse(payload: &[u8]) -> Result<Payload, Malformed> {
    let cut_off = Malformed("VP8 descriptor cut off");
    let byte = |at: usize| payload.get(at).copied().ok_or(cut_off);
    let first = byte(0)?;
    let starts = first & 0x10 != 0 && first & 0x07 == 0;
    let mut found = Payload {
        frame_start: starts,
        ..Payload::default()
    };
    let mut at = 1;
    if first & 0x80 != 0 {
        let present = byte(1)?;
        at = 2;
        if present & 0x80 != 0 {
            let id = byte(at)?;
            let long = id & 0x80 != 0;
            let value = if long {
                u16::from_be_bytes([id & 0x7f, byte(at + 1)?])
            } else {
                u16::from(id)
            };
            found.picture_id = Some(PictureId {
                offset: at as u16,
                bits: if long { 15 } else { 7 },
                value,
            });
            at += if long { 2 } else { 1 };
        }
        if present & 0x40 != 0 {
            found.tl0_pic_idx = Some(Tl0PicIdx {
                offset: at as u16,
                value: byte(at)?,
            });
            at += 1;
        }
        if present & 0x30 != 0 {
            let layer = byte(at)?;
            if present & 0x20 != 0 {
                found.temporal = layer >> 6;
                found.layer_sync = layer & 0x20 != 0;
            }
            at += 1;
        }
    }
    let frame = payload
        .get(at..)
        .filter(|frame| !frame.is_empty())
        .ok_or(Malformed("VP8 payload empty"))?;
    // The P bit is inverse: 0 says keyframe (RFC 7741 §4.3).
    if starts && frame[0] & 0x01 == 0 {
        found.keyframe = true;
        if let Some([_, _, _, a, b, c, w0, w1, h0, h1]) = frame.first_chunk::<10>() {
            if [*a, *b, *c] == START_CODE {
                let size = |low: u8, high: u8| u16::from_le_bytes([low, high]) & 0x3fff;
                found.resolution = Some((size(*w0, *w1), size(*h0, *h1)));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYFRAME: [u8; 10] = [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01];

    #[test]
    fn reads_a_keyframe_with_every_field() {
        let mut payload = vec![0x90, 0xf0, 0x92, 0x34, 0x56, 0x60];
        payload.extend(KEYFRAME);
        let found = parse(&payload).expect("valid");
        assert!(found.keyframe && found.frame_start && found.layer_sync);
        assert_eq!(
            found.picture_id,
            Some(PictureId {
                offset: 2,
                bits: 15,
                value: 0x1234
            })
        );
        assert_eq!(
            found.tl0_pic_idx,
            Some(Tl0PicIdx {
                offset: 4,
                value: 0x56
            })
        );
        assert_eq!((found.temporal, found.resolution), (1, Some((640, 360))));
    }

    #[test]
    fn a_short_picture_id_has_seven_bits() {
        let found = parse(&[0x80, 0x80, 0x15, 0x01]).expect("valid");
        assert_eq!(
            found.picture_id,
            Some(PictureId {
                offset: 2,
                bits: 7,
                value: 0x15
            })
        );
        assert!(!found.keyframe && !found.frame_start);
    }

    #[test]
    fn only_the_first_packet_of_the_first_partition_starts_a_frame() {
        assert!(parse(&[0x10, 0x00]).expect("valid").keyframe);
        assert!(
            !parse(&[0x11, 0x00]).expect("valid").keyframe,
            "second partition"
        );
        assert!(
            !parse(&[0x00, 0x00]).expect("valid").keyframe,
            "continuation"
        );
        assert!(!parse(&[0x10, 0x01]).expect("valid").keyframe, "interframe");
    }

    #[test]
    fn refuses_what_is_cut_off() {
        for payload in [
            &[][..],
            &[0x10],
            &[0x80],
            &[0x80, 0x80],
            &[0x80, 0x80, 0x80],
            &[0x80, 0x40],
            &[0x80, 0x20],
        ] {
            assert!(parse(payload).is_err(), "{payload:?}");
        }
    }
}
