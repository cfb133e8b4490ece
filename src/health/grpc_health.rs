//! `grpc.health.v1`, in the few bytes that a check needs of it.

use super::judge::Finding;

pub(super) const PATH: &str = "/grpc.health.v1.Health/Check";

/// No answer to a check is longer.
pub(super) const LONGEST: usize = 4096;

/// `HealthCheckRequest { service }` as one uncompressed message.
pub(super) fn question(service: &str) -> Vec<u8> {
    let mut message = Vec::with_capacity(service.len() + 6);
    if !service.is_empty() {
        message.push(0x0a);
        let mut length = service.len();
        while length > 0x7f {
            message.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        message.push(length as u8);
        message.extend_from_slice(service.as_bytes());
    }
    let mut framed = vec![0];
    framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    framed.append(&mut message);
    framed
}

/// What the end of the call and the message before it say together.
pub(super) fn finding(code: Option<u32>, framed: &[u8]) -> Finding {
    match code {
        Some(0) => match message(framed).and_then(status) {
            Some(1) => Finding::Pass,
            Some(2) => Finding::NotServing,
            _ => Finding::Fail,
        },
        // gRFC A17: a server without health checks is not ill.
        Some(12) => Finding::Pass,
        _ => Finding::Fail,
    }
}

/// The first message, if it is whole and not compressed.
fn message(framed: &[u8]) -> Option<&[u8]> {
    let (&[0, a, b, c, d], rest) = framed.split_first_chunk()? else {
        return None;
    };
    rest.get(..u32::from_be_bytes([a, b, c, d]) as usize)
}

/// Field 1 of a message, 0 if it is not there; `None` if it is no message.
fn status(mut message: &[u8]) -> Option<u64> {
    let mut status = 0;
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        match (tag >> 3, tag & 7) {
            (1, 0) => status = varint(&mut message)?,
            (_, 0) => drop(varint(&mut message)?),
            (_, 1) => message = message.get(8..)?,
            (_, 2) => {
                let length = varint(&mut message)?;
                message = message.get(usize::try_from(length).ok()?..)?;
            }
            (_, 5) => message = message.get(4..)?,
            _ => return None,
        }
    }
    Some(status)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(message: &[u8]) -> Vec<u8> {
        [&[0, 0, 0, 0, message.len() as u8], message].concat()
    }

    #[test]
    fn a_question_is_framed_and_names_the_service() {
        assert_eq!(question(""), [0, 0, 0, 0, 0]);
        assert_eq!(question("a.B"), [0, 0, 0, 0, 5, 0x0a, 3, b'a', b'.', b'B']);
        let long = "x".repeat(300);
        assert_eq!(question(&long)[..8], [0, 0, 0, 1, 0x2f, 0x0a, 0xac, 0x02]);
    }

    #[test]
    fn serving_passes_and_not_serving_counts_at_once() {
        assert_eq!(finding(Some(0), &framed(&[8, 1])), Finding::Pass);
        assert_eq!(finding(Some(0), &framed(&[8, 2])), Finding::NotServing);
        for unsure in [&[][..], &[8, 0], &[8, 3], &[8], &[8, 0x80]] {
            assert_eq!(finding(Some(0), &framed(unsure)), Finding::Fail, "{unsure:?}");
        }
        // Fields of a later version are passed over.
        assert_eq!(
            finding(Some(0), &framed(&[0x12, 2, 9, 9, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 8, 1])),
            Finding::Pass
        );
    }

    #[test]
    fn a_server_without_health_checks_is_not_ill_and_other_codes_are() {
        assert_eq!(finding(Some(12), &[]), Finding::Pass);
        for code in [None, Some(2), Some(5), Some(14)] {
            assert_eq!(finding(code, &framed(&[8, 1])), Finding::Fail, "{code:?}");
        }
    }

    #[test]
    fn half_or_compressed_answers_fail() {
        assert_eq!(finding(Some(0), &[]), Finding::Fail);
        assert_eq!(finding(Some(0), &[0, 0, 0, 0, 2, 8]), Finding::Fail);
        assert_eq!(finding(Some(0), &[1, 0, 0, 0, 2, 8, 1]), Finding::Fail);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let found = finding(Some(0), &bytes);
            prop_assert!(matches!(found, Finding::Pass | Finding::Fail | Finding::NotServing));
            let message = framed(&bytes);
            let _ = finding(Some(0), &message);
        }
    }
}
