//! H.264 (RFC 6184 §5): single units, STAP-A and FU-A, as packetization mode 1 sends them.

use crate::bits::Bits;
use crate::{Malformed, Payload};

const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Profiles whose parameter sets tell the chroma format (ITU-T H.264 §7.3.2.1.1).
const HIGH_PROFILES: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

pub(crate) fn parse(payload: &[u8]) -> Result<Payload, Malformed> {
    let [header, rest @ ..] = payload else {
        return Err(Malformed("H.264 payload empty"));
    };
    let mut found = Payload::default();
    match header & 0x1f {
        kind @ 1..=23 => unit(kind, payload, &mut found),
        STAP_A => {
            let mut rest = rest;
            while let [high, low, tail @ ..] = rest {
                let len = usize::from(u16::from_be_bytes([*high, *low]));
                let (inner, tail) = tail
                    .split_at_checked(len)
                    .ok_or(Malformed("H.264 aggregate cut off"))?;
                let kind = inner.first().ok_or(Malformed("H.264 unit empty"))? & 0x1f;
                unit(kind, inner, &mut found);
                rest = tail;
            }
        }
        FU_A => {
            let fragment = rest.first().ok_or(Malformed("H.264 fragment cut off"))?;
            found.keyframe = fragment & 0x80 != 0 && fragment & 0x1f == IDR;
        }
        _ => return Err(Malformed("H.264 unit that mode 1 does not have")),
    }
    Ok(found)
}

fn unit(kind: u8, unit: &[u8], found: &mut Payload) {
    match kind {
        IDR => found.keyframe = true,
        SPS => {
            found.keyframe = true;
            found.frame_start = true;
            found.resolution = resolution(unit).or(found.resolution);
        }
        _ => {}
    }
}

/// Width and height by a sequence parameter set (ITU-T H.264 §7.3.2.1.1, §7.4.2.1.1).
fn resolution(sps: &[u8]) -> Option<(u16, u16)> {
    let mut bits = Bits::escaped(sps.get(1..)?);
    let profile = bits.bits(8)?;
    bits.bits(16)?;
    bits.unsigned()?;
    let mut chroma = 1;
    if HIGH_PROFILES.contains(&profile) {
        chroma = bits.unsigned()?;
        if chroma == 3 {
            bits.bit()?;
        }
        bits.unsigned()?;
        bits.unsigned()?;
        bits.bit()?;
        if bits.bit()? == 1 {
            skip_scaling(&mut bits, if chroma == 3 { 12 } else { 8 })?;
        }
    }
    bits.unsigned()?;
    skip_order_count(&mut bits)?;
    bits.unsigned()?;
    bits.bit()?;
    let width = bits.unsigned()?.checked_add(1)?.checked_mul(16)?;
    let map_height = bits.unsigned()?.checked_add(1)?.checked_mul(16)?;
    let frames_only = bits.bit()?;
    let height = map_height.checked_mul(2 - frames_only)?;
    if frames_only == 0 {
        bits.bit()?;
    }
    bits.bit()?;
    let mut crop = [0; 4];
    if bits.bit()? == 1 {
        for side in &mut crop {
            *side = bits.unsigned()?;
        }
    }
    let (unit_x, unit_y) = match chroma {
        1 => (2, 2 * (2 - frames_only)),
        2 => (2, 2 - frames_only),
        _ => (1, 2 - frames_only),
    };
    let cut_x = crop[0].checked_add(crop[1])?.checked_mul(unit_x)?;
    let cut_y = crop[2].checked_add(crop[3])?.checked_mul(unit_y)?;
    Some((
        u16::try_from(width.checked_sub(cut_x)?).ok()?,
        u16::try_from(height.checked_sub(cut_y)?).ok()?,
    ))
}

fn skip_scaling(bits: &mut Bits<'_>, lists: u32) -> Option<()> {
    for list in 0..lists {
        if bits.bit()? == 0 {
            continue;
        }
        let (mut last, mut next) = (8, 8);
        for _ in 0..if list < 6 { 16 } else { 64 } {
            if next != 0 {
                next = (last + bits.signed()?.rem_euclid(256)) % 256;
            }
            if next != 0 {
                last = next;
            }
        }
    }
    Some(())
}

fn skip_order_count(bits: &mut Bits<'_>) -> Option<()> {
    match bits.unsigned()? {
        0 => {
            bits.unsigned()?;
        }
        1 => {
            bits.bit()?;
            bits.signed()?;
            bits.signed()?;
            let frames = bits.unsigned()?;
            // §7.4.2.1.1: at most 255.
            if frames > 255 {
                return None;
            }
            for _ in 0..frames {
                bits.signed()?;
            }
        }
        _ => {}
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Constrained baseline 3.1, 1280x720, as x264 writes it.
    const SPS_720: [u8; 12] = [
        0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00,
    ];

    #[test]
    fn parameter_sets_begin_a_keyframe_and_tell_its_size() {
        let found = parse(&SPS_720).expect("valid");
        assert!(found.keyframe && found.frame_start);
        assert_eq!(found.resolution, Some((1280, 720)));
        let mut aggregate = vec![0x78, 0, SPS_720.len() as u8];
        aggregate.extend(SPS_720);
        aggregate.extend([0, 2, 0x68, 0xce]);
        assert_eq!(parse(&aggregate), Ok(found));
    }

    #[test]
    fn only_the_first_fragment_of_an_idr_begins_one() {
        assert!(parse(&[0x7c, 0x85, 1]).expect("valid").keyframe);
        assert!(!parse(&[0x7c, 0x05, 1]).expect("valid").keyframe);
        assert!(!parse(&[0x7c, 0x81, 1]).expect("valid").keyframe);
        let slice = parse(&[0x65, 1]).expect("valid");
        assert!(slice.keyframe && !slice.frame_start);
        assert!(!parse(&[0x61, 1]).expect("valid").keyframe);
    }

    #[test]
    fn refuses_what_is_cut_off() {
        for payload in [&[][..], &[0x7c], &[0x78, 0, 9, 1], &[0x78, 0, 0], &[0x1f]] {
            assert!(parse(payload).is_err(), "{payload:?}");
        }
    }
}
