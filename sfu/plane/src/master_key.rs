//! What a DTLS handshake agrees on for SRTP: a profile, and per direction a master key and salt
//! (RFC 5764 §4.2).

use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A DTLS-SRTP protection profile (RFC 5764 §4.1.2, RFC 7714 §14.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[allow(non_camel_case_types)]
pub enum Profile {
    /// AEAD_AES_128_GCM.
    AeadAes128Gcm,
    /// AES128_CM_HMAC_SHA1_80, for SRTCP as well.
    Aes128CmHmacSha1_80,
}

impl Profile {
    /// By the name in the IANA registry, without the `SRTP_` prefix.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "AEAD_AES_128_GCM" => Some(Self::AeadAes128Gcm),
            "AES128_CM_HMAC_SHA1_80" => Some(Self::Aes128CmHmacSha1_80),
            _ => None,
        }
    }

    /// Bytes of the master key.
    pub const fn key_len(self) -> usize {
        16
    }

    /// Bytes of the master salt.
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm => 12,
            Self::Aes128CmHmacSha1_80 => 14,
        }
    }

    /// By how many bytes an RTP packet grows.
    pub const fn rtp_overhead(self) -> usize {
        match self {
            Self::AeadAes128Gcm => 16,
            Self::Aes128CmHmacSha1_80 => 10,
        }
    }

    /// By how many bytes an RTCP compound grows: the tag, the E flag and the index.
    pub const fn rtcp_overhead(self) -> usize {
        self.rtp_overhead() + 4
    }
}

/// A master key or salt does not have its profile's length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyLength {
    /// Bytes that the profile asks for, key and salt.
    pub expected: (usize, usize),
    /// Bytes that were given, key and salt.
    pub given: (usize, usize),
}

impl fmt::Display for KeyLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((key, salt), (got_key, got_salt)) = (self.expected, self.given);
        write!(
            f,
            "master key and salt must have {key} and {salt} bytes, not {got_key} and {got_salt}"
        )
    }
}

impl std::error::Error for KeyLength {}

/// Master key and salt of one direction; wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct MasterKey {
    #[zeroize(skip)]
    profile: Profile,
    key: [u8; 16],
    /// A 96-bit salt is followed by zeros (RFC 7714 §11).
    salt: [u8; 14],
}

impl MasterKey {
    /// Copies key and salt; the caller wipes its own bytes.
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, KeyLength> {
        let expected = (profile.key_len(), profile.salt_len());
        let given = (key.len(), salt.len());
        if given != expected {
            return Err(KeyLength { expected, given });
        }
        let mut master = Self {
            profile,
            key: [0; 16],
            salt: [0; 14],
        };
        master.key.copy_from_slice(key);
        master.salt[..salt.len()].copy_from_slice(salt);
        Ok(master)
    }

    /// The profile that the key is for.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    pub(crate) fn key(&self) -> &[u8; 16] {
        &self.key
    }

    pub(crate) fn salt(&self) -> &[u8; 14] {
        &self.salt
    }
}
