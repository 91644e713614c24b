//! The Python module `sfu._plane`, as `_plane.pyi` describes it. The only file,
//! with its parts, that knows PyO3: arguments are checked here, so that a wrong
//! one is a ValueError for the caller and never a surprise on the thread.

mod arguments;
mod relays;
mod reports;

use crate::command::{Command, LayerSource, MAX_LAYERS};
use crate::feedback::{DELTA_DTYPE, FEEDBACK_DTYPE};
use crate::forwarder::Limits;
use crate::rates::{self, RATES_DTYPE};
use crate::worker::{self, NotSubmitted, Settings};
use arguments::{within, Extensions, Id, PayloadNumber, TargetTuple, Text};
use pyo3::create_exception;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use relays::RelayEnd;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, RawFd};

create_exception!(
    sfu._plane,
    PlaneBusy,
    PyRuntimeError,
    "The worker's command queue is full; nothing was enqueued."
);

/// Microphones of one room that may be forwarded at a time.
const MAX_SPEAKERS: usize = 100;

/// One thread with one UDP socket.
#[pyclass(frozen, module = "sfu._plane")]
struct Worker {
    worker: worker::Worker,
}

impl Worker {
    fn submit(&self, command: Command) -> PyResult<()> {
        self.worker.submit(command).map_err(refused)
    }
}

fn refused(refusal: NotSubmitted) -> PyErr {
    match refusal {
        NotSubmitted::Busy => PlaneBusy::new_err("the worker's command queue is full"),
        NotSubmitted::Stopped => PyRuntimeError::new_err("the worker has stopped"),
    }
}

