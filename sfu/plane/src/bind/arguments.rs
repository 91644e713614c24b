//! Arguments that are checked while they are taken: a number out of range is a
//! ValueError, never an OverflowError.

use crate::batch::INBOX_BYTES;
use crate::command::{PayloadType, Target};
use crate::extension::ExtensionIds;
use crate::srtp::{KeyLength, Opener, Profile, Sealer};
use crate::tcp::table::TcpLimits;
use pyo3::exceptions::{PyOSError, PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sfu_codecs::Codec;
use std::collections::HashMap;

/// DTLS datagrams of one flight; ours has one or two.
const MAX_HANDSHAKE_DATAGRAMS: usize = 64;

/// `value` as a size, if it lies between `low` and `high`.
pub(super) fn within(name: &str, value: i64, low: usize, high: usize) -> PyResult<usize> {
    match usize::try_from(value) {
        Ok(size) if (low..=high).contains(&size) => Ok(size),
        _ if low == high => Err(PyValueError::new_err(format!(
            "{name} must be {low}, not {value}"
        ))),
        _ => {
            let text = format!("{name} must be between {low} and {high}, not {value}");
            Err(PyValueError::new_err(text))
        }
    }
}

/// A user name fragment and a password, each as long as it has to be: 24 and 128 bits at least,
/// six to a character (RFC 8445 §5.3).
pub(super) fn credentials(ufrag: Text, pwd: Text) -> PyResult<(String, String)> {
    Ok((
        ufrag.of_length("ufrag", 4, 256)?,
        pwd.of_length("pwd", 22, 256)?,
    ))
}

/// An OSError with its number, so that callers can tell a taken port from a wrong address.
pub(super) fn os_error(error: std::io::Error) -> PyErr {
    match error.raw_os_error() {
        Some(errno) => PyOSError::new_err((errno, error.to_string())),
        None => error.into(),
    }
}

/// What is accepted of TCP; the last is in seconds.
pub(super) fn tcp_limits(
    connections: i64,
    per_address: i64,
    waiting: i64,
    first_check: f64,
) -> PyResult<TcpLimits> {
    let first_check_us = (first_check * 1e6) as i64;
    Ok(TcpLimits {
        connections: within("tcp_connections", connections, 0, 1 << 20)?,
        per_address: within("tcp_connections_per_address", per_address, 1, 1 << 20)?,
        waiting: within("tcp_waiting", waiting, 1 << 14, 1 << 26)?,
        first_check_us: within(
            "microseconds of tcp_first_check",
            first_check_us,
            1,
            3_600_000_000,
        )? as i64,
    })
}

/// A codec by its name.
pub(super) fn codec(name: &str) -> PyResult<Codec> {
    Codec::from_name(name)
        .ok_or_else(|| PyValueError::new_err(format!("no codec is named {name:?}")))
}

/// What was negotiated: payload type, codec, and the payload type of its retransmissions or -1.
pub(super) fn payload_types(
    given: Vec<(PayloadNumber, String, i64)>,
) -> PyResult<Vec<PayloadType>> {
    let read = |(number, name, rtx): (PayloadNumber, String, i64)| {
        let rtx = match rtx {
            -1 => None,
            rtx => Some(PayloadNumber::checked(rtx)?.0),
        };
        Ok(PayloadType {
            number: number.0,
            codec: codec(&name)?,
            rtx,
        })
    };
    given.into_iter().map(read).collect()
}

/// Both directions' contexts, of master key and salt behind each other (RFC 5764 §4.2).
pub(super) fn keys(
    profile: &str,
    receive: &[u8],
    send: &[u8],
) -> PyResult<(Box<Opener>, Box<Sealer>)> {
    let profile = Profile::from_name(profile)
        .ok_or_else(|| PyValueError::new_err(format!("no profile is named {profile:?}")))?;
    let expected = profile.key_len() + profile.salt_len();
    for (name, keying) in [("receive", receive), ("send", send)] {
        let name = format!("bytes of {name}");
        within(&name, keying.len() as i64, expected, expected)?;
    }
    let refuse = |error: KeyLength| PyValueError::new_err(error.to_string());
    let (key, salt) = receive.split_at(profile.key_len());
    let opener = Opener::new(profile, key, salt).map_err(refuse)?;
    let (key, salt) = send.split_at(profile.key_len());
    let sealer = Sealer::new(profile, key, salt).map_err(refuse)?;
    Ok((Box::new(opener), Box::new(sealer)))
}

/// Datagrams of one flight.
pub(super) fn handshake(datagrams: &[Bound<'_, PyBytes>]) -> PyResult<Vec<Vec<u8>>> {
    let count = datagrams.len() as i64;
    within("count of datagrams", count, 0, MAX_HANDSHAKE_DATAGRAMS)?;
    let copy = |datagram: &Bound<'_, PyBytes>| {
        let bytes = datagram.as_bytes();
        within("bytes of a datagram", bytes.len() as i64, 1, INBOX_BYTES)?;
        Ok(bytes.to_vec())
    };
    datagrams.iter().map(copy).collect()
}

/// Any integer; those beyond 64 bits are out of every range here.
fn integer(object: &Borrowed<'_, '_, PyAny>) -> PyResult<i64> {
    object.extract().map_err(|error: PyErr| {
        if error.is_instance_of::<PyOverflowError>(object.py()) {
            PyValueError::new_err("number out of range")
        } else {
            error
        }
    })
}

/// An identifier or an SSRC: 32 bits.
#[derive(Clone, Copy)]
pub(super) struct Id(pub(super) u32);

impl<'a, 'py> FromPyObject<'a, 'py> for Id {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let size = within("an identifier", integer(&object)?, 0, u32::MAX as usize)?;
        Ok(Self(size as u32))
    }
}

