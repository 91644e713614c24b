//! Ends of relays on their way from the worker that made them to those that use them.

use crate::command::{Command, Id};
use crate::relay::End;
use crate::worker::{NotSubmitted, Worker};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::{Mutex, PoisonError};

/// What one of two workers has of the relays between them; used once.
#[pyclass(frozen, module = "sfu._plane")]
pub(super) struct RelayEnd(Mutex<Option<Box<End>>>);

impl RelayEnd {
    pub(super) fn new(end: End) -> Self {
        Self(Mutex::new(Some(Box::new(end))))
    }

    /// Gives the end to a worker, or keeps it for another attempt.
    pub(super) fn give_to(&self, worker: &Worker, peer: Id) -> PyResult<Result<(), NotSubmitted>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let end = kept
            .take()
            .ok_or_else(|| PyValueError::new_err("this end of a relay has been used"))?;
        match worker.offer(Command::AddPeer { peer, end }) {
            Ok(()) => Ok(Ok(())),
            Err((refusal, command)) => {
                if let Command::AddPeer { end, .. } = command {
                    *kept = Some(end);
                }
                Ok(Err(refusal))
            }
        }
    }
}
