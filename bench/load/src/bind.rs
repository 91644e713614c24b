//! The Python module `sfu.bench._load`, as `_load.pyi` describes it.

use crate::attendee::Format;
use crate::endpoint::Event;
use crate::engine::{self, Snapshot, Stopped};
use crate::floor::{measure, Settings};
use crate::histogram::Histogram;
use crate::presenter::Presenter;
use _plane::srtp::Profile;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use pyo3::IntoPyObjectExt;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::RawFd;
use std::time::Duration;

#[pyclass(module = "sfu.bench._load")]
struct Engine {
    engine: engine::Engine,
    endpoints: usize,
}

impl Engine {
    fn checked(&self, endpoint: usize) -> PyResult<usize> {
        if endpoint < self.endpoints {
            return Ok(endpoint);
        }
        Err(PyValueError::new_err(format!("no endpoint {endpoint}")))
    }
}

#[pymethods]
impl Engine {
    #[new]
    fn new() -> PyResult<Self> {
        Ok(Self {
            engine: engine::Engine::new()?,
            endpoints: 0,
        })
    }

    #[getter]
    fn fileno(&self) -> RawFd {
        self.engine.events_fd()
    }

    #[pyo3(signature = (*, verify, format=None))]
    fn add_attendee(&mut self, verify: bool, format: Option<(u8, u8, u8, u8)>) -> PyResult<usize> {
        let format = format.map_or_else(Format::default, |names| Format {
            video: names.0,
            retransmission: names.1,
            audio: names.2,
            transport_cc: names.3,
        });
        self.endpoints += 1;
        Ok(self.engine.add_attendee(verify, format)?)
    }

    fn remove(&self, endpoint: usize) -> PyResult<()> {
        let endpoint = self.checked(endpoint)?;
        self.engine.remove(endpoint).map_err(stopped)
    }

    #[pyo3(signature = (*, video_ssrc, audio_ssrc, bitrate, fps, seed, microphone=true))]
    #[allow(clippy::too_many_arguments)]
    fn add_presenter(
        &mut self,
        video_ssrc: u32,
        audio_ssrc: u32,
        bitrate: u32,
        fps: u32,
        seed: u64,
        microphone: bool,
    ) -> PyResult<usize> {
        check_camera(bitrate, fps)?;
        let ssrcs = (video_ssrc, audio_ssrc);
        let presenter = Presenter::new(bitrate, fps, seed, ssrcs, microphone);
        self.endpoints += 1;
        Ok(self.engine.add_presenter(presenter)?)
    }

    #[pyo3(signature = (endpoint, host, port, username, password, own_password=String::new()))]
    #[allow(clippy::too_many_arguments)]
    fn connect(
        &self,
        endpoint: usize,
        host: &str,
        port: u16,
        username: String,
        password: String,
        own_password: String,
    ) -> PyResult<()> {
        let endpoint = self.checked(endpoint)?;
        let Ok(address) = host.parse::<IpAddr>() else {
            return Err(PyValueError::new_err("host must be an IP address"));
        };
        let server = SocketAddr::new(address, port);
        self.engine
            .connect(endpoint, server, username, (password, own_password))
            .map_err(stopped)
    }

    fn send(&self, endpoint: usize, datagrams: Vec<Vec<u8>>) -> PyResult<()> {
        let endpoint = self.checked(endpoint)?;
        self.engine.send(endpoint, datagrams).map_err(stopped)
    }

    fn set_keys(
        &self,
        endpoint: usize,
        profile: &str,
        receive: Vec<u8>,
        send: Vec<u8>,
    ) -> PyResult<()> {
        let endpoint = self.checked(endpoint)?;
        let Some(profile) = Profile::from_name(profile) else {
            return Err(PyValueError::new_err("unknown profile"));
        };
        let wanted = profile.key_len() + profile.salt_len();
        if receive.len() != wanted || send.len() != wanted {
            let text = format!("key and salt must have {wanted} bytes");
            return Err(PyValueError::new_err(text));
        }
        self.engine
            .set_keys(endpoint, profile, receive, send)
            .map_err(stopped)
    }

    fn relocate(&self, endpoint: usize) -> PyResult<()> {
        let endpoint = self.checked(endpoint)?;
        self.engine.relocate(endpoint).map_err(stopped)
    }

    fn impair(&self, endpoint: usize, loss: f64) -> PyResult<()> {
        let endpoint = self.checked(endpoint)?;
        if !(0.0..=1.0).contains(&loss) {
            return Err(PyValueError::new_err("loss is a share, 0 to 1"));
        }
        let loss = (loss * f64::from(u32::MAX)) as u32;
        self.engine.impair(endpoint, loss).map_err(stopped)
    }

    fn heard(&self, py: Python<'_>) -> PyResult<Vec<(usize, u64, u64)>> {
        py.detach(|| self.engine.heard()).map_err(stopped)
    }

