//! What fuzzing has found before: every input of the kept corpus, again.

use std::{fs, path::Path};

/// Puts a target to all that is kept for it.
fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name);
    let inputs: Vec<_> = fs::read_dir(&folder).expect("it is kept").collect();
    assert!(!inputs.is_empty(), "{folder:?} is empty");
    for input in inputs {
        let path = input.expect("it can be listed").path();
        println!("{path:?}"); // which one it was, if it fails
        target(&fs::read(&path).expect("it can be read"));
    }
}

macro_rules! targets {
    ($($name:ident),*) => {$(
        #[test]
        fn $name() {
            replay(stringify!($name), sfu_fuzz::$name);
        }
    )*};
}

targets!(rtp, rtcp, stun, framing, srtp, codecs, forwarder);
