use super::said::{Said, Scalar};
use crate::human;
use crate::rate_limit::Quota;
use crate::ratio::Ratio;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// A duration as text: a decimal number and its unit, `ns`, `us`, `ms`, `s`, `min`, `h` or `d`.
///
/// # Examples
///
/// ```
/// use seawall::config::Span;
/// use std::time::Duration;
///
/// let span: Span = serde_json::from_str(r#""1.5s""#)?;
/// assert_eq!(span.0, Duration::from_millis(1500));
/// assert_eq!(serde_json::to_string(&span)?, r#""1.5s""#);
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A part of a whole, up to all of it, as text: `"50%"`, `"12.5%"` or `"1/3"`.
///
/// # Examples
///
/// ```
/// use seawall::{Ratio, config::Share};
/// let share: Share = serde_json::from_str(r#""50%""#)?;
/// assert_eq!(share.0, Ratio::percent(50));
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(pub Ratio);

/// A whole number, at least 1.
///
/// # Examples
///
/// ```
/// use seawall::config::Count;
/// assert_eq!(serde_json::from_str::<Count>("3")?.0.get(), 3);
/// assert!(serde_json::from_str::<Count>("0").is_err());
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub NonZeroU32);

/// How many times as much, from 1 to 65, to a thousandth.
///
/// # Examples
///
/// ```
/// use seawall::config::Times;
/// assert_eq!(serde_json::from_str::<Times>("1.5")?.as_f64(), 1.5);
/// assert!(serde_json::from_str::<Times>("0.5").is_err());
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Times(u32);

const THOUSAND: NonZeroU32 = NonZeroU32::new(1000).expect("a thousand is not zero");

impl Times {
    /// As a number.
    ///
    /// ```
    /// # use seawall::config::Times;
    /// assert_eq!(serde_json::from_str::<Times>("2").unwrap().as_f64(), 2.0);
    /// ```
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 1000.0
    }

    pub(super) const fn ratio(self) -> Ratio {
        Ratio::of(self.0, THOUSAND)
    }
}

impl Scalar for Span {
    const MAY_BE: &'static str = r#"a duration up to 584 years, as "250ms", "1.5s" or "2min""#;

    fn read(said: &Said) -> Option<Self> {
        let Said::Text(text) = said else { return None };
        let text = text.trim();
        (text.starts_with(|c: char| c.is_ascii_digit())).then(|| human::duration(text).map(Self)).flatten()
    }
}

impl Scalar for Share {
    const MAY_BE: &'static str = r#"a share up to the whole, as "50%" or "1/3""#;

    fn read(said: &Said) -> Option<Self> {
        Ratio::read(said).filter(|ratio| *ratio <= Ratio::ONE).map(Self)
    }
}

impl Scalar for Ratio {
    const MAY_BE: &'static str = r#"a ratio, as "50%", "12.5%" or "1/3""#;

    fn read(said: &Said) -> Option<Self> {
        let Said::Text(text) = said else { return None };
        if let Some((parts, whole)) = text.split_once('/') {
            return Some(Self::of(digits(parts)?, NonZeroU32::new(digits(whole)?)?));
        }
        let percent = text.strip_suffix('%')?.trim_end();
        let (whole, fraction) = percent.split_once('.').unwrap_or((percent, "0"));
        // Five decimals: as many as fit beside a hundred.
        let decimals = u32::try_from(fraction.len()).ok().filter(|&decimals| decimals <= 5)?;
        let parts = 10_u32.pow(decimals);
        let numerator = digits(whole)?.checked_mul(parts)?.checked_add(digits(fraction)?)?;
        Some(Self::of(numerator, NonZeroU32::new(100 * parts)?))
    }
}

impl Scalar for Count {
    const MAY_BE: &'static str = "a whole number from 1 to 4294967295";

    fn read(said: &Said) -> Option<Self> {
        u32::read(said).and_then(NonZeroU32::new).map(Self)
    }
}

impl Scalar for Times {
    const MAY_BE: &'static str = "a number from 1 to 65, to a thousandth";

    fn read(said: &Said) -> Option<Self> {
        let number = f64::read(said)?;
        let thousandths = (number * 1000.0).round();
        let exact = number.mul_add(1000.0, -thousandths).abs() < 1e-6;
        (exact && (1_000.0..=65_000.0).contains(&thousandths)).then_some(Self(thousandths as u32))
    }
}

impl Scalar for Quota {
    const MAY_BE: &'static str = r#"a quota, as "100/s", "100/s burst 20", "unlimited" or "deny all""#;

    fn read(said: &Said) -> Option<Self> {
        if let Said::Text(text) = said { text.parse().ok() } else { None }
    }
}

impl Scalar for u32 {
    const MAY_BE: &'static str = "a whole number from 0 to 4294967295";

    fn read(said: &Said) -> Option<Self> {
        if let Said::Whole(number) = *said { number.try_into().ok() } else { None }
    }
}

impl Scalar for f64 {
    const MAY_BE: &'static str = "a number";

    fn read(said: &Said) -> Option<Self> {
        match *said {
            Said::Whole(number) => u32::try_from(number).ok().map(Self::from),
            Said::Real(number) => Some(number).filter(|number| number.is_finite()),
            _ => None,
        }
    }
}

impl Scalar for bool {
    const MAY_BE: &'static str = "true or false";

    fn read(said: &Said) -> Option<Self> {
        if let Said::Flag(flag) = *said { Some(flag) } else { None }
    }
}

impl Scalar for String {
    const MAY_BE: &'static str = "text that is not empty";

    fn read(said: &Said) -> Option<Self> {
        if let Said::Text(text) = said { Some(text.clone()).filter(|text| !text.is_empty()) } else { None }
    }
}

/// Digits alone: no sign, as `str::parse` would take.
pub(super) fn digits(text: &str) -> Option<u32> {
    let text = text.trim();
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0.get())
    }
}

impl Serialize for Times {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}

macro_rules! as_text {
    ($($text:ty),+) => {$(
        impl Serialize for $text {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )+};
}
as_text!(Span, Share, Ratio, Quota);

/// A value that stands alone, in a document of somebody else's, is named by what it is.
macro_rules! alone {
    ($($value:ty: $what:literal,)+) => {$(
        impl<'de> Deserialize<'de> for $value {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Said::deserialize(deserializer)?.value($what).map_err(D::Error::custom)
            }
        }
    )+};
}
alone!(Span: "duration", Share: "share", Ratio: "ratio", Quota: "quota", Count: "count", Times: "times",);

/// An enum of words of which one is said.
macro_rules! words {
    ($(#[$meta:meta])* $words:ident: $may_be:literal { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $words {
            $($(#[$doc])* $variant,)+
        }

        impl $crate::config::said::Scalar for $words {
            const MAY_BE: &'static str = $may_be;

            fn read(said: &$crate::config::said::Said) -> Option<Self> {
                let $crate::config::said::Said::Text(text) = said else { return None };
                match text.as_str() {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl serde::Serialize for $words {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(match self {
                    $(Self::$variant => $word,)+
                })
            }
        }
    };
}
pub(super) use words;
