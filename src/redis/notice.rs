//! What one process tells the others of a fence: never a value.
//!
//! ```text
//!   version, node u64 │ kind │ key or tag
//! ```

use super::codec::Codec;
use crate::cache::Fence;

const VERSION: u8 = 1;

pub(super) fn encode<K>(node: u64, fence: &Fence<K>, codec: &dyn Codec<K>) -> Vec<u8> {
    let (kind, what) = match fence {
        Fence::Key(key) => (b'k', codec.encode(key)),
        Fence::Old(key) => (b'o', codec.encode(key)),
        Fence::Tag(tag) => (b't', Some(tag.clone().into_bytes())),
        Fence::OldTag(tag) => (b'u', Some(tag.clone().into_bytes())),
        Fence::All => (b'a', Some(Vec::new())),
    };
    // A key without bytes is in no store, but it may be in a process.
    let (kind, what) = what.map_or((b'a', Vec::new()), |what| (kind, what));
    let mut notice = vec![VERSION];
    notice.extend_from_slice(&node.to_be_bytes());
    notice.push(kind);
    notice.extend_from_slice(&what);
    notice
}

/// `None` for one's own. What is not understood is taken for everything: too much is never wrong.
pub(super) fn decode<K>(node: u64, notice: &[u8], codec: &dyn Codec<K>) -> Option<Fence<K>> {
    let Some((&[VERSION, ref from @ ..], rest)) = notice.split_first_chunk::<9>() else {
        return Some(Fence::All);
    };
    if *from == node.to_be_bytes() {
        return None;
    }
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let fence = match rest.split_first() {
        Some((b'k', key)) => codec.decode(key).map(Fence::Key),
        Some((b'o', key)) => codec.decode(key).map(Fence::Old),
        Some((b't', tag)) => text(tag).map(Fence::Tag),
        Some((b'u', tag)) => text(tag).map(Fence::OldTag),
        _ => None,
    };
    Some(fence.unwrap_or(Fence::All))
}

#[cfg(test)]
mod tests {
    use super::super::codec::Json;
    use super::*;

    #[test]
    fn notices_are_heard_by_the_others() {
        let fences: [Fence<u32>; 5] = [
            Fence::Key(7),
            Fence::Old(8),
            Fence::Tag("home".into()),
            Fence::OldTag("home".into()),
            Fence::All,
        ];
        for fence in fences {
            let notice = encode(1, &fence, &Json);
            assert_eq!(decode::<u32>(1, &notice, &Json), None, "its own");
            assert_eq!(decode(2, &notice, &Json), Some(fence));
        }
    }

    #[test]
    fn what_is_not_understood_is_everything() {
        let notice = encode(1, &Fence::Key("text".to_owned()), &Json);
        assert_eq!(decode::<u32>(2, &notice, &Json), Some(Fence::All));
        assert_eq!(decode::<u32>(2, b"", &Json), Some(Fence::All));
        assert_eq!(decode::<u32>(2, b"\x02 another version", &Json), Some(Fence::All));
    }
}
