//! AV1 (RTP Payload Format For AV1 §4.4): the aggregation header, and in front of
//! a new sequence the size that its header tells. Frames are opaque.

use crate::bits::Bits;
use crate::{Malformed, Payload};

/// obu_type of a sequence header (AV1 bitstream §6.2.2).
const SEQUENCE_HEADER: u8 = 1;
/// seq_level_idx above which a tier is told (§5.5.1).
const HIGHEST_UNTIERED_LEVEL: u32 = 7;

pub(crate) fn parse(payload: &[u8]) -> Result<Payload, Malformed> {
    let [header, rest @ ..] = payload else {
        return Err(Malformed("AV1 payload empty"));
    };
    if rest.is_empty() {
        return Err(Malformed("AV1 payload empty"));
    }
    let continues = header & 0x80 != 0;
    let new_sequence = header & 0x08 != 0;
    if continues && new_sequence {
        // §4.4: a coded video sequence does not begin in the middle of an OBU.
        return Err(Malformed("AV1 sequence beginning inside a unit"));
    }
    Ok(Payload {
        keyframe: new_sequence,
        frame_start: !continues,
        resolution: new_sequence
            .then(|| resolution(header >> 4 & 3, rest))
            .flatten(),
        ..Payload::default()
    })
}

/// Looks for the sequence header among the payload's elements. `count` of them are there, all but
/// the last with their length in front; zero says that all have one (§4.4, W).
fn resolution(count: u8, mut rest: &[u8]) -> Option<(u16, u16)> {
    let mut left = count;
    loop {
        let (element, behind) = if left == 1 {
            (rest, &[][..])
        } else {
            let (len, behind) = leb128(rest)?;
            behind.split_at_checked(len)?
        };
        let [header, body @ ..] = element else {
            return None;
        };
        // §5.3.2: type, extension flag, size flag.
        if header >> 3 & 0x0f == SEQUENCE_HEADER {
            let body = body.get(usize::from(header >> 2 & 1)..)?;
            let sized = header & 0x02 != 0;
            return largest_frame(if sized { leb128(body)?.1 } else { body });
        }
        rest = behind;
        left = left.saturating_sub(1);
    }
}

/// A number of up to 32 bits, seven in each byte (AV1 bitstream §4.10.5), and what is behind it.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0u64;
    for (n, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()? as usize, &bytes[n + 1..]));
        }
    }
    None
}

/// The size of the largest frame that a sequence header allows (AV1 bitstream §5.5.1).
fn largest_frame(header: &[u8]) -> Option<(u16, u16)> {
    let mut bits = Bits::new(header);
    bits.skip(4)?;
    if bits.bit()? != 0 {
        // A still picture with a reduced header.
        bits.skip(5)?;
    } else {
        skip_operating_points(&mut bits)?;
    }
    let [width_bits, height_bits] = [bits.bits(4)? + 1, bits.bits(4)? + 1];
    let [width, height] = [bits.bits(width_bits)? + 1, bits.bits(height_bits)? + 1];
    Some((u16::try_from(width).ok()?, u16::try_from(height).ok()?))
}

