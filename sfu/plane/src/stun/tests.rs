use super::build::{attribute, begin, finish, set_len};
use super::*;
use aws_lc_rs::hmac;
use proptest::prelude::*;

/// RFC 5769 §2.1.
const REQUEST: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff\
    \x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20\
    \x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\
    \x80\x28\x00\x04\xe5\x7a\x3b\xcf";
const KEY: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";

#[test]
fn reads_the_sample_request_of_rfc_5769() {
    let message = parse(REQUEST).expect("valid");
    assert_eq!((message.class, message.method), (Class::Request, BINDING));
    assert_eq!(message.username, Some(&b"evtj:h6vY"[..]));
    assert_eq!(message.priority, Some(0x6e00_01ff));
    assert_eq!(message.controlled, Some(0x932f_f9b1_5126_3b36));
    assert!(message.check_fingerprint());
    assert!(message.check_integrity(KEY));
    assert!(!message.check_integrity(b"another"));
}

/// RFC 5769 §2.2.
const ANSWER_V4: &[u8] =
    b"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x0btest vector\x20\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\
    \x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\
    \x80\x28\x00\x04\xc0\x7d\x4c\x96";
/// RFC 5769 §2.3.
const ANSWER_V6: &[u8] =
    b"\x01\x01\x00\x48\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x0btest vector\x20\x00\x20\x00\x14\x00\x02\xa1\x47\
    \x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9\
    \x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed\x41\
    \x80\x28\x00\x04\xc8\xfb\x0b\x4c";

#[test]
fn reads_the_sample_answers_of_rfc_5769() {
    for (bytes, from) in [
        (ANSWER_V4, "192.0.2.1:32853"),
        (ANSWER_V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
    ] {
        let message = parse(bytes).expect("valid");
        assert_eq!(message.class, Class::Success);
        assert_eq!(message.mapped, from.parse().ok());
        assert!(message.check_fingerprint() && message.check_integrity(KEY));
    }
}

#[test]
fn notices_a_changed_bit() {
    for at in [40, 60, 70, REQUEST.len() - 1] {
        let mut bytes = REQUEST.to_vec();
        bytes[at] ^= 1;
        let intact = parse(&bytes)
            .is_ok_and(|message| message.check_fingerprint() && message.check_integrity(KEY));
        assert!(!intact, "byte {at}");
    }
}

#[test]
fn says_where_a_request_came_from() {
    for from in [
        "192.0.2.1:32853",
        "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
    ] {
        let from: SocketAddr = from.parse().expect("address");
        let mut answer = Vec::new();
        binding_success(&mut answer, [7; 12], from, KEY);
        let message = parse(&answer).expect("valid");
        assert_eq!(
            (message.class, message.mapped),
            (Class::Success, Some(from))
        );
        assert!(message.check_fingerprint() && message.check_integrity(KEY));
    }
}

#[test]
fn tells_what_it_does_not_understand() {
    let mut bytes = Vec::new();
    begin(&mut bytes, 1, &[1; 12]);
    attribute(&mut bytes, 0x7f00, b"what");
    finish(&mut bytes, Some(KEY));
    assert_eq!(parse(&bytes).expect("valid").unknown(), [0x7f00]);
    let mut refusal = Vec::new();
    binding_error(
        &mut refusal,
        [1; 12],
        420,
        "Unknown Attribute",
        Some(KEY),
        &[0x7f00],
    );
    let message = parse(&refusal).expect("valid");
    assert_eq!(
        (message.class, message.error_code),
        (Class::Error, Some(420))
    );
}

#[test]
fn looks_at_nothing_behind_the_integrity() {
    let mut bytes = Vec::new();
    begin(&mut bytes, 1, &[1; 12]);
    set_len(&mut bytes, 24);
    let sum = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, KEY),
        &bytes,
    );
    attribute(&mut bytes, MESSAGE_INTEGRITY, sum.as_ref());
    attribute(&mut bytes, USE_CANDIDATE, &[]);
    set_len(&mut bytes, 0);
    let message = parse(&bytes).expect("valid");
    assert!(message.check_integrity(KEY) && !message.use_candidate);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(mut bytes in prop::collection::vec(any::<u8>(), 0..200), header: bool) {
        if header && bytes.len() >= HEADER {
            bytes.truncate(bytes.len() / 4 * 4);
            bytes[0] &= 0x3f;
            bytes[4..8].copy_from_slice(&MAGIC.to_be_bytes());
            set_len(&mut bytes, 0);
        }
        if let Ok(message) = parse(&bytes) {
            let _ = (message.check_fingerprint(), message.check_integrity(KEY), message.unknown().len());
        }
    }

    #[test]
    fn reads_back_a_request(username in "[a-z]{4}:[a-zA-Z+/]{4,32}", priority: u32, tie: u64, controlling: bool, nominate: bool) {
        let mut bytes = Vec::new();
        binding_request(&mut bytes, [3; 12], &username, KEY, priority, controlling, tie, nominate);
        let message = parse(&bytes).expect("own message");
        prop_assert_eq!(message.username, Some(username.as_bytes()));
        prop_assert_eq!(message.priority, Some(priority));
        prop_assert_eq!(message.use_candidate, nominate);
        prop_assert_eq!(if controlling { message.controlling } else { message.controlled }, Some(tie));
        prop_assert!(message.check_integrity(KEY) && message.check_fingerprint());
    }
}
