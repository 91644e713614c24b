//! Datagrams on a byte stream: each behind its length in 16 bits (RFC 4571 §2), as ICE-TCP
//! carries them (RFC 6544 §3).

use crate::batch::INBOX_BYTES;

/// Bytes in front of each datagram.
pub const PREFIX: usize = 2;

/// A peer announced a datagram longer than any of ours; its stream is not worth following.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Takes the next complete datagram off the front of `bytes`: its length, `None` while it is cut
/// off. It stands behind [`PREFIX`] bytes.
#[inline]
pub fn next(bytes: &[u8]) -> Result<Option<usize>, TooLong> {
    let Some(prefix) = bytes.first_chunk::<PREFIX>() else {
        return Ok(None);
    };
    let len = usize::from(u16::from_be_bytes(*prefix));
    if len > INBOX_BYTES {
        return Err(TooLong);
    }
    Ok((bytes.len() - PREFIX >= len).then_some(len))
}

/// Appends a datagram, framed; nothing of one that no frame can hold.
pub fn put(into: &mut Vec<u8>, datagram: &[u8]) {
    if let Ok(len) = u16::try_from(datagram.len()) {
        into.extend_from_slice(&len.to_be_bytes());
        into.extend_from_slice(datagram);
    }
}

/// Gives every complete datagram of `bytes`, to be worked on in place, and returns how many bytes
/// that took; empty ones, which keep a mapping alive, are passed over.
pub fn unframe(bytes: &mut [u8], mut each: impl FnMut(&mut [u8])) -> Result<usize, TooLong> {
    let mut at = 0;
    while let Some(len) = next(&bytes[at..])? {
        let start = at + PREFIX;
        at = start + len;
        if len > 0 {
            each(&mut bytes[start..at]);
        }
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_datagram_that_is_cut_off_waits_and_one_too_long_ends_the_stream() {
        assert_eq!(next(&[0]), Ok(None));
        assert_eq!(next(&[0, 2, 9]), Ok(None));
        assert_eq!(next(&[0, 2, 9, 9, 0]), Ok(Some(2)));
        assert_eq!(next(&[8, 1]), Err(TooLong));
        assert_eq!(next(&[8, 0]), Ok(None));
    }

    proptest! {
        #[test]
        fn what_is_framed_comes_out_however_the_stream_is_cut(
            datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..2048), 0..20),
            cut in 1usize..3000,
        ) {
            let mut stream = Vec::new();
            datagrams.iter().for_each(|datagram| put(&mut stream, datagram));
            let (mut rest, mut came) = (Vec::new(), Vec::new());
            for piece in stream.chunks(cut) {
                rest.extend_from_slice(piece);
                let used = unframe(&mut rest, |datagram| came.push(datagram.to_vec()));
                rest.drain(..used.unwrap());
                prop_assert!(rest.len() < PREFIX + INBOX_BYTES);
            }
            prop_assert_eq!((came, rest.len()), (datagrams, 0));
        }

        #[test]
        fn any_bytes_are_taken_in_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..5000)) {
            let len = bytes.len();
            if let Ok(used) = unframe(&mut bytes, |datagram| assert!(!datagram.is_empty())) {
                prop_assert!(used <= len);
                prop_assert_eq!(next(&bytes[used..]), Ok(None));
            }
        }
    }
}