    fn events<'py>(&self, py: Python<'py>) -> PyResult<Vec<(usize, Bound<'py, PyAny>)>> {
        let events = self.engine.events().into_iter();
        events
            .map(|(endpoint, event)| {
                let told = match event {
                    Event::PathUp => py.None().into_bound(py),
                    Event::Handshake(datagram) => PyBytes::new(py, &datagram).into_any(),
                    Event::Picture(at_ns) => at_ns.into_bound_py_any(py)?,
                };
                Ok((endpoint, told))
            })
            .collect()
    }

    #[pyo3(signature = (*, begin=false))]
    fn snapshot<'py>(&self, py: Python<'py>, begin: bool) -> PyResult<Bound<'py, PyDict>> {
        let snapshot = py.detach(|| self.engine.snapshot(begin)).map_err(stopped)?;
        to_dict(py, &snapshot)
    }

    fn stop(&mut self, py: Python<'_>) {
        py.detach(|| self.engine.stop());
    }
}

/// The floor, see `_load.pyi`.
#[pyfunction]
#[pyo3(signature = (*, receivers, presenters, bitrate, fps, seconds, core, microphones=None))]
#[allow(clippy::too_many_arguments)]
fn floor<'py>(
    py: Python<'py>,
    receivers: usize,
    presenters: usize,
    bitrate: u32,
    fps: u32,
    seconds: f64,
    core: Option<usize>,
    microphones: Option<usize>,
) -> PyResult<Bound<'py, PyDict>> {
    check_camera(bitrate, fps)?;
    let duration = Duration::try_from_secs_f64(seconds)
        .map_err(|_| PyValueError::new_err("seconds must be a positive number"))?;
    if receivers == 0 || presenters == 0 {
        return Err(PyValueError::new_err("needs a receiver and a presenter"));
    }
    let settings = Settings {
        receivers,
        presenters,
        microphones: microphones.unwrap_or(presenters),
        bitrate,
        fps,
        duration,
        core,
    };
    let cost = py.detach(|| measure(settings))?;
    let dict = PyDict::new(py);
    dict.set_item("packets", cost.packets)?;
    dict.set_item("cpu_ns", cost.cpu_ns)?;
    dict.set_item("steady_packets", cost.steady_packets)?;
    dict.set_item("steady_cpu_ns", cost.steady_cpu_ns)?;
    dict.set_item("wall_ns", cost.wall_ns)?;
    dict.set_item("sent", cost.sent)?;
    dict.set_item("received", to_dict(py, &cost.received)?)?;
    Ok(dict)
}

fn check_camera(bitrate: u32, fps: u32) -> PyResult<()> {
    if (1..=120).contains(&fps) && (100_000..=50_000_000).contains(&bitrate) {
        return Ok(());
    }
    Err(PyValueError::new_err(
        "a camera has 1 to 120 frames per second and 0.1 to 50 Mbit/s",
    ))
}

fn to_dict<'py>(py: Python<'py>, snapshot: &Snapshot) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let (total, sent) = (&snapshot.total, &snapshot.sent);
    for (name, value) in [
        ("now_ns", snapshot.now_ns),
        ("cpu_ns", snapshot.cpu_ns),
        ("slow_ns", snapshot.slow_ns),
        ("attendees", snapshot.attendees),
        ("video_streams", snapshot.video_streams),
        ("audio_streams", snapshot.audio_streams),
        ("video", total.video),
        ("audio", total.audio),
        ("retransmissions", total.retransmissions),
        ("bytes", total.bytes),
        ("expected", total.expected),
        ("received", total.received),
        ("recovered", total.recovered),
        ("duplicates", total.duplicates),
        ("late", total.late),
        ("nacks", total.nacks),
        ("verified", total.verified),
        ("damaged", total.damaged),
        ("skipped", total.skipped),
        ("strange", total.strange),
        ("sent_video", sent.video),
        ("sent_audio", sent.audio),
        ("keyframes", sent.keyframes),
        ("keyframe_requests", sent.keyframe_requests),
        ("sent_again", sent.retransmitted),
    ] {
        dict.set_item(name, value)?;
    }
    for (kind, histogram) in [
        ("video", &snapshot.latencies.video),
        ("audio", &snapshot.latencies.audio),
        ("steady_video", &snapshot.latencies.steady_video),
        ("steady_audio", &snapshot.latencies.steady_audio),
    ] {
        set_latencies(&dict, kind, histogram)?;
    }
    Ok(dict)
}

fn set_latencies(dict: &Bound<'_, PyDict>, kind: &str, histogram: &Histogram) -> PyResult<()> {
    dict.set_item(format!("{kind}_timed"), histogram.total())?;
    dict.set_item(format!("{kind}_p50_ns"), histogram.quantile(0.5))?;
    dict.set_item(format!("{kind}_p90_ns"), histogram.quantile(0.9))?;
    dict.set_item(format!("{kind}_p99_ns"), histogram.quantile(0.99))?;
    dict.set_item(format!("{kind}_p999_ns"), histogram.quantile(0.999))?;
    dict.set_item(format!("{kind}_max_ns"), histogram.largest())
}

fn stopped(_: Stopped) -> PyErr {
    PyRuntimeError::new_err("the load engine has stopped")
}

#[pymodule]
fn _load(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Engine>()?;
    module.add_function(wrap_pyfunction!(floor, module)?)
}
