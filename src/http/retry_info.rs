//! `grpc-status-details-bin`: a `google.rpc.Status` that names the time to come back in a `google.rpc.RetryInfo`.
//!
//! Two messages of the simplest kind, so their bytes are written and read here instead of by a library for all messages.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;

const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const RETRY_INFO: &[u8] = b"type.googleapis.com/google.rpc.RetryInfo";

// Fields by their numbers, all of length-prefixed bytes (type 2) or of numbers (type 0).
const STATUS_CODE: u64 = 1 << 3;
const STATUS_MESSAGE: u64 = 2 << 3 | 2;
const STATUS_DETAILS: u64 = 3 << 3 | 2;
const ANY_TYPE: u64 = 1 << 3 | 2;
const ANY_VALUE: u64 = 2 << 3 | 2;
const DELAY: u64 = 1 << 3 | 2;
const SECONDS: u64 = 1 << 3;
const NANOS: u64 = 2 << 3;

/// Writes the details of a status that is to be tried again after `wait`.
pub(super) fn write(code: u64, message: &str, wait: Duration, headers: &mut HeaderMap) {
    let delay = Message::new().number(SECONDS, wait.as_secs()).number(NANOS, wait.subsec_nanos().into());
    let info = Message::new().bytes(DELAY, &delay.0);
    let any = Message::new().bytes(ANY_TYPE, RETRY_INFO).bytes(ANY_VALUE, &info.0);
    let status = Message::new()
        .number(STATUS_CODE, code)
        .bytes(STATUS_MESSAGE, message.as_bytes())
        .bytes(STATUS_DETAILS, &any.0);
    if let Ok(value) = HeaderValue::try_from(to_base64(&status.0)) {
        headers.insert(DETAILS, value);
    }
}

/// The time that the details of a status name, if they name one.
pub(super) fn read(headers: &HeaderMap) -> Option<Duration> {
    let status = from_base64(headers.get(DETAILS)?.as_bytes())?;
    let details = Fields(&status).filter(|&(field, _)| field == STATUS_DETAILS);
    details.filter_map(|(_, any)| retry_info(any)).next()
}

fn retry_info(any: Value<'_>) -> Option<Duration> {
    let any = any.bytes()?;
    let field = |wanted| Fields(any).find_map(|(field, value)| value.bytes().filter(|_| field == wanted));
    if field(ANY_TYPE)? != RETRY_INFO {
        return None;
    }
    let info = field(ANY_VALUE).unwrap_or_default();
    let delay = Fields(info).find_map(|(field, value)| value.bytes().filter(|_| field == DELAY))?;
    let number = |wanted| {
        let values = Fields(delay).filter_map(|(field, value)| value.number().filter(|_| field == wanted));
        values.last().unwrap_or(0)
    };
    // Negative ones are numbers beyond these.
    let seconds = Some(number(SECONDS)).filter(|&seconds| i64::try_from(seconds).is_ok())?;
    let nanos = u32::try_from(number(NANOS)).ok().filter(|&nanos| nanos < 1_000_000_000)?;
    Some(Duration::new(seconds, nanos))
}

struct Message(Vec<u8>);

impl Message {
    const fn new() -> Self {
        Self(Vec::new())
    }

    fn varint(mut self, mut number: u64) -> Self {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
        self
    }

    /// A number; nought is left out, as everywhere in proto3.
    fn number(self, field: u64, number: u64) -> Self {
        if number == 0 { self } else { self.varint(field).varint(number) }
    }

    fn bytes(self, field: u64, bytes: &[u8]) -> Self {
        let mut message = self.varint(field).varint(bytes.len() as u64);
        message.0.extend_from_slice(bytes);
        message
    }
}

/// The fields of a message; it ends where the bytes make no sense.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [u8]);

