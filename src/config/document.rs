use super::said::{BadValue, Said, Scalar};
use serde::de::{Error, MapAccess};

/// What one field of a document holds.
pub(super) trait Field<'de>: Sized {
    fn next<A: MapAccess<'de>>(field: &'static str, table: &mut A) -> Result<Self, A::Error>;
}

impl<'de, T: Scalar> Field<'de> for T {
    fn next<A: MapAccess<'de>>(field: &'static str, table: &mut A) -> Result<Self, A::Error> {
        table.next_value::<Said>()?.value(field).map_err(A::Error::custom)
    }
}

/// What of a document must fit together.
pub(super) trait Checked {
    fn check(&self) -> Result<(), BadValue> {
        Ok(())
    }
}

/// A struct of optional fields that reads and writes itself, names the field of a bad value, and takes no unknown one.
macro_rules! document {
    ($(#[$meta:meta])* $document:ident { $($(#[$doc:meta])* $field:ident: $value:ty,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
        #[non_exhaustive]
        pub struct $document {
            $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$value>,)+
        }

        impl<'de> serde::Deserialize<'de> for $document {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                const FIELDS: &[&str] = &[$(stringify!($field)),+];
                struct Fields;
                impl<'de> serde::de::Visitor<'de> for Fields {
                    type Value = $document;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(f, "a table of {}", FIELDS.join(", "))
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut table: A) -> Result<$document, A::Error> {
                        use serde::de::Error;
                        let mut document = $document::default();
                        while let Some(field) = table.next_key::<String>()? {
                            match field.as_str() {
                                $(stringify!($field) if document.$field.is_some() => {
                                    return Err(A::Error::duplicate_field(stringify!($field)));
                                })+
                                $(stringify!($field) => {
                                    document.$field =
                                        Some($crate::config::document::Field::next(stringify!($field), &mut table)?);
                                })+
                                unknown => return Err(A::Error::unknown_field(unknown, FIELDS)),
                            }
                        }
                        $crate::config::document::Checked::check(&document).map_err(A::Error::custom)?;
                        Ok(document)
                    }
                }
                deserializer.deserialize_map(Fields)
            }
        }

        impl<'de> $crate::config::document::Field<'de> for $document {
            fn next<A: serde::de::MapAccess<'de>>(_: &'static str, table: &mut A) -> Result<Self, A::Error> {
                table.next_value()
            }
        }
    };
}

/// Reads a config by its document.
macro_rules! read_by {
    ($($config:ty: $document:ident,)+) => {$(
        impl<'de> serde::Deserialize<'de> for $config {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $document::deserialize(deserializer).map(|document| document.config())
            }
        }
    )+};
}

pub(super) use {document, read_by};
