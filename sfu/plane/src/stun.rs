//! STUN messages (RFC 8489) as ICE uses them (RFC 8445 §7): parse and build.

mod build;
#[cfg(test)]
mod tests;

use crate::malformed::Malformed;
use aws_lc_rs::hmac;
use std::net::{IpAddr, SocketAddr};

pub use build::{binding_error, binding_request, binding_success};

/// The binding method (RFC 8489 §18.2).
pub const BINDING: u16 = 1;

const MAGIC: u32 = 0x2112_a442;
const HEADER: usize = 20;
/// Keeps FINGERPRINT apart from other protocols' checksums (RFC 8489 §14.7).
const FINGERPRINT_XOR: u32 = 0x5354_554e;
/// Unknown attributes that are told in an error, at most.
const MAX_UNKNOWN: usize = 8;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802a;
/// Understood and passed over: addresses, realms, data of relays, SHA-256 integrity.
const PASSED_OVER: [u16; 9] = [
    0x0001, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e, 0x000c, 0x0012, 0x0013,
];

/// Identifies a transaction.
pub type TransactionId = [u8; 12];

/// RFC 8489 §5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Class {
    Request,
    Indication,
    Success,
    Error,
}

/// A message as a view on its bytes.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Request, indication or answer.
    pub class: Class,
    /// [`BINDING`] is all that ICE uses.
    pub method: u16,
    /// Chosen by the requester.
    pub transaction_id: TransactionId,
    /// "ours:theirs" from the point of view of who receives the request.
    pub username: Option<&'a [u8]>,
    /// Priority of the candidate that the check would make (RFC 8445 §7.1.1).
    pub priority: Option<u32>,
    /// Nomination (RFC 8445 §7.1.2).
    pub use_candidate: bool,
    /// The sender controls; its tie-breaker.
    pub controlling: Option<u64>,
    /// The sender is controlled; its tie-breaker.
    pub controlled: Option<u64>,
    /// Where an answer says that the request came from.
    pub mapped: Option<SocketAddr>,
    /// Of an error answer, 300 to 699.
    pub error_code: Option<u16>,
    bytes: &'a [u8],
    integrity_at: Option<usize>,
    fingerprint_at: Option<usize>,
    unknown: [u16; MAX_UNKNOWN],
    unknown_len: usize,
}

/// Reads a message. Attributes behind MESSAGE-INTEGRITY other than FINGERPRINT
/// are not looked at (RFC 8489 §14.5): nobody vouches for them.
pub fn parse(bytes: &[u8]) -> Result<Message<'_>, Malformed> {
    let Some(header) = bytes.first_chunk::<HEADER>() else {
        return Err(Malformed("STUN header cut off"));
    };
    let kind = u16::from_be_bytes([header[0], header[1]]);
    let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if kind & 0xc000 != 0
        || u32::from_be_bytes([header[4], header[5], header[6], header[7]]) != MAGIC
    {
        return Err(Malformed("no STUN message"));
    }
    if len % 4 != 0 || HEADER + len != bytes.len() {
        return Err(Malformed("STUN length is wrong"));
    }
    let mut transaction_id = TransactionId::default();
    transaction_id.copy_from_slice(&header[8..]);
    let mut message = Message {
        class: match (kind >> 7 & 2) | (kind >> 4 & 1) {
            0 => Class::Request,
            1 => Class::Indication,
            2 => Class::Success,
            _ => Class::Error,
        },
        method: (kind & 0x000f) | (kind >> 1 & 0x0070) | (kind >> 2 & 0x0f80),
        transaction_id,
        username: None,
        priority: None,
        use_candidate: false,
        controlling: None,
        controlled: None,
        mapped: None,
        error_code: None,
        bytes,
        integrity_at: None,
        fingerprint_at: None,
        unknown: [0; MAX_UNKNOWN],
        unknown_len: 0,
    };
    let mut at = HEADER;
    while at < bytes.len() {
        at = message.read_attribute(at)?;
    }
    Ok(message)
}

impl<'a> Message<'a> {
    /// Attributes that must be understood and are not (RFC 8489 §6.3.1).
    pub fn unknown(&self) -> &[u16] {
        &self.unknown[..self.unknown_len]
    }

