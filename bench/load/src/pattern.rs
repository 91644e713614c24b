//! What a synthetic presenter sends, and how a receiver knows it again: frames of a
//! camera as a browser would cut them into packets, and a stamp in every packet.

use sfu_codecs::Codec;

/// Payload types, those of the server's own offers.
pub const VP8: u8 = 96;
/// Retransmissions of [`VP8`] (RFC 4588).
pub const VP8_RTX: u8 = 97;
/// Opus.
pub const OPUS: u8 = 111;

/// VP8 payload descriptor with 15-bit picture id, TL0PICIDX and TID (RFC 7741 §4.2).
const DESCRIPTOR: usize = 6;
/// Frame tag, start code and size of a keyframe; the tag alone of others (RFC 6386 §9.1).
const KEYFRAME_HEADER: usize = 10;
const FRAME_TAG: usize = 3;
/// Magic, send time, counter.
const STAMP: usize = 20;
const MAGIC: u32 = 0x5f_a1_0a_d5;
/// The shortest payload that a stamp fits into.
pub const MIN_PAYLOAD: usize = DESCRIPTOR + KEYFRAME_HEADER + STAMP;
/// The longest payload of a packet, as browsers cut.
pub const MAX_PAYLOAD: usize = 1160;
/// What a keyframe is larger by than other frames.
const KEYFRAME_FACTOR: usize = 5;
/// Of a microphone packet: 20 ms of Opus at about 32 kbit/s.
pub const AUDIO_PAYLOAD: usize = 80;
/// One stream mono, 20 ms, CELT fullband (RFC 6716 §3.1).
const OPUS_TOC: u8 = 0xf8;

/// When a packet was sent and which one of its source it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// CLOCK_MONOTONIC, nanoseconds.
    pub sent_ns: u64,
    /// Counts the packets of a source from 0.
    pub counter: u64,
}

/// One video packet before it gets its stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Bytes of payload, descriptor included.
    pub len: usize,
    /// First packet of its frame.
    pub starts: bool,
    /// Last packet of its frame.
    pub ends: bool,
    /// Of a frame at which decoding can start.
    pub keyframe: bool,
    /// 15 bits, one per frame.
    pub picture_id: u16,
    /// One per frame of the base layer, which all are.
    pub tl0_pic_idx: u8,
    /// 90 kHz.
    pub timestamp: u32,
}

/// A camera without a picture: sizes and numbers of its frames.
#[derive(Clone, Debug)]
pub struct Camera {
    mean: usize,
    timestamp_step: u32,
    random: u64,
    picture_id: u16,
    tl0_pic_idx: u8,
    timestamp: u32,
    frames: u64,
    keyframe_every: u64,
    wants_keyframe: bool,
}

impl Camera {
    /// Frames that make `bitrate` bit/s of payload at `fps`; the first, one each ten seconds and
    /// those asked for are keyframes. Equal seeds make equal frames.
    pub fn new(bitrate: u32, fps: u32, seed: u64) -> Self {
        Self {
            mean: (bitrate / 8 / fps) as usize,
            timestamp_step: 90_000 / fps,
            random: seed | 1,
            picture_id: (seed & 0x7fff) as u16,
            tl0_pic_idx: seed as u8,
            timestamp: (seed >> 7) as u32,
            frames: 0,
            keyframe_every: u64::from(10 * fps),
            wants_keyframe: true,
        }
    }

    /// The next frame that is begun will be a keyframe.
    pub fn request_keyframe(&mut self) {
        self.wants_keyframe = true;
    }

