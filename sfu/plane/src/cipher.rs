//! The two packet transforms: AES-GCM (RFC 7714) and AES counter mode with
//! HMAC-SHA1 (RFC 3711 §4.1.1, §4.2.1), and the key derivation that both share.
//!
//! Only bytes and indices here; rollover, replay and tables are in `srtp`.

use crate::master_key::{MasterKey, Profile};
use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey, AES_128_GCM};
use aws_lc_rs::cipher::{EncryptingKey, EncryptionContext, UnboundCipherKey, AES_128};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

/// What of RTCP stays readable: the fixed header with the sender's SSRC.
const RTCP_CLEAR: usize = 8;
/// The E flag and the SRTCP index (RFC 3711 §3.4).
const RTCP_TRAILER: usize = 4;
/// Authentication tag of AEAD_AES_128_GCM (RFC 7714 §13.1).
const GCM_TAG: usize = 16;
/// Authentication tag of HMAC-SHA1-80, the first 10 bytes of 20.
const HMAC_TAG: usize = 10;

/// Why a packet was not opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SrtpError {
    /// Too short, or RTCP that is not encrypted.
    Malformed,
    /// The authentication tag is wrong.
    AuthFailed,
    /// Seen before, or too old to tell.
    Replayed,
    /// Authentic, but the peer sends under more SSRCs than [`crate::srtp::MAX_SSRCS`].
    TooManySsrcs,
}

/// Which session keys to derive (RFC 3711 §4.3.2: the label of the cipher key;
/// authentication key and salt follow it).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    /// Labels 0, 1, 2.
    Rtp = 0,
    /// Labels 3, 4, 5.
    Rtcp = 3,
}

/// Precomputed session keys of one direction of RTP or RTCP; wiped on drop.
pub enum Cipher {
    /// AEAD_AES_128_GCM.
    Gcm {
        /// Expanded key.
        key: LessSafeKey,
        /// Session salt.
        salt: Zeroizing<[u8; 12]>,
    },
    /// AES128_CM_HMAC_SHA1_80; boxed, for its keys take three times the room.
    CounterHmac(Box<CounterHmac>),
}

/// Session keys of AES128_CM_HMAC_SHA1_80.
pub struct CounterHmac {
    /// Expanded key.
    key: EncryptingKey,
    /// Padded authentication key, already absorbed.
    mac: hmac::Key,
    /// Session salt and two zero bytes: k_s * 2^16.
    salt: Zeroizing<[u8; 16]>,
}

