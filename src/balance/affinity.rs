use super::id::Id;
use std::fmt;
use std::str::FromStr;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What a client carries, in a cookie or a header, to come back to the same endpoint: 16 hexadecimal digits that
/// say nothing of its address.
///
/// It only prefers a member of the pool and grants nothing, so it needs no signature. Equal ids have equal tokens
/// in every process; who must not be able to try out addresses gives the pool a
/// [`token_seed`](super::Config::token_seed).
///
/// # Examples
///
/// ```
/// use seawall::balance::{Ask, Endpoint, Pool, RoundRobin, Token};
///
/// let pool = Pool::new("api", RoundRobin::new());
/// pool.set(["10.0.0.1:80", "10.0.0.2:80"].map(|id| Endpoint::new(id, ())));
///
/// // The first answer carries it, and later requests bring it back.
/// let first = pool.pick().unwrap();
/// let cookie = first.token().to_string();
/// let token: Token = cookie.parse().unwrap();
/// assert!((0..9).all(|_| pool.pick_for(Ask::new().sticky(token)).unwrap().id() == first.id()));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias = "session affinity")]
#[doc(alias = "cookie")]
pub struct Token(pub(super) u64);

impl Token {
    /// The token of the endpoint of this id: the `xxh3_64` of its bytes.
    ///
    /// ```
    /// use seawall::balance::{Id, Token};
    /// assert_eq!(Token::of(&Id::from("10.0.0.1:80")).to_string(), "0bdac9db975d9f08");
    /// ```
    #[must_use]
    pub fn of(id: &Id) -> Self {
        Self::seeded(id, 0)
    }

    /// The token of this endpoint in a pool with that [`token_seed`](super::Config::token_seed).
    ///
    /// ```
    /// use seawall::balance::{Id, Token};
    /// let id = Id::from("10.0.0.1:80");
    /// assert_eq!(Token::seeded(&id, 0), Token::of(&id));
    /// ```
    #[must_use]
    pub fn seeded(id: &Id, seed: u64) -> Self {
        Self(xxh3_64_with_seed(id.as_str().as_bytes(), seed))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({self})")
    }
}

/// It was not 16 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token is 16 lower-case hexadecimal digits")]
#[non_exhaustive]
pub struct NoToken;

impl FromStr for Token {
    type Err = NoToken;

    fn from_str(text: &str) -> Result<Self, NoToken> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match u64::from_str_radix(text, 16) {
            Ok(token) if digits && text.len() == 16 => Ok(Self(token)),
            _ => Err(NoToken),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let token = Token::of(&Id::from("10.0.0.1:80"));
        assert_eq!(token.to_string().parse(), Ok(token));
        assert_eq!("0000000000000007".parse(), Ok(Token(7)));
        for text in ["", "7", "0BDAC9DB975D9F08", "+bdac9db975d9f08", "0bdac9db975d9f080", "0bdac9db975d9fö"]
        {
            assert_eq!(text.parse::<Token>(), Err(NoToken), "{text}");
        }
    }
}
