//! Totals since the worker started, declared once.

macro_rules! counters {
    ($($name:ident),* $(,)?) => {
        /// Totals since the worker started; the names are what `Worker.counters()` gives.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub struct Counters { $(pub $name: u64),* }

        impl Counters {
            /// Name and value of each, in the order of declaration.
            pub fn entries(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),*].into_iter()
            }
        }
    };
}

counters! {
    packets_in_rtp, packets_in_rtcp, packets_in_stun, packets_in_dtls,
    bytes_in_rtp, bytes_in_rtcp, bytes_in_stun, bytes_in_dtls,
    packets_out_rtp, packets_out_rtx, packets_out_padding, packets_out_rtcp, packets_out_stun, packets_out_dtls,
    bytes_out_rtp, bytes_out_rtx, bytes_out_padding, bytes_out_rtcp, bytes_out_stun, bytes_out_dtls,
    drop_unknown_kind, drop_malformed, drop_unknown_address, drop_no_keys, drop_unknown_stream,
    drop_payload_type, drop_payload, drop_duplicate, drop_oversize, drop_outbox_full, drop_muted, drop_over_budget,
    drop_stun_unknown_user, drop_stun_address_taken, drop_handshake_flood, drop_feedback_flood, drop_stun_integrity, drop_truncated, drop_send_error,
    drop_tcp_full, tcp_accepted, tcp_refused,
    srtp_failures, srtp_replayed,
    nacks_in, nacks_out, plis_in, plis_out, firs_in,
    retransmitted, retransmit_missed, recovered, lost,
    relayed_out, relayed_in, relay_holes, relayed_wishes, drop_relay_full,
    freezes_link, freezes_keyframe, freezes_publisher,
    frozen_us_link, frozen_us_keyframe, frozen_us_publisher,
    switches, skips, keyframes_in, padding_out, probes,
    commands, commands_refused, reports_dropped,
    send_calls, send_messages, busy_us, wall_us,
}
