//! How the codecs that the server forwards read on the wire.
//!
//! A forwarder decodes nothing. It wants to know where a frame begins, whether
//! decoding can start there, which layer a packet belongs to, and where the
//! numbers stand that it must rewrite. [`parse`] tells that for one RTP payload,
//! without copies and without memory of the packets before.
#![forbid(unsafe_code)]

mod av1;
mod bits;
mod h264;
mod vp8;
mod vp9;

/// The codecs that are forwarded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[allow(missing_docs)]
pub enum Codec {
    Opus,
    /// Redundant audio (RFC 2198) around Opus.
    Red,
    Vp8,
    H264,
    Vp9,
    Av1,
}

impl Codec {
    /// By its name in lower case, as the control plane writes it.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "opus" => Self::Opus,
            "red" => Self::Red,
            "vp8" => Self::Vp8,
            "h264" => Self::H264,
            "vp9" => Self::Vp9,
            "av1" => Self::Av1,
            _ => return None,
        })
    }

    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::Red => "red",
            Self::Vp8 => "vp8",
            Self::H264 => "h264",
            Self::Vp9 => "vp9",
            Self::Av1 => "av1",
        }
    }

    /// Whether it carries pictures.
    pub fn is_video(self) -> bool {
        !matches!(self, Self::Opus | Self::Red)
    }

    /// Units of the RTP timestamp per second.
    pub fn clock_rate(self) -> u32 {
        if self.is_video() {
            90_000
        } else {
            48_000
        }
    }
}

/// A payload that breaks its format's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// Where a picture id stands in a payload, so that it can be rewritten in place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PictureId {
    /// Of its first byte.
    pub offset: u16,
    /// 7 or 15.
    pub bits: u8,
    /// As received.
    pub value: u16,
}

impl PictureId {
    /// Puts another value in its place; what does not fit its width is cut off.
    /// A payload that is shorter than the one it was read from is left alone.
    pub fn write(&self, payload: &mut [u8], value: u16) {
        let at = usize::from(self.offset);
        match (self.bits, payload.get_mut(at..)) {
            (7, Some([first, ..])) => *first = value as u8 & 0x7f,
            (15, Some([first, second, ..])) => [*first, *second] = (value | 0x8000).to_be_bytes(),
            _ => {}
        }
    }
}

/// Where TL0PICIDX stands in a payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tl0PicIdx {
    /// Of its byte.
    pub offset: u16,
    /// As received.
    pub value: u8,
}

impl Tl0PicIdx {
    /// Puts another value in its place.
    pub fn write(&self, payload: &mut [u8], value: u8) {
        if let Some(byte) = payload.get_mut(usize::from(self.offset)) {
            *byte = value;
        }
    }
}

/// What one RTP payload says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// Decoding can start with the frame that begins here. H.264 says so of parameter sets, too,
    /// and again of each slice behind them: a frame begins there if none of it stands before.
    pub keyframe: bool,
    /// A frame begins here, as far as the payload tells: of H.264 only what has parameter sets does.
    pub frame_start: bool,
    /// Spatial layer within the stream.
    pub spatial: u8,
    /// Temporal layer; what is above may be left out.
    pub temporal: u8,
    /// A receiver may go up to `temporal` here (RFC 7741 §4.2, the Y bit of VP8).
    pub layer_sync: bool,
    /// A receiver of `temporal` may go up to any layer behind this frame (RFC 9628 §4.2, the U bit of VP9).
    pub switching_point: bool,
    /// Picture id, where there is one.
    pub picture_id: Option<PictureId>,
    /// Counter of base layer frames, where there is one.
    pub tl0_pic_idx: Option<Tl0PicIdx>,
    /// Width and height, where the payload tells: of the highest spatial layer in the stream.
    pub resolution: Option<(u16, u16)>,
}

/// Reads what a payload says of itself. Never panics, never allocates.
#[inline]
pub fn parse(codec: Codec, payload: &[u8]) -> Result<Payload, Malformed> {
    match codec {
        Codec::Opus | Codec::Red => Ok(Payload {
            keyframe: true,
            frame_start: true,
            ..Payload::default()
        }),
        Codec::Vp8 => vp8::parse(payload),
        Codec::H264 => h264::parse(payload),
        Codec::Vp9 => vp9::parse(payload),
        Codec::Av1 => av1::parse(payload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Codec; 6] = [
        Codec::Opus,
        Codec::Red,
        Codec::Vp8,
        Codec::H264,
        Codec::Vp9,
        Codec::Av1,
    ];

    #[test]
    fn names_lead_back() {
        for codec in ALL {
            assert_eq!(Codec::from_name(codec.name()), Some(codec));
        }
        assert_eq!(Codec::from_name("VP8"), None);
    }

    /// What leads the parsers to where they read bits: parameter sets and sequence headers.
    const BEGINNINGS: [&[u8]; 8] = [
        &[],
        &[0x67],
        &[0x67, 100],
        &[0x78, 0, 40, 0x67],
        &[0x18, 0x08],
        &[0x08, 40, 0x0a],
        &[0x08, 0x82, 0x49, 0x83, 0x42],
        &[0x08, 0xb2, 0x49, 0x83, 0x42],
    ];

    proptest! {
        #[test]
        fn any_payload_is_survived(
            start in prop::sample::select(&BEGINNINGS[..]),
            rest in prop::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(0xff)], 0..80),
        ) {
            let payload = [start, &rest].concat();
            for codec in ALL {
                let Ok(found) = parse(codec, &payload) else { continue };
                let id = found.picture_id.map_or(0, |id| usize::from(id.offset) + usize::from(id.bits / 8 + 1));
                let index = found.tl0_pic_idx.map_or(0, |index| usize::from(index.offset) + 1);
                prop_assert!(id <= payload.len() && index <= payload.len());
                prop_assert!(found.temporal <= 7 && found.spatial <= 7);
                prop_assert!(!found.keyframe || found.frame_start || codec == Codec::H264);
                prop_assert!(found.keyframe || found.resolution.is_none() || codec == Codec::Vp9);
            }
        }

        #[test]
        fn a_rewritten_picture_id_reads_back(mut payload in prop::collection::vec(any::<u8>(), 8..40), value: u16, tl0: u8) {
            for codec in [Codec::Vp8, Codec::Vp9] {
                let Ok(before) = parse(codec, &payload) else { continue };
                let Some(id) = before.picture_id else { continue };
                id.write(&mut payload, value);
                if let Some(index) = before.tl0_pic_idx {
                    index.write(&mut payload, tl0);
                }
                let after = parse(codec, &payload).expect("same layout");
                let mask = if id.bits == 7 { 0x7f } else { 0x7fff };
                prop_assert_eq!(after.picture_id, Some(PictureId { value: value & mask, ..id }));
                prop_assert_eq!(after.tl0_pic_idx.map(|index| index.value), before.tl0_pic_idx.map(|_| tl0));
                prop_assert_eq!((after.temporal, after.keyframe), (before.temporal, before.keyframe));
            }
        }
    }
}
