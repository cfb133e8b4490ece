//! What stands before a value in the store: when it was loaded, for how long it is good, and what it carries.
//!
//! ```text
//!   "sw" version flags │ stamp u32 │ life u64 ms │ number of tags u16 │ (length u16, tag)… │ payload
//! ```
//!
//! Numbers are big-endian. A version of another program is not decoded: it counts as nothing.

use std::time::Duration;

const MAGIC: [u8; 4] = [b's', b'w', 1, 0];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// How many tags had been invalidated when its load began.
    pub(super) stamp: u32,
    pub(super) life: Duration,
    pub(super) tags: Vec<String>,
    pub(super) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// `None` if a tag is too long, or there are too many.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(18 + self.payload.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&self.stamp.to_be_bytes());
        let life = u64::try_from(self.life.as_millis()).unwrap_or(u64::MAX);
        bytes.extend_from_slice(&life.to_be_bytes());
        bytes.extend_from_slice(&u16::try_from(self.tags.len()).ok()?.to_be_bytes());
        for tag in &self.tags {
            bytes.extend_from_slice(&u16::try_from(tag.len()).ok()?.to_be_bytes());
            bytes.extend_from_slice(tag.as_bytes());
        }
        bytes.extend_from_slice(self.payload);
        Some(bytes)
    }

    pub(super) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<4>()?;
        let (stamp, rest) = rest.split_first_chunk::<4>()?;
        let (life, rest) = rest.split_first_chunk::<8>()?;
        let (count, mut rest) = rest.split_first_chunk::<2>()?;
        if *magic != MAGIC {
            return None;
        }
        let mut tags = Vec::new();
        for _ in 0..u16::from_be_bytes(*count) {
            let (length, after) = rest.split_first_chunk::<2>()?;
            let (tag, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            tags.push(String::from_utf8(tag.to_vec()).ok()?);
            rest = after;
        }
        let life = Duration::from_millis(u64::from_be_bytes(*life));
        Some(Self { stamp: u32::from_be_bytes(*stamp), life, tags, payload: rest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(payload: &[u8]) -> Frame<'_> {
        let tags = vec!["home".to_owned(), String::new(), "ä".to_owned()];
        Frame { stamp: 7, life: Duration::from_millis(1500), tags, payload }
    }

    #[test]
    fn what_was_written_is_read() {
        let frame = frame(b"value");
        assert_eq!(Frame::decode(&frame.encode().unwrap()), Some(frame));
    }

    #[test]
    fn nothing_else_is_read() {
        let bytes = frame(b"").encode().unwrap();
        for cut in 0..bytes.len() {
            assert_eq!(Frame::decode(&bytes[..cut]), None, "cut after {cut}");
        }
        for byte in 0..4 {
            let mut other = bytes.clone();
            other[byte] ^= 1;
            assert_eq!(Frame::decode(&other), None, "another byte {byte}");
        }
    }
}
