use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// What stands in one place of a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    Text(String),
    Whole(u64),
    Below(i64),
    Real(f64),
    Flag(bool),
    Nothing,
    List,
    Table,
}

/// One value that is said in one place.
pub(super) trait Scalar: Sized {
    /// What may stand there.
    const MAY_BE: &'static str;

    fn read(said: &Said) -> Option<Self>;
}

/// What stands where something else may.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{field}` is {said}; it may be {may_be}")]
pub(super) struct BadValue {
    pub(super) field: &'static str,
    pub(super) said: String,
    pub(super) may_be: &'static str,
}

impl Said {
    pub(super) fn value<T: Scalar>(&self, field: &'static str) -> Result<T, BadValue> {
        T::read(self).ok_or_else(|| BadValue { field, said: self.to_string(), may_be: T::MAY_BE })
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Whole(number) => number.fmt(f),
            Self::Below(number) => number.fmt(f),
            Self::Real(number) => write!(f, "{number:?}"),
            Self::Flag(flag) => flag.fmt(f),
            Self::Nothing => f.write_str("nothing"),
            Self::List => f.write_str("a list"),
            Self::Table => f.write_str("a table"),
        }
    }
}

impl<'de> Deserialize<'de> for Said {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Said;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Said, E> {
        Ok(Said::Text(text.to_owned()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Said, E> {
        Ok(Said::Whole(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Said, E> {
        Ok(u64::try_from(number).map_or(Said::Below(number), Said::Whole))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Said, E> {
        Ok(Said::Real(number))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Said, E> {
        Ok(Said::Flag(flag))
    }

    fn visit_unit<E: Error>(self) -> Result<Said, E> {
        Ok(Said::Nothing)
    }

    fn visit_none<E: Error>(self) -> Result<Said, E> {
        Ok(Said::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Said, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Said, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Said::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Said, A::Error> {
        while table.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Said::Table)
    }
}