impl Cipher {
    /// Derives the session keys; the key derivation rate is zero, so this happens once.
    pub fn derive(master: &MasterKey, stream: Stream) -> Self {
        let label = stream as u8;
        let prf = counter_key(master.key());
        let mut key = Zeroizing::new([0; 16]);
        derive_into(&prf, master.salt(), label, key.as_mut());
        match master.profile() {
            Profile::AeadAes128Gcm => {
                let mut salt = Zeroizing::new([0; 12]);
                derive_into(&prf, master.salt(), label + 2, salt.as_mut());
                let unbound = UnboundKey::new(&AES_128_GCM, key.as_ref()).expect("16 bytes");
                Self::Gcm {
                    key: LessSafeKey::new(unbound),
                    salt,
                }
            }
            Profile::Aes128CmHmacSha1_80 => {
                let mut authentication = Zeroizing::new([0; 20]);
                derive_into(&prf, master.salt(), label + 1, authentication.as_mut());
                let mut salt = Zeroizing::new([0; 16]);
                derive_into(&prf, master.salt(), label + 2, &mut salt[..14]);
                let mac =
                    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, authentication.as_ref());
                let key = counter_key(&key);
                Self::CounterHmac(Box::new(CounterHmac { key, mac, salt }))
            }
        }
    }

    /// Seals `packet[..len]` in place and returns the new length; `index` is ROC<<16|SEQ.
    pub fn seal_rtp(
        &self,
        packet: &mut [u8],
        len: usize,
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> usize {
        match self {
            Self::Gcm { key, salt } => {
                let nonce = gcm_nonce(salt, ssrc, index);
                let (header, rest) = packet.split_at_mut(header_len);
                let (body, room) = rest.split_at_mut(len - header_len);
                gcm_seal(key, nonce, header, body, &mut room[..GCM_TAG]);
                len + GCM_TAG
            }
            Self::CounterHmac(keys) => {
                let CounterHmac { key, mac, salt } = &**keys;
                counter_crypt(
                    key,
                    counter_iv(salt, ssrc, index),
                    &mut packet[header_len..len],
                );
                let rollover = ((index >> 16) as u32).to_be_bytes();
                let tag = hmac_tag(mac, &packet[..len], &rollover);
                packet[len..len + HMAC_TAG].copy_from_slice(&tag);
                len + HMAC_TAG
            }
        }
    }

    /// Opens in place and returns the length of header and plaintext.
    ///
    /// After an error the bytes behind the header are undefined.
    pub fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<usize, SrtpError> {
        match self {
            Self::Gcm { key, salt } => {
                if packet.len() < header_len + GCM_TAG {
                    return Err(SrtpError::Malformed);
                }
                let (header, sealed) = packet.split_at_mut(header_len);
                let nonce = gcm_nonce(salt, ssrc, index);
                gcm_open(key, nonce, header, sealed)?;
                Ok(packet.len() - GCM_TAG)
            }
            Self::CounterHmac(keys) => {
                let CounterHmac { key, mac, salt } = &**keys;
                let len = packet
                    .len()
                    .checked_sub(HMAC_TAG)
                    .ok_or(SrtpError::Malformed)?;
                if len < header_len {
                    return Err(SrtpError::Malformed);
                }
                let rollover = ((index >> 16) as u32).to_be_bytes();
                let tag = hmac_tag(mac, &packet[..len], &rollover);
                verify_slices_are_equal(&tag, &packet[len..]).map_err(|_| SrtpError::AuthFailed)?;
                counter_crypt(
                    key,
                    counter_iv(salt, ssrc, index),
                    &mut packet[header_len..len],
                );
                Ok(len)
            }
        }
    }

    /// Encrypts and authenticates a compound packet of at least eight bytes and appends its trailer.
    pub fn seal_rtcp(&self, packet: &mut Vec<u8>, ssrc: u32, index: u32) {
        let trailer = (ENCRYPTED | index).to_be_bytes();
        match self {
            Self::Gcm { key, salt } => {
                let mut clear = [0; RTCP_CLEAR + RTCP_TRAILER];
                clear[..RTCP_CLEAR].copy_from_slice(&packet[..RTCP_CLEAR]);
                clear[RTCP_CLEAR..].copy_from_slice(&trailer);
                let nonce = gcm_nonce(salt, ssrc, index.into());
                let mut tag = [0; GCM_TAG];
                gcm_seal(key, nonce, &clear, &mut packet[RTCP_CLEAR..], &mut tag);
                packet.extend_from_slice(&tag);
                packet.extend_from_slice(&trailer);
            }
            Self::CounterHmac(keys) => {
                let CounterHmac { key, mac, salt } = &**keys;
                let iv = counter_iv(salt, ssrc, index.into());
                counter_crypt(key, iv, &mut packet[RTCP_CLEAR..]);
                packet.extend_from_slice(&trailer);
                let tag = hmac_tag(mac, packet, &[]);
                packet.extend_from_slice(&tag);
            }
        }
    }

    /// The SRTCP index that a received packet carries; unencrypted ones (E=0) are refused, since
    /// neither profile allows them (RFC 5764 §4.1.2, RFC 7714 §12).
    pub fn rtcp_index(&self, packet: &[u8]) -> Result<u32, SrtpError> {
        let (tag, behind) = match self {
            Self::Gcm { .. } => (GCM_TAG, 0),
            Self::CounterHmac(_) => (HMAC_TAG, HMAC_TAG),
        };
        if packet.len() < RTCP_CLEAR + tag + RTCP_TRAILER {
            return Err(SrtpError::Malformed);
        }
        let end = packet.len() - behind;
        let trailer = be_u32(&packet[end - RTCP_TRAILER..end]);
        if trailer & ENCRYPTED == 0 {
            return Err(SrtpError::Malformed);
        }
        Ok(trailer & !ENCRYPTED)
    }

    /// Opens a compound packet in place; `index` is what [`Cipher::rtcp_index`] gave for it.
    pub fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, index: u32) -> Result<usize, SrtpError> {
        match self {
            Self::Gcm { key, salt } => {
                let end = packet.len() - RTCP_TRAILER;
                let mut clear = [0; RTCP_CLEAR + RTCP_TRAILER];
                clear[..RTCP_CLEAR].copy_from_slice(&packet[..RTCP_CLEAR]);
                clear[RTCP_CLEAR..].copy_from_slice(&packet[end..]);
                let nonce = gcm_nonce(salt, ssrc, index.into());
                gcm_open(key, nonce, &clear, &mut packet[RTCP_CLEAR..end])?;
                Ok(end - GCM_TAG)
            }
            Self::CounterHmac(keys) => {
                let CounterHmac { key, mac, salt } = &**keys;
                let end = packet.len() - HMAC_TAG;
                let tag = hmac_tag(mac, &packet[..end], &[]);
                verify_slices_are_equal(&tag, &packet[end..]).map_err(|_| SrtpError::AuthFailed)?;
                let len = end - RTCP_TRAILER;
                let iv = counter_iv(salt, ssrc, index.into());
                counter_crypt(key, iv, &mut packet[RTCP_CLEAR..len]);
                Ok(len)
            }
        }
    }
}

