//! The crate's SRTP on lines of text, so that other implementations can be held against it.
//!
//! Each input line is an operation with hex arguments, each output line its result:
//!
//! ```text
//! keys PROFILE KEY SALT      -> ok               new contexts for both directions
//! seal-rtp PACKET ROC        -> hex              ROC in decimal
//! open-rtp PACKET            -> hex | ERROR
//! seal-rtcp PACKET           -> hex
//! open-rtcp PACKET           -> hex | ERROR      ERROR as SrtpError spells it
//! ```

use _plane::rtp::Rtp;
use _plane::srtp::{Opener, Profile, Sealer, SrtpError, MAX_RTP_OVERHEAD};
use std::fmt::Write as _;
use std::io::{stdin, stdout, BufRead, Write};

fn main() {
    let mut contexts = None;
    for line in stdin().lock().lines() {
        let line = line.expect("text");
        let words: Vec<&str> = line.split(' ').collect();
        let answer = answer(&words, &mut contexts);
        let mut out = stdout().lock();
        writeln!(out, "{answer}")
            .and_then(|()| out.flush())
            .expect("a reader");
    }
}

fn answer(words: &[&str], contexts: &mut Option<(Sealer, Opener)>) -> String {
    if let ["keys", profile, key, salt] = words {
        let profile = Profile::from_name(profile).expect("a profile");
        let (key, salt) = (bytes(key), bytes(salt));
        let sealer = Sealer::new(profile, &key, &salt).expect("fitting lengths");
        let opener = Opener::new(profile, &key, &salt).expect("fitting lengths");
        *contexts = Some((sealer, opener));
        return "ok".into();
    }
    let (sealer, opener) = contexts.as_mut().expect("keys come first");
    let mut packet = bytes(words[1]);
    let result = match words {
        ["seal-rtp", _, rollover] => {
            let rollover: u64 = rollover.parse().expect("a number");
            Ok(seal_rtp(sealer, packet, rollover))
        }
        ["open-rtp", _] => open_rtp(opener, packet),
        ["seal-rtcp", _] => {
            sealer.seal_rtcp(&mut packet);
            Ok(packet)
        }
        ["open-rtcp", _] => opener.open_rtcp(&mut packet).map(|len| {
            packet.truncate(len);
            packet
        }),
        _ => panic!("no such operation: {words:?}"),
    };
    match result {
        Ok(packet) => hex(&packet),
        Err(error) => format!("{error:?}"),
    }
}

fn seal_rtp(sealer: &Sealer, mut packet: Vec<u8>, rollover: u64) -> Vec<u8> {
    let header = Rtp::parse(&packet).expect("an RTP packet");
    let len = packet.len();
    packet.resize(len + MAX_RTP_OVERHEAD, 0);
    let index = rollover << 16 | u64::from(header.sequence);
    let sealed = sealer.seal_rtp(&mut packet, len, header.header_len, header.ssrc, index);
    packet.truncate(sealed);
    packet
}

fn open_rtp(opener: &mut Opener, mut packet: Vec<u8>) -> Result<Vec<u8>, SrtpError> {
    let header = Rtp::parse(&packet).map_err(|_| SrtpError::Malformed)?;
    let len = opener.open_rtp(&mut packet, &header)?;
    packet.truncate(len);
    Ok(packet)
}

fn bytes(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    let digits = pairs.map(|pair| std::str::from_utf8(pair).expect("hex"));
    digits
        .map(|pair| u8::from_str_radix(pair, 16).expect("hex"))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("room");
        text
    })
}
