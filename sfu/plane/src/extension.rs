//! RTP header extensions, one- and two-byte form (RFC 8285), read where they stand.

/// The extension block of a packet: where it is and which form it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    pub(crate) profile: u16,
    pub(crate) start: u16,
    pub(crate) end: u16,
}

/// RFC 8285 §4.2.
const ONE_BYTE: u16 = 0xbede;
/// RFC 8285 §4.3: the low four bits are the application's.
const TWO_BYTE: u16 = 0x1000;

impl Extensions {
    /// Every element as (id, value), in order; stops at what cannot be read.
    #[inline]
    pub fn iter<'a>(&self, packet: &'a [u8]) -> Elements<'a> {
        let rest = packet
            .get(self.start as usize..self.end as usize)
            .unwrap_or_default();
        let form = match self.profile {
            ONE_BYTE => Form::OneByte,
            profile if profile & 0xfff0 == TWO_BYTE => Form::TwoByte,
            _ => Form::None,
        };
        Elements { rest, form }
    }

    /// The value of the first element with this id; id 0 is never found.
    #[inline]
    pub fn find<'a>(&self, packet: &'a [u8], id: u8) -> Option<&'a [u8]> {
        if id == 0 {
            return None;
        }
        self.iter(packet)
            .find_map(|(found, value)| (found == id).then_some(value))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    None,
    OneByte,
    TwoByte,
}

/// Iterator over the elements of a block.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    rest: &'a [u8],
    form: Form,
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.form == Form::None {
            return None;
        }
        // Zero bytes are padding between elements.
        while let [0, rest @ ..] = self.rest {
            self.rest = rest;
        }
        let (id, len, header) = match (self.form, self.rest) {
            // Id 15, and id 0 with a length, end the block, whatever follows (RFC 8285 §4.2).
            (Form::OneByte, [byte, ..]) if matches!(byte >> 4, 0 | 15) => return self.stop(),
            (Form::OneByte, [byte, ..]) => (byte >> 4, usize::from(byte & 15) + 1, 1),
            (Form::TwoByte, [id, len, ..]) => (*id, usize::from(*len), 2),
            _ => return self.stop(),
        };
        let Some(value) = self.rest.get(header..header + len) else {
            return self.stop();
        };
        self.rest = &self.rest[header + len..];
        Some((id, value))
    }
}

impl Elements<'_> {
    fn stop<T>(&mut self) -> Option<T> {
        self.rest = &[];
        None
    }
}

/// The negotiated ids of the extensions that we know; 0 stands for not negotiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ExtensionIds {
    pub audio_level: u8,
    pub transport_cc: u8,
    pub mid: u8,
    pub rid: u8,
    pub repaired_rid: u8,
    pub abs_send_time: u8,
    pub playout_delay: u8,
    pub orientation: u8,
    pub dependency_descriptor: u8,
    pub toffset: u8,
}

impl ExtensionIds {
    /// Sets an id by the extension's name; false for a name that we do not know or an id that is none.
    pub fn set(&mut self, name: &str, id: u8) -> bool {
        let field = match name {
            "audio-level" => &mut self.audio_level,
            "transport-cc" => &mut self.transport_cc,
            "mid" => &mut self.mid,
            "rid" => &mut self.rid,
            "repaired-rid" => &mut self.repaired_rid,
            "abs-send-time" => &mut self.abs_send_time,
            "playout-delay" => &mut self.playout_delay,
            "video-orientation" => &mut self.orientation,
            "dependency-descriptor" => &mut self.dependency_descriptor,
            "toffset" => &mut self.toffset,
            _ => return false,
        };
        *field = id;
        id != 0
    }
}

/// Writes an extension block, its four-byte header included.
pub struct Writer<'a> {
    buf: &'a mut [u8],
    end: usize,
    two_byte: bool,
}

impl<'a> Writer<'a> {
    /// Begins a block at the start of `buf`.
    pub fn new(buf: &'a mut [u8], two_byte: bool) -> Self {
        Self {
            buf,
            end: 4,
            two_byte,
        }
    }