#[derive(Clone, Copy)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    const fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Number(_) => None,
        }
    }

    const fn number(self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Bytes(_) => None,
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let field = self.varint()?;
        let value = match field & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Bytes(self.take(8)?),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Bytes(self.take(4)?),
            _ => return None,
        };
        Some((field, value))
    }
}

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Without padding, as gRPC asks of those who write.
fn to_base64(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let word = three.iter().zip([16, 8, 0]).fold(0_u32, |word, (&byte, by)| word | u32::from(byte) << by);
        text.extend(
            [18, 12, 6, 0].iter().take(three.len() + 1).map(|by| ALPHABET[(word >> by & 63) as usize]),
        );
    }
    text
}

/// With padding or without, as gRPC asks of those who read.
fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take(2).take_while(|&&byte| byte == b'=').count();
    let text = &text[..text.len() - padding];
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for four in text.chunks(4) {
        let mut word = 0_u32;
        for (letter, by) in four.iter().zip([18, 12, 6, 0]) {
            word |= (ALPHABET.iter().position(|known| known == letter)? as u32) << by;
        }
        bytes.extend([16, 8, 0].iter().take(four.len() - 1).map(|by| (word >> by) as u8));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(wait: Duration) -> HeaderMap {
        let mut headers = HeaderMap::new();
        write(8, "rate limited", wait, &mut headers);
        headers
    }

    #[test]
    fn the_bytes_are_those_of_the_messages() {
        // protoc's: code 8, the message, one Any of RetryInfo { retry_delay { seconds: 1 nanos: 5 } }.
        let mut bytes = b"\x08\x08\x12\x0crate limited\x1a\x32\x0a\x28".to_vec();
        bytes.extend_from_slice(RETRY_INFO);
        bytes.extend_from_slice(b"\x12\x06\x0a\x04\x08\x01\x10\x05");
        let headers = written(Duration::new(1, 5));
        assert_eq!(from_base64(headers[DETAILS].as_bytes()), Some(bytes));
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(to_base64(bytes.as_bytes()), text.as_bytes());
            assert_eq!(from_base64(text.as_bytes()).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(from_base64(b"Zg==").as_deref(), Some(&b"f"[..]));
        assert_eq!(from_base64(b"Z!"), None);
    }

    #[test]
    fn other_details_are_stepped_over() {
        let other = Message::new().bytes(ANY_TYPE, b"type.googleapis.com/google.rpc.Help");
        let delay = Message::new().bytes(DELAY, &Message::new().number(SECONDS, 7).0);
        let info = Message::new().bytes(ANY_TYPE, RETRY_INFO).bytes(ANY_VALUE, &delay.0);
        let status = Message::new().bytes(STATUS_DETAILS, &other.0).bytes(STATUS_DETAILS, &info.0);
        let mut headers = HeaderMap::new();
        headers.insert(DETAILS, HeaderValue::try_from(to_base64(&status.0)).unwrap());
        assert_eq!(read(&headers), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_negative_delay_names_no_time() {
        let delay = Message::new().bytes(DELAY, &Message::new().number(SECONDS, -1_i64 as u64).0);
        let info = Message::new().bytes(ANY_TYPE, RETRY_INFO).bytes(ANY_VALUE, &delay.0);
        let status = Message::new().bytes(STATUS_DETAILS, &info.0);
        let mut headers = HeaderMap::new();
        headers.insert(DETAILS, HeaderValue::try_from(to_base64(&status.0)).unwrap());
        assert_eq!(read(&headers), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn what_is_written_is_read_back(seconds in 0..i64::MAX as u64, nanos in 0..1_000_000_000_u32) {
            let wait = Duration::new(seconds, nanos);
            prop_assert_eq!(read(&written(wait)), Some(wait));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), at in any::<prop::sample::Index>(), with in any::<u8>()) {
            let mut headers = HeaderMap::new();
            headers.insert(DETAILS, HeaderValue::try_from(to_base64(&bytes)).unwrap());
            let _ = read(&headers);
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                headers.insert(DETAILS, value);
                let _ = read(&headers);
            }
            // Nearly right is where parsers break.
            let mut near = from_base64(written(Duration::new(300, 7))[DETAILS].as_bytes()).unwrap();
            let at = at.index(near.len());
            near[at] = with;
            headers.insert(DETAILS, HeaderValue::try_from(to_base64(&near)).unwrap());
            let _ = read(&headers);
        }
    }
}