    /// Whether MESSAGE-INTEGRITY is there and made with this key; takes the same time either way.
    pub fn check_integrity(&self, key: &[u8]) -> bool {
        let Some(at) = self.integrity_at else {
            return false;
        };
        let mut context =
            hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key));
        // The length field counts up to and including this attribute while the sum is made (§14.5).
        context.update(&self.bytes[..2]);
        context.update(&((at + 24 - HEADER) as u16).to_be_bytes());
        context.update(&self.bytes[4..at]);
        let made = context.sign();
        subtle::ConstantTimeEq::ct_eq(made.as_ref(), &self.bytes[at + 4..at + 24]).into()
    }

    /// Whether FINGERPRINT, if there is one, is right.
    pub fn check_fingerprint(&self) -> bool {
        self.fingerprint_at.is_none_or(|at| {
            let value = crc32(&self.bytes[..at]) ^ FINGERPRINT_XOR;
            self.bytes[at + 4..at + 8] == value.to_be_bytes()
        })
    }

    /// Reads the attribute at an offset; gives the offset of the next.
    fn read_attribute(&mut self, at: usize) -> Result<usize, Malformed> {
        let bytes = self.bytes;
        let Some(head) = bytes.get(at..at + 4) else {
            return Err(Malformed("STUN attribute cut off"));
        };
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let Some(value) = bytes.get(at + 4..at + 4 + len) else {
            return Err(Malformed("STUN attribute longer than the message"));
        };
        let next = at + 4 + len.next_multiple_of(4);
        if self.fingerprint_at.is_some() {
            return Err(Malformed("STUN attribute behind FINGERPRINT"));
        }
        match kind {
            FINGERPRINT if len == 4 => self.fingerprint_at = Some(at),
            _ if self.integrity_at.is_some() => {}
            USERNAME if len <= 513 => self.username = Some(value),
            MESSAGE_INTEGRITY if len == 20 => self.integrity_at = Some(at),
            PRIORITY => self.priority = Some(u32::from_be_bytes(fixed(value)?)),
            USE_CANDIDATE => self.use_candidate = true,
            ICE_CONTROLLING => self.controlling = Some(u64::from_be_bytes(fixed(value)?)),
            ICE_CONTROLLED => self.controlled = Some(u64::from_be_bytes(fixed(value)?)),
            XOR_MAPPED_ADDRESS => self.mapped = Some(self.read_address(value)?),
            ERROR_CODE if len >= 4 => {
                self.error_code = Some(u16::from(value[2] & 7) * 100 + u16::from(value[3]))
            }
            USERNAME | MESSAGE_INTEGRITY | FINGERPRINT | ERROR_CODE => {
                return Err(Malformed("STUN attribute of a wrong length"))
            }
            _ if kind >= 0x8000 || kind == UNKNOWN_ATTRIBUTES || PASSED_OVER.contains(&kind) => {}
            _ if self.unknown_len < MAX_UNKNOWN => {
                self.unknown[self.unknown_len] = kind;
                self.unknown_len += 1;
            }
            _ => {}
        }
        Ok(next)
    }

    fn read_address(&self, value: &[u8]) -> Result<SocketAddr, Malformed> {
        let mask = address_mask(&self.transaction_id);
        let port = |high: u8, low: u8| u16::from_be_bytes([high, low]) ^ (MAGIC >> 16) as u16;
        match *value {
            [_, 1, high, low, a, b, c, d] => {
                let mut octets = [a, b, c, d];
                octets
                    .iter_mut()
                    .zip(mask)
                    .for_each(|(octet, mask)| *octet ^= mask);
                Ok(SocketAddr::new(IpAddr::from(octets), port(high, low)))
            }
            [_, 2, high, low, ref rest @ ..] => {
                let mut octets: [u8; 16] = fixed(rest)?;
                octets
                    .iter_mut()
                    .zip(mask)
                    .for_each(|(octet, mask)| *octet ^= mask);
                Ok(SocketAddr::new(IpAddr::from(octets), port(high, low)))
            }
            _ => Err(Malformed("STUN address of a wrong form")),
        }
    }
}

fn address_mask(transaction_id: &TransactionId) -> [u8; 16] {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC.to_be_bytes());
    mask[4..].copy_from_slice(transaction_id);
    mask
}

fn fixed<const N: usize>(value: &[u8]) -> Result<[u8; N], Malformed> {
    value
        .try_into()
        .map_err(|_| Malformed("STUN attribute of a wrong length"))
}

/// CRC-32 of ITU-T V.42, as RFC 8489 §14.7 wants it.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut n = 0;
        while n < 256 {
            let mut value = n as u32;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 != 0 {
                    value >> 1 ^ 0xedb8_8320
                } else {
                    value >> 1
                };
                bit += 1;
            }
            table[n] = value;
            n += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |sum, byte| {
        TABLE[((sum ^ u32::from(*byte)) & 0xff) as usize] ^ sum >> 8
    })
}