/// The E flag of the SRTCP trailer.
const ENCRYPTED: u32 = 1 << 31;

fn be_u32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().expect("four bytes"))
}

/// 2 zero bytes, SSRC, 48-bit index, XORed with the salt: of RTP (RFC 7714 §8.1), and of RTCP
/// too, where the index has 31 bits and the 16 above it are zero (§9.1).
fn gcm_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
    let mut nonce = *salt;
    for (byte, value) in nonce[2..6].iter_mut().zip(ssrc.to_be_bytes()) {
        *byte ^= value;
    }
    for (byte, value) in nonce[6..].iter_mut().zip(&index.to_be_bytes()[2..]) {
        *byte ^= value;
    }
    Nonce::assume_unique_for_key(nonce)
}

fn gcm_seal(key: &LessSafeKey, nonce: Nonce, clear: &[u8], body: &mut [u8], tag: &mut [u8]) {
    // Fails only for bodies of many gigabytes.
    let sealed = key.seal_in_place_separate_tag(nonce, Aad::from(clear), body);
    tag.copy_from_slice(sealed.expect("a datagram").as_ref());
}

fn gcm_open(
    key: &LessSafeKey,
    nonce: Nonce,
    clear: &[u8],
    sealed: &mut [u8],
) -> Result<(), SrtpError> {
    match key.open_in_place(nonce, Aad::from(clear), sealed) {
        Ok(_) => Ok(()),
        Err(_) => Err(SrtpError::AuthFailed),
    }
}

/// IV = (k_s * 2^16) XOR (SSRC * 2^64) XOR (i * 2^16) (RFC 3711 §4.1.1).
fn counter_iv(salt: &[u8; 16], ssrc: u32, index: u64) -> [u8; 16] {
    let value = u128::from_be_bytes(*salt) ^ u128::from(ssrc) << 64 ^ u128::from(index) << 16;
    value.to_be_bytes()
}

fn counter_key(key: &[u8; 16]) -> EncryptingKey {
    let unbound = UnboundCipherKey::new(&AES_128, key).expect("16 bytes");
    EncryptingKey::ctr(unbound).expect("AES-128 has a counter mode")
}

/// Adds the key stream: encrypts and decrypts alike.
fn counter_crypt(key: &EncryptingKey, iv: [u8; 16], body: &mut [u8]) {
    let context = EncryptionContext::Iv128(FixedLength::from(iv));
    key.less_safe_encrypt(body, context)
        .expect("counter mode takes any length");
}

fn hmac_tag(key: &hmac::Key, packet: &[u8], suffix: &[u8]) -> [u8; HMAC_TAG] {
    let mut context = hmac::Context::with_key(key);
    context.update(packet);
    context.update(suffix);
    context.sign().as_ref()[..HMAC_TAG]
        .try_into()
        .expect("20 bytes")
}

/// AES-CM as a pseudo-random function (RFC 3711 §4.3.3): the key stream under (label << 48 XOR
/// salt) * 2^16. A 96-bit salt counts as followed by 16 zero bits (RFC 7714 §11).
fn derive_into(prf: &EncryptingKey, salt: &[u8; 14], label: u8, out: &mut [u8]) {
    let mut iv = [0; 16];
    iv[..14].copy_from_slice(salt);
    iv[7] ^= label;
    out.fill(0);
    counter_crypt(prf, iv, out);
}

#[cfg(test)]
mod tests;
