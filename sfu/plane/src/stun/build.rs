//! Building messages.

use super::{
    address_mask, crc32, TransactionId, ERROR_CODE, FINGERPRINT, FINGERPRINT_XOR, HEADER,
    ICE_CONTROLLED, ICE_CONTROLLING, MAGIC, MESSAGE_INTEGRITY, PRIORITY, UNKNOWN_ATTRIBUTES,
    USERNAME, USE_CANDIDATE, XOR_MAPPED_ADDRESS,
};
use aws_lc_rs::hmac;
use std::net::{IpAddr, SocketAddr};

/// Answers a binding request (RFC 8445 §7.3.1.4).
pub fn binding_success(
    out: &mut Vec<u8>,
    transaction_id: TransactionId,
    from: SocketAddr,
    key: &[u8],
) {
    begin(out, 0x0101, &transaction_id);
    let mask = address_mask(&transaction_id);
    let port = (from.port() ^ (MAGIC >> 16) as u16).to_be_bytes();
    let mut value = vec![0, 0, port[0], port[1]];
    match from.ip().to_canonical() {
        IpAddr::V4(address) => {
            value[1] = 1;
            value.extend(
                address
                    .octets()
                    .iter()
                    .zip(mask)
                    .map(|(octet, mask)| octet ^ mask),
            );
        }
        IpAddr::V6(address) => {
            value[1] = 2;
            value.extend(
                address
                    .octets()
                    .iter()
                    .zip(mask)
                    .map(|(octet, mask)| octet ^ mask),
            );
        }
    }
    attribute(out, XOR_MAPPED_ADDRESS, &value);
    finish(out, Some(key));
}

/// Refuses a request; `unknown` names attributes for a 420 (RFC 8489 §14.8).
pub fn binding_error(
    out: &mut Vec<u8>,
    transaction_id: TransactionId,
    code: u16,
    reason: &str,
    key: Option<&[u8]>,
    unknown: &[u16],
) {
    begin(out, 0x0111, &transaction_id);
    let mut value = vec![0, 0, (code / 100) as u8, (code % 100) as u8];
    value.extend(reason.as_bytes());
    attribute(out, ERROR_CODE, &value);
    if !unknown.is_empty() {
        let list: Vec<u8> = unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect();
        attribute(out, UNKNOWN_ATTRIBUTES, &list);
    }
    finish(out, key);
}

/// A connectivity check as a full agent sends it (RFC 8445 §7.2.2).
#[allow(clippy::too_many_arguments)]
pub fn binding_request(
    out: &mut Vec<u8>,
    transaction_id: TransactionId,
    username: &str,
    key: &[u8],
    priority: u32,
    controlling: bool,
    tie_breaker: u64,
    nominate: bool,
) {
    begin(out, 0x0001, &transaction_id);
    attribute(out, USERNAME, username.as_bytes());
    attribute(out, PRIORITY, &priority.to_be_bytes());
    let role = if controlling {
        ICE_CONTROLLING
    } else {
        ICE_CONTROLLED
    };
    attribute(out, role, &tie_breaker.to_be_bytes());
    if nominate {
        attribute(out, USE_CANDIDATE, &[]);
    }
    finish(out, Some(key));
}

pub(super) fn begin(out: &mut Vec<u8>, kind: u16, transaction_id: &TransactionId) {
    out.clear();
    out.extend(kind.to_be_bytes());
    out.extend([0, 0]);
    out.extend(MAGIC.to_be_bytes());
    out.extend(transaction_id);
}

pub(super) fn attribute(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend(kind.to_be_bytes());
    out.extend((value.len() as u16).to_be_bytes());
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
}

/// Adds MESSAGE-INTEGRITY and FINGERPRINT, each over a length that counts itself.
pub(super) fn finish(out: &mut Vec<u8>, key: Option<&[u8]>) {
    if let Some(key) = key {
        set_len(out, 24);
        let sum = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key),
            out,
        );
        attribute(out, MESSAGE_INTEGRITY, sum.as_ref());
    }
    set_len(out, 8);
    let value = crc32(out) ^ FINGERPRINT_XOR;
    attribute(out, FINGERPRINT, &value.to_be_bytes());
}

pub(super) fn set_len(out: &mut [u8], more: usize) {
    let len = (out.len() - HEADER + more) as u16;
    out[2..4].copy_from_slice(&len.to_be_bytes());
}
