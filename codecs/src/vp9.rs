//! VP9 (RFC 9628 §4.2).

use crate::bits::Bits;
use crate::{Malformed, Payload, PictureId, Tl0PicIdx};

/// Reference indices per picture at most (§4.2, P_DIFF).
const MAX_REFERENCES: usize = 3;
/// Behind the first flags of a keyframe (VP9 bitstream §6.2).
const SYNC_CODE: u32 = 0x49_83_42;
const RGB: u32 = 7;

pub(crate) fn parse(payload: &[u8]) -> Result<Payload, Malformed> {
    let cut_off = Malformed("VP9 descriptor cut off");
    let byte = |at: usize| payload.get(at).copied().ok_or(cut_off);
    let first = byte(0)?;
    let [has_id, interframe, has_layers, flexible, begins] =
        [0x80, 0x40, 0x20, 0x10, 0x08].map(|bit| first & bit != 0);
    let has_structure = first & 0x02 != 0;
    let mut found = Payload {
        frame_start: begins,
        ..Payload::default()
    };
    let mut at = 1;
    if has_id {
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
    if has_layers {
        let layer = byte(at)?;
        found.temporal = layer >> 5;
        found.switching_point = layer & 0x10 != 0;
        found.spatial = layer >> 1 & 7;
        at += 1;
        if !flexible {
            found.tl0_pic_idx = Some(Tl0PicIdx {
                offset: at as u16,
                value: byte(at)?,
            });
            at += 1;
        }
    }
    if flexible && interframe {
        for n in 0.. {
            let more = byte(at)? & 1 != 0;
            at += 1;
            if !more {
                break;
            }
            if n + 1 == MAX_REFERENCES {
                return Err(Malformed("VP9 descriptor with too many references"));
            }
        }
    }
    found.keyframe = begins && !interframe && found.spatial == 0;
    let rest = payload.get(at..).ok_or(cut_off)?;
    if has_structure {
        found.resolution = largest(rest)?;
    } else if found.keyframe {
        found.resolution = frame_size(rest);
    }
    Ok(found)
}

/// The size that a keyframe's uncompressed header tells (VP9 bitstream §6.2, §7.2).
fn frame_size(frame: &[u8]) -> Option<(u16, u16)> {
    let mut bits = Bits::new(frame);
    if bits.bits(2)? != 2 {
        return None;
    }
    let profile = bits.bit()? | bits.bit()? << 1;
    if profile == 3 {
        bits.bit()?;
    }
    let [shown_again, inter] = [bits.bit()?, bits.bit()?];
    bits.skip(2)?;
    if shown_again != 0 || inter != 0 || bits.bits(24)? != SYNC_CODE {
        return None;
    }
    if profile >= 2 {
        bits.bit()?;
    }
    let has_subsampling = profile & 1 != 0;
    if bits.bits(3)? == RGB {
        bits.skip(u32::from(has_subsampling))?;
    } else {
        bits.skip(if has_subsampling { 4 } else { 1 })?;
    }
    let mut side = || u16::try_from(bits.bits(16)? + 1).ok();
    Some((side()?, side()?))
}

/// The size of the highest layer that a scalability structure tells (§4.2.1).
fn largest(structure: &[u8]) -> Result<Option<(u16, u16)>, Malformed> {
    let cut_off = Malformed("VP9 scalability structure cut off");
    let first = structure.first().ok_or(cut_off)?;
    let layers = usize::from(first >> 5) + 1;
    if first & 0x10 == 0 {
        return Ok(None);
    }
    let sizes = structure.get(1..1 + 4 * layers).ok_or(cut_off)?;
    let last = sizes.chunks_exact(4).next_back().ok_or(cut_off)?;
    Ok(Some((
        u16::from_be_bytes([last[0], last[1]]),
        u16::from_be_bytes([last[2], last[3]]),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_keyframe_with_its_structure() {
        // I, L, B, E, V; 15-bit id; T0 S0; TL0PICIDX 9; one layer of 1280x720.
        let payload = [
            0xae, 0x81, 0x02, 0x00, 9, 0x10, 0x05, 0x00, 0x02, 0xd0, 0xaa,
        ];
        let found = parse(&payload).expect("valid");
        assert!(found.keyframe && found.frame_start);
        assert_eq!(
            found.picture_id,
            Some(PictureId {
                offset: 1,
                bits: 15,
                value: 0x102
            })
        );
        assert_eq!(
            found.tl0_pic_idx,
            Some(Tl0PicIdx {
                offset: 4,
                value: 9
            })
        );
        assert_eq!(found.resolution, Some((1280, 720)));
    }

    #[test]
    fn a_keyframe_without_structure_tells_its_size_itself() {
        let frame = [0x82, 0x49, 0x83, 0x42, 0x00, 0x13, 0xf0, 0x0b, 0x30];
        let with = |descriptor: u8| [&[descriptor][..], &frame].concat();
        let size = |payload: &[u8]| parse(payload).expect("valid").resolution;
        assert_eq!(size(&with(0x08)), Some((320, 180)));
        assert_eq!(size(&with(0x48)), None, "interframe");
        assert_eq!(size(&with(0x00)), None, "continuation");
        assert_eq!(size(&with(0x08)[..9]), None, "cut off");
        // Profile 1 tells its subsampling before: 4:4:4, three more bits.
        let other = [0x08, 0xa2, 0x49, 0x83, 0x42, 0x00, 0x02, 0x7e, 0x01, 0x66];
        assert_eq!(size(&other), Some((320, 180)));
    }

    #[test]
    fn flexible_mode_has_references_and_no_counter() {
        // I, P, L, F, B; 7-bit id; T2 U S1; two references.
        let found = parse(&[0xf8, 0x05, 0x52, 0x03, 0x04, 0xaa]).expect("valid");
        assert_eq!(
            (
                found.temporal,
                found.spatial,
                found.switching_point,
                found.keyframe
            ),
            (2, 1, true, false)
        );
        assert_eq!(found.tl0_pic_idx, None);
        assert!(
            parse(&[0xf8, 0x05, 0x52, 0x03, 0x03, 0x03, 0x03]).is_err(),
            "four references"
        );
    }

    #[test]
    fn refuses_what_is_cut_off() {
        for payload in [
            &[][..],
            &[0x80],
            &[0x80, 0x80],
            &[0x20, 0x00],
            &[0x02],
            &[0x02, 0x10, 0, 0],
        ] {
            assert!(parse(payload).is_err(), "{payload:?}");
        }
    }
}
