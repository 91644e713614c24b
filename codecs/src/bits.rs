//! Bits of a codec's headers, the most significant first.

/// Reads bit by bit.
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    bit: u8,
    zeros: u8,
    escaped: bool,
}

impl<'a> Bits<'a> {
    /// Bits as they stand.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            bit: 0,
            zeros: 0,
            escaped: false,
        }
    }

    /// Passes over the 3 of each 0 0 3: emulation prevention (ITU-T H.264 §7.4.1).
    pub(crate) fn escaped(bytes: &'a [u8]) -> Self {
        Self {
            escaped: true,
            ..Self::new(bytes)
        }
    }

    pub(crate) fn bit(&mut self) -> Option<u32> {
        let prevents = self.escaped && self.bit == 0 && self.zeros == 2;
        if prevents && self.bytes.get(self.at) == Some(&3) {
            self.at += 1;
            self.zeros = 0;
        }
        let byte = *self.bytes.get(self.at)?;
        let value = byte >> (7 - self.bit) & 1;
        self.bit += 1;
        if self.bit == 8 {
            self.bit = 0;
            self.at += 1;
            self.zeros = if byte == 0 {
                (self.zeros + 1).min(2)
            } else {
                0
            };
        }
        Some(u32::from(value))
    }

    pub(crate) fn bits(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |value: u32, _| Some(value << 1 | self.bit()?))
    }

    pub(crate) fn skip(&mut self, count: u32) -> Option<()> {
        (0..count).try_for_each(|_| self.bit().map(drop))
    }

    /// Exp-Golomb code ue(v) (ITU-T H.264 §9.1), AV1's uvlc() (§4.10.3); what does not fit 32 bits is refused.
    pub(crate) fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let rest = u64::from(self.bits(zeros)?);
        u32::try_from((1u64 << zeros) - 1 + rest).ok()
    }

    /// Exp-Golomb code se(v) (ITU-T H.264 §9.1.1).
    pub(crate) fn signed(&mut self) -> Option<i32> {
        let code = i64::from(self.unsigned()?);
        let magnitude = (code + 1) / 2;
        i32::try_from(if code % 2 == 0 { -magnitude } else { magnitude }).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_codes_and_passes_over_prevention_bytes_only_where_they_are() {
        // 1 | 010 | 011 | 00100 | 1…
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0000]);
        assert_eq!(
            [
                bits.unsigned(),
                bits.unsigned(),
                bits.unsigned(),
                bits.unsigned()
            ],
            [Some(0), Some(1), Some(2), Some(3)]
        );
        let mut bits = Bits::escaped(&[0, 0, 3, 0xff]);
        assert_eq!(
            (bits.bits(16), bits.bits(8), bits.bit()),
            (Some(0), Some(0xff), None)
        );
        // A third zero cannot be in such a stream, but it must not be taken for more than it is.
        let mut bits = Bits::escaped(&[0; 300]);
        assert_eq!((bits.skip(300 * 8), bits.bit()), (Some(()), None));
        let mut bits = Bits::new(&[0, 0, 3, 0xff]);
        assert_eq!((bits.skip(16), bits.bits(8)), (Some(()), Some(3)));
        let mut bits = Bits::new(&[0b0110_0100]);
        assert_eq!((bits.signed(), bits.signed()), (Some(-1), Some(2)));
    }
}
