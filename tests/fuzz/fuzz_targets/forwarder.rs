//! See `sfu_fuzz::forwarder`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sfu_fuzz::forwarder(data));