fn skip_operating_points(bits: &mut Bits<'_>) -> Option<()> {
    let mut delay_bits = None;
    if bits.bit()? != 0 {
        // timing_info (§5.5.3) and what may come with it, decoder_model_info (§5.5.4).
        bits.skip(64)?;
        if bits.bit()? != 0 {
            bits.unsigned()?;
        }
        if bits.bit()? != 0 {
            delay_bits = Some(bits.bits(5)? + 1);
            bits.skip(32 + 5 + 5)?;
        }
    }
    let has_display_delay = bits.bit()? != 0;
    for _ in 0..=bits.bits(5)? {
        bits.skip(12)?;
        if bits.bits(5)? > HIGHEST_UNTIERED_LEVEL {
            bits.bit()?;
        }
        if let Some(delay_bits) = delay_bits {
            // operating_parameters_info (§5.5.5)
            if bits.bit()? != 0 {
                bits.skip(2 * delay_bits + 1)?;
            }
        }
        if has_display_delay && bits.bit()? != 0 {
            bits.skip(4)?;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 320x180 with three temporal layers, as libaom in Chromium writes it.
    const SEQUENCE: [u8; 15] = [
        0x08, 0x00, 0x21, 0x07, 0x00, 0x81, 0x80, 0x40, 0x41, 0x0f, 0x3f, 0xb3, 0x00, 0x68, 0x02,
    ];

    fn size(parts: &[&[u8]]) -> Option<(u16, u16)> {
        parse(&parts.concat()).expect("valid").resolution
    }

    #[test]
    fn a_sequence_header_tells_the_size_wherever_it_stands() {
        let expected = Some((320, 180));
        assert_eq!(size(&[&[0x28, 15], &SEQUENCE, &[0x30, 1]]), expected);
        assert_eq!(size(&[&[0x18], &SEQUENCE]), expected, "alone");
        assert_eq!(size(&[&[0x08, 15], &SEQUENCE]), expected, "uncounted");
        let delimited = [0x28, 1, 0x10];
        assert_eq!(size(&[&delimited, &SEQUENCE]), expected, "second");
        let with_size = [0x18, 0x0e, 0x20, 14];
        let header = &SEQUENCE[1..];
        assert_eq!(
            size(&[&with_size[..1], &[0x0a, 14], header]),
            expected,
            "sized"
        );
        assert_eq!(size(&[&with_size, header]), expected, "sized, extended");
    }

    #[test]
    fn what_tells_no_size_is_a_keyframe_all_the_same() {
        assert_eq!(
            size(&[&[0x28, 16], &SEQUENCE]),
            None,
            "longer than the payload"
        );
        assert_eq!(size(&[&[0x18], &SEQUENCE[..9]]), None, "cut off");
        assert_eq!(size(&[&[0x28, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]]), None);
        assert_eq!(size(&[&[0x08, 0, 0, 0]]), None, "nothing inside");
        assert_eq!(size(&[&[0x10], &SEQUENCE]), None, "no new sequence");
    }

    #[test]
    fn passes_over_timing_and_operating_points() {
        // Written bit by bit: (value, bits) each.
        let fields: &[(u64, u32)] = &[
            (0, 5),
            // Timing: two clocks, a constant interval of uvlc 2, a decoder model.
            (1, 1),
            (0x1234_5678_9abc_def0, 64),
            (1, 1),
            (0b011, 3),
            (1, 1),
            (9, 5),
            (0xffff_ffff, 32),
            (3, 5),
            (4, 5),
            // A display delay; one operating point with a tier, delays of ten bits and that.
            (1, 1),
            (0, 5),
            (0xabc, 12),
            (8, 5),
            (1, 1),
            (1, 1),
            (0x1f_ffff, 21),
            (1, 1),
            (7, 4),
            (10, 4),
            (9, 4),
            (1919, 11),
            (1079 - 512, 10),
        ];
        let bits = fields
            .iter()
            .flat_map(|(value, len)| (0..*len).rev().map(move |bit| (value >> bit & 1) as u8));
        let mut header = vec![0x08];
        let bits: Vec<u8> = bits.collect();
        header.extend(bits.chunks(8).map(|byte| {
            byte.iter()
                .enumerate()
                .fold(0, |all, (n, bit)| all | bit << (7 - n))
        }));
        assert_eq!(size(&[&[0x18], &header]), Some((1920, 568)));
    }

    #[test]
    fn a_new_sequence_is_a_keyframe() {
        assert!(parse(&[0x18, 1]).expect("valid").keyframe);
        assert!(!parse(&[0x10, 1]).expect("valid").keyframe);
        assert!(!parse(&[0x90, 1]).expect("valid").frame_start);
        assert!(parse(&[0x88, 1]).is_err());
        assert!(parse(&[0x18]).is_err());
    }
}