    /// One frame, cut into packets of equal size, give or take a byte.
    pub fn frame(&mut self) -> impl Iterator<Item = Piece> {
        let keyframe =
            std::mem::take(&mut self.wants_keyframe) || self.frames % self.keyframe_every == 0;
        let varied = self.mean * (85 + self.below(31) as usize) / 100;
        let bytes = varied * if keyframe { KEYFRAME_FACTOR } else { 1 };
        let count = bytes.div_ceil(MAX_PAYLOAD).max(1);
        self.frames += 1;
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        self.tl0_pic_idx = self.tl0_pic_idx.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.timestamp_step);
        let whole = Piece {
            len: (bytes / count).max(MIN_PAYLOAD),
            starts: false,
            ends: false,
            keyframe,
            picture_id: self.picture_id,
            tl0_pic_idx: self.tl0_pic_idx,
            timestamp: self.timestamp,
        };
        // The rest goes to the last packets, a byte each.
        let longer = bytes % count;
        (0..count).map(move |at| Piece {
            len: whole.len + usize::from(at + longer >= count),
            starts: at == 0,
            ends: at + 1 == count,
            ..whole
        })
    }

    /// xorshift64*: the sizes need to vary, not to be secret.
    fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}

/// Writes a video payload of `piece.len` bytes.
pub fn write_video(payload: &mut [u8], piece: &Piece, stamp: Stamp) {
    let id = piece.picture_id.to_be_bytes();
    // S begins the frame's only partition.
    let first = 0x80 | if piece.starts { 0x10 } else { 0 };
    payload[..DESCRIPTOR].copy_from_slice(&[
        first,
        0xe0,
        0x80 | id[0],
        id[1],
        piece.tl0_pic_idx,
        0,
    ]);
    let at = video_stamp_at(piece.starts, piece.keyframe);
    if piece.starts {
        let header = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02];
        let header = &header[..at - DESCRIPTOR];
        payload[DESCRIPTOR..at].copy_from_slice(header);
        payload[DESCRIPTOR] |= u8::from(!piece.keyframe);
    }
    write_stamp(&mut payload[at..piece.len], stamp);
}

/// Writes a microphone's payload, all of the slice.
pub fn write_audio(payload: &mut [u8], stamp: Stamp) {
    payload[0] = OPUS_TOC;
    write_stamp(&mut payload[1..], stamp);
}

/// The stamp of a decrypted video payload; `None` if a byte of it is not as it was sent.
pub fn read_video(payload: &[u8]) -> Option<Stamp> {
    let found = sfu_codecs::parse(Codec::Vp8, payload).ok()?;
    if found.picture_id?.bits != 15 || found.tl0_pic_idx.is_none() {
        return None;
    }
    let at = video_stamp_at(found.frame_start, found.keyframe);
    read_stamp(payload.get(at..)?)
}

/// The stamp of a decrypted Opus payload; `None` if a byte of it is not as it was sent.
pub fn read_audio(payload: &[u8]) -> Option<Stamp> {
    match payload {
        [OPUS_TOC, rest @ ..] => read_stamp(rest),
        _ => None,
    }
}

fn video_stamp_at(starts: bool, keyframe: bool) -> usize {
    match (starts, keyframe) {
        (false, _) => DESCRIPTOR,
        (true, false) => DESCRIPTOR + FRAME_TAG,
        (true, true) => DESCRIPTOR + KEYFRAME_HEADER,
    }
}

fn write_stamp(to: &mut [u8], stamp: Stamp) {
    to[..4].copy_from_slice(&MAGIC.to_be_bytes());
    to[4..12].copy_from_slice(&stamp.sent_ns.to_be_bytes());
    to[12..STAMP].copy_from_slice(&stamp.counter.to_be_bytes());
    fill(&mut to[STAMP..], stamp.counter);
}

fn read_stamp(from: &[u8]) -> Option<Stamp> {
    let (stamp, rest) = from.split_first_chunk::<STAMP>()?;
    let word = |at: usize| u64::from_be_bytes(stamp[at..at + 8].try_into().expect("eight bytes"));
    let (sent_ns, counter) = (word(4), word(12));
    (stamp[..4] == MAGIC.to_be_bytes() && is_filled(rest, counter))
        .then_some(Stamp { sent_ns, counter })
}

/// A run of bytes that differs from packet to packet.
fn fill(to: &mut [u8], counter: u64) {
    let mut word = counter.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for chunk in to.chunks_mut(8) {
        chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        word = word.rotate_left(7);
    }
}

