//! Retransmission payloads (RFC 4588 §4): the original sequence number, then the original payload.

/// Takes a retransmission apart; `None` for the bare padding that senders probe with.
#[inline]
pub fn original_sequence(payload: &[u8]) -> Option<(u16, &[u8])> {
    match payload {
        [_, _] => None,
        [high, low, rest @ ..] => Some((u16::from_be_bytes([*high, *low]), rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_number_off() {
        assert_eq!(original_sequence(&[1, 2, 3]), Some((0x102, &[3][..])));
        assert_eq!(original_sequence(&[1, 2]), None);
        assert_eq!(original_sequence(&[]), None);
    }
}