#[pymethods]
impl Worker {
    #[new]
    #[pyo3(signature = (*, host=None, port=0, commands=65_536, transports=16_384, video_ring=1_024,
                        audio_ring=128, socket_buffer=4 << 20, tcp_connections=0,
                        tcp_connections_per_address=1_000, tcp_waiting=262_144,
                        tcp_first_check=10.0))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        host: Option<&str>,
        port: i64,
        commands: i64,
        transports: i64,
        video_ring: i64,
        audio_ring: i64,
        socket_buffer: i64,
        tcp_connections: i64,
        tcp_connections_per_address: i64,
        tcp_waiting: i64,
        tcp_first_check: f64,
    ) -> PyResult<Self> {
        let host: Option<IpAddr> = match host.map(str::parse) {
            None => None,
            Some(Ok(host)) => Some(host),
            Some(Err(_)) => {
                return Err(PyValueError::new_err("host must be an IP address or None"))
            }
        };
        let settings = Settings {
            host,
            port: within("port", port, 0, 65_535)? as u16,
            commands: within("commands", commands, 1, 1 << 24)?,
            limits: Limits {
                transports: within("transports", transports, 1, 1 << 20)?,
                video_ring: within("video_ring", video_ring, 16, 1 << 16)?,
                audio_ring: within("audio_ring", audio_ring, 16, 1 << 16)?,
            },
            socket_buffer: within("socket_buffer", socket_buffer, 4_096, 1 << 30)?,
            tcp: arguments::tcp_limits(
                tcp_connections,
                tcp_connections_per_address,
                tcp_waiting,
                tcp_first_check,
            )?,
        };
        let worker = py
            .detach(|| worker::Worker::start(&settings))
            .map_err(arguments::os_error)?;
        Ok(Self { worker })
    }

    #[getter]
    fn port(&self) -> u16 {
        self.worker.port()
    }

    /// An eventfd that is readable while reports wait; `drain` resets it.
    #[getter]
    fn fileno(&self) -> RawFd {
        self.worker.bell().as_raw_fd()
    }

    fn drain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for report in self.worker.drain() {
            list.append(reports::to_python(py, report)?)?;
        }
        Ok(list)
    }

    /// The feedback rows since the last call, one per transport with news, and their deltas.
    fn feedback<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let (rows, deltas) = self.worker.feedback();
        PyTuple::new(py, [&rows, &deltas].map(|bytes| PyBytes::new(py, bytes)))
    }

    /// Totals since the start.
    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in self.worker.counters().entries() {
            dict.set_item(name, value)?;
        }
        Ok(dict)
    }

    /// Stops the thread and closes the socket; idempotent.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.worker.stop());
    }

    fn open_transport(&self, transport: Id, ufrag: Text, pwd: Text) -> PyResult<()> {
        let (ufrag, pwd) = arguments::credentials(ufrag, pwd)?;
        let transport = transport.0;
        self.submit(Command::OpenTransport {
            transport,
            ufrag,
            pwd,
        })
    }

    fn restart_ice(&self, transport: Id, ufrag: Text, pwd: Text) -> PyResult<()> {
        let (ufrag, pwd) = arguments::credentials(ufrag, pwd)?;
        let transport = transport.0;
        self.submit(Command::RestartIce {
            transport,
            ufrag,
            pwd,
        })
    }

    fn set_remote(
        &self,
        transport: Id,
        extensions: Extensions,
        payload_types: Vec<(PayloadNumber, String, i64)>,
        cname: Text,
    ) -> PyResult<()> {
        self.submit(Command::SetRemote {
            transport: transport.0,
            extensions: extensions.0,
            payload_types: arguments::payload_types(payload_types)?,
            cname: cname.of_length("cname", 1, 255)?,
        })
    }

    /// The session keys are derived here and the master keys wiped; `receive` and `send`
    /// belong to the caller.
    fn set_keys(&self, transport: Id, profile: &str, receive: &[u8], send: &[u8]) -> PyResult<()> {
        let (opener, sealer) = arguments::keys(profile, receive, send)?;
        self.submit(Command::SetKeys {
            transport: transport.0,
            opener,
            sealer,
        })
    }

    fn send_handshake(&self, transport: Id, datagrams: Vec<Bound<'_, PyBytes>>) -> PyResult<()> {
        self.submit(Command::SendHandshake {
            transport: transport.0,
            datagrams: arguments::handshake(&datagrams)?,
        })
    }

    fn close_transport(&self, transport: Id) -> PyResult<()> {
        self.submit(Command::CloseTransport {
            transport: transport.0,
        })
    }

    fn add_track(
        &self,
        track: Id,
        transport: Id,
        mid: Text,
        codec: &str,
        layers: Vec<(Text, Id, Id)>,
    ) -> PyResult<()> {
        let codec = arguments::codec(codec)?;
        within("count of layers", layers.len() as i64, 1, MAX_LAYERS)?;
        let layers = layers.into_iter().map(|(rid, ssrc, rtx_ssrc)| {
            let rid = rid.of_length("rid", 0, 255)?;
            Ok(LayerSource {
                rid,
                ssrc: ssrc.0,
                rtx_ssrc: rtx_ssrc.0,
            })
        });
        let layers = layers.collect::<PyResult<Vec<_>>>()?;
        self.submit(Command::AddTrack {
            track: track.0,
            transport: transport.0,
            mid: mid.of_length("mid", 0, 255)?,
            codec,
            layers,
        })
    }

    fn remove_track(&self, track: Id) -> PyResult<()> {
        self.submit(Command::RemoveTrack { track: track.0 })
    }

    /// Relays between this worker and another: the end of each, for `add_peer`.
    fn connect(&self, other: &Self, capacity: i64) -> PyResult<(RelayEnd, RelayEnd)> {
        let capacity = within("capacity", capacity, 1, 1 << 16)?;
        let (own, others) = self.worker.connect(&other.worker, capacity);
        Ok((RelayEnd::new(own), RelayEnd::new(others)))
    }

    fn add_peer(&self, peer: Id, end: &RelayEnd) -> PyResult<()> {
        end.give_to(&self.worker, peer.0)?.map_err(refused)
    }

    fn remove_peer(&self, peer: Id) -> PyResult<()> {
        self.submit(Command::RemovePeer { peer: peer.0 })
    }

    fn add_relayed_track(&self, track: Id, peer: Id, codec: &str, layers: i64) -> PyResult<()> {
        self.submit(Command::AddRelayedTrack {
            track: track.0,
            peer: peer.0,
            codec: arguments::codec(codec)?,
            layers: within("count of layers", layers, 1, MAX_LAYERS)?,
        })
    }

    fn relay(&self, track: Id, peer: Id) -> PyResult<()> {
        self.submit(Command::Relay {
            track: track.0,
            peer: peer.0,
        })
    }

    fn end_relay(&self, track: Id, peer: Id) -> PyResult<()> {
        self.submit(Command::EndRelay {
            track: track.0,
            peer: peer.0,
        })
    }

    fn mute(&self, track: Id, muted: bool) -> PyResult<()> {
        self.submit(Command::Mute {
            track: track.0,
            muted,
        })
    }

    fn compete(&self, track: Id, group: Id, most: i64) -> PyResult<()> {
        self.submit(Command::Compete {
            track: track.0,
            group: group.0,
            most: within("most", most, 1, MAX_SPEAKERS)?,
        })
    }

    #[pyo3(signature = (route, video, rests=false))]
    fn add_route(&self, route: Id, video: bool, rests: bool) -> PyResult<()> {
        self.submit(Command::AddRoute {
            route: route.0,
            video,
            rests,
        })
    }

    #[pyo3(signature = (route, track))]
    fn bind(&self, route: Id, track: Option<Id>) -> PyResult<()> {
        self.submit(Command::Bind {
            route: route.0,
            track: track.map(|track| track.0),
        })
    }

    fn weigh(&self, route: Id, weight: i64) -> PyResult<()> {
        self.submit(Command::Weigh {
            route: route.0,
            weight: within("weight", weight, 1, u8::MAX.into())? as u8,
        })
    }

    fn remove_route(&self, route: Id) -> PyResult<()> {
        self.submit(Command::RemoveRoute { route: route.0 })
    }

    fn add_egress(
        &self,
        egress: Id,
        transport: Id,
        route: Id,
        mid: Text,
        ssrc: Id,
        rtx_ssrc: Id,
    ) -> PyResult<()> {
        self.submit(Command::AddEgress {
            egress: egress.0,
            transport: transport.0,
            route: route.0,
            // Goes into a one-byte header extension (RFC 8285 §4.2).
            mid: mid.of_length("mid", 1, 16)?,
            ssrc: ssrc.0,
            rtx_ssrc: rtx_ssrc.0,
        })
    }

    fn show_routes(&self, moves: Vec<(Id, Id)>) -> PyResult<()> {
        let moves = moves.into_iter().map(|(egress, route)| (egress.0, route.0));
        self.submit(Command::ShowRoutes(moves.collect()))
    }

    fn remove_egress(&self, egress: Id) -> PyResult<()> {
        self.submit(Command::RemoveEgress { egress: egress.0 })
    }

    fn set_targets(&self, targets: Vec<TargetTuple>) -> PyResult<()> {
        let targets = targets.into_iter().map(TargetTuple::checked);
        self.submit(Command::SetTargets(targets.collect::<PyResult<_>>()?))
    }

    fn cap(&self, track: Id, layers: i64) -> PyResult<()> {
        self.submit(Command::Cap {
            track: track.0,
            layers: within("count of layers", layers, 0, MAX_LAYERS)? as u8,
        })
    }

    #[pyo3(signature = (transport, bps, sound=0))]
    fn set_upload(&self, transport: Id, bps: i64, sound: i64) -> PyResult<()> {
        self.submit(Command::SetUpload {
            transport: transport.0,
            bps: within("bps", bps, 0, u32::MAX as usize)? as u32,
            sound_bps: within("sound", sound, 0, u32::MAX as usize)? as u32,
        })
    }

    fn set_rates(&self, rates: &[u8]) -> PyResult<()> {
        let rates = rates::unpack(rates).map_err(PyValueError::new_err)?;
        self.submit(Command::SetRates(rates))
    }

    fn report_traffic(&self) -> PyResult<()> {
        self.submit(Command::ReportTraffic)
    }

    fn request_keyframe(&self, track: Id) -> PyResult<()> {
        self.submit(Command::RequestKeyframe { track: track.0 })
    }

    /// For tests: the thread ends as by a bug.
    fn panic(&self) -> PyResult<()> {
        self.submit(Command::Panic)
    }
}

/// The packet plane: see `_plane.pyi`.
#[pymodule]
fn _plane(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Worker>()?;
    module.add_class::<RelayEnd>()?;
    module.add("PlaneBusy", module.py().get_type::<PlaneBusy>())?;
    module.add("FEEDBACK_DTYPE", FEEDBACK_DTYPE.to_vec())?;
    module.add("DELTA_DTYPE", DELTA_DTYPE.to_vec())?;
    module.add("RATES_DTYPE", RATES_DTYPE.to_vec())?;
    reports::add_to(module)
}
