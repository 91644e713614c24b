//! Reports as Python objects: frozen, made for `match`.

use crate::report::Report;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

macro_rules! report {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[pyclass(frozen, get_all, module = "sfu._plane")]
        struct $name {
            $($field: $type),*
        }

        #[pymethods]
        impl $name {
            #[classattr]
            fn __match_args__(py: Python<'_>) -> PyResult<Py<PyTuple>> {
                Ok(PyTuple::new(py, [$(stringify!($field)),*])?.unbind())
            }

            fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
                repr(slf.as_any(), stringify!($name), &[$(stringify!($field)),*])
            }
        }
    };
}

report! {
    /// A DTLS datagram from a peer whose address a binding check has validated.
    Handshake { transport: u32, datagram: Py<PyBytes> }
}
report! {
    /// A binding check succeeded for the first time or from a new address (RFC 8445 §7.3).
    PathUp { transport: u32, remote: Py<PyString> }
}
report! {
    /// Consent expired: no valid binding check for 30 s (RFC 7675 §5.1).
    PathDown { transport: u32 }
}
report! {
    /// What an egress forwards now.
    Switched { egress: u32, track: Option<u32>, spatial: i8, temporal: u8 }
}
report! {
    /// A microphone began or ceased to be heard.
    Audible { track: u32, audible: bool }
}
report! {
    /// Smoothed levels of the audible tracks, in -dBov.
    Levels { levels: Vec<(u32, u8)> }
}
report! {
    /// Bytes received from and sent to each transport so far.
    Traffic { totals: Vec<(u32, u64, u64)> }
}
report! {
    /// A transport is gone; media bytes received and sent over all its life.
    Closed { transport: u32, received: u64, sent: u64 }
}
report! {
    /// Once a second: each layer's (bit/s, frames/s, width, height).
    TrackRates { track: u32, layers: Vec<(u32, f32, u16, u16)> }
}
report! {
    /// A publisher has sent a second's worth of its ceiling beyond it.
    Exceeded { transport: u32 }
}
report! {
    /// A command named something that is not there or broke a limit.
    Refused { command: &'static str, reason: &'static str }
}
report! {
    /// The worker's thread has panicked and stopped.
    Fault { reason: String }
}

/// The object for a report.
pub(super) fn to_python(py: Python<'_>, report: Report) -> PyResult<Py<PyAny>> {
    Ok(match report {
        Report::Handshake {
            transport,
            datagram,
        } => {
            let datagram = PyBytes::new(py, &datagram).unbind();
            Py::new(
                py,
                Handshake {
                    transport,
                    datagram,
                },
            )?
            .into_any()
        }
        Report::PathUp { transport, remote } => {
            let remote = PyString::new(py, &remote.to_string()).unbind();
            Py::new(py, PathUp { transport, remote })?.into_any()
        }
        Report::PathDown { transport } => Py::new(py, PathDown { transport })?.into_any(),
        Report::Switched {
            egress,
            track,
            spatial,
            temporal,
        } => Py::new(
            py,
            Switched {
                egress,
                track,
                spatial,
                temporal,
            },
        )?
        .into_any(),
        Report::Audible { track, audible } => Py::new(py, Audible { track, audible })?.into_any(),
        Report::Levels { levels } => Py::new(py, Levels { levels })?.into_any(),
        Report::Closed {
            transport,
            received,
            sent,
        } => Py::new(
            py,
            Closed {
                transport,
                received,
                sent,
            },
        )?
        .into_any(),
        Report::Traffic { totals } => Py::new(py, Traffic { totals })?.into_any(),
        Report::TrackRates { track, layers } => {
            let layers = layers
                .iter()
                .map(|l| (l.bps, l.fps, l.width, l.height))
                .collect();
            Py::new(py, TrackRates { track, layers })?.into_any()
        }
        Report::Exceeded { transport } => Py::new(py, Exceeded { transport })?.into_any(),
        Report::Refused { command, reason } => Py::new(py, Refused { command, reason })?.into_any(),
        Report::Fault { reason } => Py::new(py, Fault { reason })?.into_any(),
    })
}

/// The classes, and `Report`, the union of them.
pub(super) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let classes = [
        py.get_type::<Handshake>(),
        py.get_type::<PathUp>(),
        py.get_type::<PathDown>(),
        py.get_type::<Switched>(),
        py.get_type::<Audible>(),
        py.get_type::<Levels>(),
        py.get_type::<Traffic>(),
        py.get_type::<Closed>(),
        py.get_type::<TrackRates>(),
        py.get_type::<Exceeded>(),
        py.get_type::<Refused>(),
        py.get_type::<Fault>(),
    ];
    let mut union = classes[0].clone().into_any();
    for class in &classes[1..] {
        union = union.bitor(class)?;
    }
    for class in classes {
        module.add(class.name()?, &class)?;
    }
    module.add("Report", union)
}

/// `Name(field=value, …)`, as a dataclass would write it.
fn repr(object: &Bound<'_, PyAny>, name: &str, fields: &[&str]) -> PyResult<String> {
    let mut parts = Vec::with_capacity(fields.len());
    for field in fields {
        parts.push(format!("{field}={}", object.getattr(*field)?.repr()?));
    }
    Ok(format!("{name}({})", parts.join(", ")))
}