fn is_filled(from: &[u8], counter: u64) -> bool {
    let mut word = counter.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    from.chunks(8).all(|chunk| {
        let expected = word.to_le_bytes();
        word = word.rotate_left(7);
        *chunk == expected[..chunk.len()]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STAMP_OF_TEST: Stamp = Stamp {
        sent_ns: 123_456_789,
        counter: 42,
    };

    #[test]
    fn frames_make_the_bit_rate_in_bursts_of_equal_packets() {
        let mut camera = Camera::new(1_200_000, 30, 7);
        let frames: Vec<Vec<Piece>> = (0..3000).map(|_| camera.frame().collect()).collect();
        let keyframes: Vec<usize> = (0..frames.len())
            .filter(|n| frames[*n][0].keyframe)
            .collect();
        assert_eq!(keyframes, (0..10).map(|n| n * 300).collect::<Vec<_>>());
        let others = || frames.iter().filter(|frame| !frame[0].keyframe);
        let bytes: usize = others().flatten().map(|piece| piece.len).sum();
        let rate = bytes * 8 * 30 / others().count();
        assert!((1_170_000..1_230_000).contains(&rate), "{rate}");
        for frame in &frames {
            let lens = frame.iter().map(|piece| piece.len);
            let (least, most) = (lens.clone().min().unwrap(), lens.max().unwrap());
            assert!(most - least <= 1 && most <= MAX_PAYLOAD);
            assert!(frame.len() <= 30 && (frame[0].keyframe || (4..=5).contains(&frame.len())));
            assert!(frame[0].starts && frame[frame.len() - 1].ends);
            assert_eq!(
                frame
                    .iter()
                    .filter(|piece| piece.starts || piece.ends)
                    .count(),
                2
            );
        }
    }

    #[test]
    fn a_keyframe_comes_when_it_is_asked_for_and_once() {
        let mut camera = Camera::new(1_200_000, 30, 1);
        camera.frame().for_each(drop);
        assert!(camera.frame().all(|piece| !piece.keyframe));
        camera.request_keyframe();
        assert!(camera.frame().all(|piece| piece.keyframe));
        assert!(camera.frame().all(|piece| !piece.keyframe));
    }

    #[test]
    fn a_server_reads_what_it_needs() {
        let mut camera = Camera::new(1_200_000, 30, 0x7ffe);
        let mut payload = [0; MAX_PAYLOAD];
        let first = camera.frame().next().expect("a packet");
        write_video(&mut payload, &first, STAMP_OF_TEST);
        let found = sfu_codecs::parse(Codec::Vp8, &payload[..first.len]).expect("VP8");
        assert!(found.keyframe && found.frame_start);
        assert_eq!(found.resolution, Some((1280, 720)));
        assert_eq!(
            found.picture_id.map(|id| (id.value, id.bits)),
            Some((0x7fff, 15))
        );
        assert_eq!(found.tl0_pic_idx.map(|index| index.value), Some(0xff));
    }

    proptest! {
        #[test]
        fn stamps_are_read_back_and_damage_is_seen(
            seed: u64, sent_ns: u64, counter: u64, frames in 1usize..4, hurt: prop::sample::Index,
        ) {
            let stamp = Stamp { sent_ns, counter };
            let mut camera = Camera::new(1_000_000, 30, seed);
            for piece in (0..frames).flat_map(|_| camera.frame().collect::<Vec<_>>()) {
                let mut payload = vec![0; piece.len];
                write_video(&mut payload, &piece, stamp);
                prop_assert_eq!(read_video(&payload), Some(stamp));
                // Behind the descriptor, whose numbers a server may rewrite, and the frame tag.
                let from = video_stamp_at(piece.starts, piece.keyframe);
                payload[from + hurt.index(piece.len - from)] ^= 0x10;
                prop_assert!(read_video(&payload) != Some(stamp));
            }
            let mut payload = vec![0; AUDIO_PAYLOAD];
            write_audio(&mut payload, stamp);
            prop_assert_eq!(read_audio(&payload), Some(stamp));
            payload[hurt.index(AUDIO_PAYLOAD)] ^= 1;
            prop_assert!(read_audio(&payload) != Some(stamp));
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(read_audio(&bytes), None);
            prop_assert_eq!(read_video(&bytes), None);
        }
    }
}
