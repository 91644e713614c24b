//! Bits of a byte stream with emulation prevention (ITU-T H.264 §7.4.1).

/// Reads bit by bit, passing over the 3 of each 0 0 3.
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    bit: u8,
    zeros: u8,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            bit: 0,
            zeros: 0,
        }
    }

    pub(crate) fn bit(&mut self) -> Option<u32> {
        if self.bit == 0 && self.zeros >= 2 && self.bytes.get(self.at) == Some(&3) {
            self.at += 1;
            self.zeros = 0;
        }
        let byte = *self.bytes.get(self.at)?;
        let value = byte >> (7 - self.bit) & 1;
        self.bit += 1;
        if self.bit == 8 {
            self.bit = 0;
            self.at += 1;
            self.zeros = if byte == 0 { self.zeros + 1 } else { 0 };
        }
        Some(u32::from(value))
    }

    pub(crate) fn bits(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |value: u32, _| Some(value << 1 | self.bit()?))
    }

    /// Exp-Golomb code ue(v) (§9.1); codes of more than 32 bits are refused.
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

    /// Exp-Golomb code se(v) (§9.1.1).
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
    fn reads_codes_and_passes_over_prevention_bytes() {
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
        let mut bits = Bits::new(&[0, 0, 3, 0xff]);
        assert_eq!(
            (bits.bits(16), bits.bits(8), bits.bit()),
            (Some(0), Some(0xff), None)
        );
        let mut bits = Bits::new(&[0b0110_0100]);
        assert_eq!((bits.signed(), bits.signed()), (Some(-1), Some(2)));
    }
}
