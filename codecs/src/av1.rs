//! AV1 (RTP Payload Format For AV1 §4.4): the aggregation header only; frames are opaque.

use crate::{Malformed, Payload};

pub(crate) fn parse(payload: &[u8]) -> Result<Payload, Malformed> {
    let [header, _, ..] = payload else {
        return Err(Malformed("AV1 payload empty"));
    };
    let continues = header & 0x80 != 0;
    let new_sequence = header & 0x08 != 0;
    if continues && new_sequence {
        // §4.4: a coded video sequence does not begin in the middle of an OBU.
        return Err(Malformed("AV1 sequence beginning inside a unit"));
    }
    Ok(Payload {
        keyframe: new_sequence,
        frame_start: !continues,
        ..Payload::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_sequence_is_a_keyframe() {
        assert!(parse(&[0x18, 1]).expect("valid").keyframe);
        assert!(!parse(&[0x10, 1]).expect("valid").keyframe);
        assert!(!parse(&[0x90, 1]).expect("valid").frame_start);
        assert!(parse(&[0x88, 1]).is_err());
        assert!(parse(&[0x18]).is_err());
    }
}
