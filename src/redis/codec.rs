use serde::Serialize;
use serde::de::DeserializeOwned;

/// How keys and values of a [`RedisTier`](super::RedisTier) become bytes, and bytes values again.
///
/// What cannot be encoded is answered and kept in the process only; what cannot be decoded, because an older or newer
/// program wrote it, counts as nothing and is deleted. Neither is an error of a call.
///
/// # Examples
///
/// A codec of your own:
///
/// ```
/// use seawall::redis::Codec;
///
/// struct Utf8;
///
/// impl Codec<String> for Utf8 {
///     fn encode(&self, text: &String) -> Option<Vec<u8>> {
///         Some(text.clone().into_bytes())
///     }
///
///     fn decode(&self, bytes: &[u8]) -> Option<String> {
///         String::from_utf8(bytes.to_vec()).ok()
///     }
/// }
/// ```
pub trait Codec<T>: Send + Sync {
    /// The same bytes for the same value in each process; `None` if there are none.
    fn encode(&self, value: &T) -> Option<Vec<u8>>;

    /// The value that was encoded, if that is what these bytes are.
    fn decode(&self, bytes: &[u8]) -> Option<T>;
}

/// Everything that serde can write as JSON: the default, because anything can read it.
///
/// ```
/// use seawall::redis::{Codec, Json};
/// let bytes = Json.encode(&vec![1, 2]).unwrap();
/// assert_eq!(bytes, b"[1,2]");
/// assert_eq!(Json.decode(&bytes), Some(vec![1, 2]));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    fn encode(&self, value: &T) -> Option<Vec<u8>> {
        serde_json::to_vec(value).ok()
    }

    fn decode(&self, bytes: &[u8]) -> Option<T> {
        serde_json::from_slice(bytes).ok()
    }
}
