//! The packet plane: `udp -> demux -> srtp open -> ingress -> route -> egress -> srtp seal -> udp`.
//!
//! One contract: a [`forwarder::Forwarder`] is driven by its worker alone. Every
//! call that hands it something (`handle`, `apply`, `advance`) may leave datagrams
//! in its outbox and reports in its list; the worker sends and passes them on
//! before it waits again. Nothing here reads a clock: `now` is an argument.

pub mod audible;
pub mod batch;
#[cfg(feature = "python")]
mod bind;
pub mod ccfb;
pub mod cipher;
pub mod clock;
pub mod command;
mod connect;
pub mod counters;
pub mod demux;
pub mod egress;
pub mod extension;
mod fanout;
pub mod feedback;
pub mod forwarder;
pub mod header;
pub mod identify;
pub mod ingress;
pub mod keyframe;
mod listen;
pub mod malformed;
pub mod master_key;
pub mod missing;
pub mod names;
mod paced;
pub mod pacer;
mod periodic;
mod prober;
mod probing;
pub mod rates;
mod receive;
pub mod reception;
pub mod relay;
mod relaying;
pub mod replay;
pub mod report;
pub mod retransmit;
pub mod rewrite;
pub mod ring;
pub mod rtcp;
pub mod rtp;
pub mod rtx;
pub mod select;
pub mod seq;
pub mod srtp;
pub mod stillness;
pub mod stun;
pub mod table;
pub mod tcp;
pub mod top_speakers;
pub mod track;
pub mod transport;
pub mod twcc;
pub mod udp;
pub mod upload;
pub mod wake;
pub mod worker;