    /// Adds an element; gives the offset of its value in `buf`, or `None` when the
    /// form cannot hold it or there is no room.
    pub fn put(&mut self, id: u8, value: &[u8]) -> Option<usize> {
        let fits = if self.two_byte {
            id != 0 && value.len() <= 255
        } else {
            (1..=14).contains(&id) && (1..=16).contains(&value.len())
        };
        let header = if self.two_byte { 2 } else { 1 };
        let at = self.end + header;
        // Room for the padding to a word, too.
        if !fits || (at + value.len()).next_multiple_of(4) > self.buf.len() {
            return None;
        }
        if self.two_byte {
            self.buf[self.end] = id;
            self.buf[self.end + 1] = value.len() as u8;
        } else {
            self.buf[self.end] = id << 4 | (value.len() as u8 - 1);
        }
        self.buf[at..at + value.len()].copy_from_slice(value);
        self.end = at + value.len();
        Some(at)
    }

    /// Pads and closes the block; gives its length, 0 when nothing was put in.
    pub fn finish(self) -> usize {
        if self.end == 4 {
            return 0;
        }
        let padded = self.end.next_multiple_of(4);
        self.buf[self.end..padded].fill(0);
        let profile = if self.two_byte { TWO_BYTE } else { ONE_BYTE };
        self.buf[..2].copy_from_slice(&profile.to_be_bytes());
        self.buf[2..4].copy_from_slice(&((padded as u16 - 4) / 4).to_be_bytes());
        padded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(bytes: &[u8]) -> Extensions {
        let profile = u16::from_be_bytes([bytes[0], bytes[1]]);
        Extensions {
            profile,
            start: 4,
            end: bytes.len() as u16,
        }
    }

    #[test]
    fn reads_the_rfc_8285_example_of_one_byte_elements() {
        let bytes = [
            0xbe, 0xde, 0, 3, 0x10, 0xaa, 0x21, 0xbb, 0xbb, 0, 0, 0x33, 0xcc, 0xcc, 0xcc, 0xcc,
        ];
        let found: Vec<(u8, usize)> = block(&bytes)
            .iter(&bytes)
            .map(|(id, value)| (id, value.len()))
            .collect();
        assert_eq!(found, [(1, 1), (2, 2), (3, 4)]);
    }

    #[test]
    fn ids_that_are_none_end_a_one_byte_block() {
        for ends in [0xf0, 0x01] {
            let bytes = [
                0xbe, 0xde, 0, 2, 0x10, 0xaa, ends, 0xcc, 0xcc, 0x10, 0xbb, 0,
            ];
            let found: Vec<_> = block(&bytes).iter(&bytes).collect();
            assert_eq!(found, [(1, &[0xaa][..])], "{ends:#x}");
        }
    }

    #[test]
    fn a_two_byte_block_takes_any_id_and_empty_values() {
        let bytes = [0x10, 0x07, 0, 2, 15, 0, 0, 200, 2, 1, 2, 0];
        let found: Vec<_> = block(&bytes).iter(&bytes).collect();
        assert_eq!(found, [(15, &[][..]), (200, &[1, 2][..])]);
    }

    #[test]
    fn what_has_no_room_is_left_out() {
        let mut buf = [0u8; 12];
        let mut writer = Writer::new(&mut buf, false);
        assert_eq!(writer.put(15, &[1]), None);
        assert_eq!(writer.put(1, &[]), None);
        assert_eq!(writer.put(1, &[7; 17]), None);
        assert_eq!(writer.put(2, &[1, 2, 3]), Some(5));
        assert_eq!(writer.put(3, &[4; 4]), None);
        assert_eq!(writer.put(4, &[5]), Some(9));
        assert_eq!(writer.finish(), 12);
        assert_eq!(buf, [0xbe, 0xde, 0, 2, 0x22, 1, 2, 3, 0x40, 5, 0, 0]);
    }

    proptest! {
        #[test]
        fn reads_back_what_was_written(elements in prop::collection::vec((1u8..15, prop::collection::vec(any::<u8>(), 1..17)), 0..6), two_byte: bool) {
            let mut buf = [0u8; 256];
            let mut writer = Writer::new(&mut buf, two_byte);
            for (id, value) in &elements {
                prop_assert!(writer.put(*id, value).is_some());
            }
            let len = writer.finish();
            if elements.is_empty() {
                prop_assert_eq!(len, 0);
            } else {
                let found: Vec<(u8, Vec<u8>)> = block(&buf[..len]).iter(&buf[..len]).map(|(id, value)| (id, value.to_vec())).collect();
                prop_assert_eq!(found, elements);
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..80), profile: u16, start: u16, end: u16) {
            let extensions = Extensions { profile, start: start % 90, end: end % 90 };
            prop_assert!(extensions.iter(&bytes).count() <= bytes.len());
            prop_assert!(extensions.iter(&bytes).all(|(id, _)| id != 0));
        }
    }
}