/// A payload type: 7 bits (RFC 3550 §5.1).
#[derive(Clone, Copy)]
pub(super) struct PayloadNumber(pub(super) u8);

impl PayloadNumber {
    pub(super) fn checked(value: i64) -> PyResult<Self> {
        Ok(Self(within("a payload type", value, 0, 127)? as u8))
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for PayloadNumber {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Self::checked(integer(&object)?)
    }
}

/// What an egress shall forward at most: itself, spatial, temporal; and whether what is
/// higher ends at once, which may be left out.
pub(super) struct TargetTuple(Id, i64, i64, bool);

impl TargetTuple {
    /// The target, if its layers can be meant; those too high for any mean the highest.
    pub(super) fn checked(self) -> PyResult<Target> {
        let Self(egress, spatial, temporal, drop_now) = self;
        if spatial < -1 || temporal < 0 {
            return Err(PyValueError::new_err(
                "spatial must be at least -1, temporal at least 0",
            ));
        }
        Ok(Target {
            egress: egress.0,
            spatial: spatial.min(i8::MAX.into()) as i8,
            temporal: temporal.min(u8::MAX.into()) as u8,
            drop_now,
        })
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for TargetTuple {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if object.len()? == 4 {
            let (egress, spatial, temporal, drop_now) = object.extract()?;
            return Ok(Self(egress, spatial, temporal, drop_now));
        }
        let (egress, spatial, temporal) = object.extract()?;
        Ok(Self(egress, spatial, temporal, false))
    }
}

/// A string whose length has still to be checked.
#[derive(FromPyObject)]
#[pyo3(transparent)]
pub(super) struct Text(String);

impl Text {
    /// The string, if it has between `low` and `high` bytes.
    pub(super) fn of_length(self, name: &str, low: usize, high: usize) -> PyResult<String> {
        within(&format!("bytes of {name}"), self.0.len() as i64, low, high)?;
        Ok(self.0)
    }
}

/// Header extension name to id.
pub(super) struct Extensions(pub(super) ExtensionIds);

impl<'a, 'py> FromPyObject<'a, 'py> for Extensions {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let named: HashMap<String, Id> = object.extract()?;
        let mut ids = ExtensionIds::default();
        for (name, id) in named {
            // RFC 8285 §4.3: one byte, zero is padding.
            let id = within(
                &format!("the id of extension {name:?}"),
                id.0.into(),
                1,
                255,
            )?;
            if !ids.set(&name, id as u8) {
                return Err(PyValueError::new_err(format!(
                    "no extension is named {name:?}"
                )));
            }
        }
        Ok(Self(ids))
    }
}
