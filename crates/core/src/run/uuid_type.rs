//! What identifiers that are UUIDs have in common.

/// Implements the conversions of a type that wraps the bytes of a UUID: as a number, and as text with hyphens. `$what` is how
/// errors call it.
macro_rules! uuid_type {
    ($name:ident, $what:literal) => {
        impl $name {
            /// Returns the identifier as a number, which orders as the identifiers do.
            pub const fn as_u128(self) -> u128 {
                u128::from_be_bytes(self.0)
            }

            /// Returns the identifier with this number.
            pub const fn from_u128(number: u128) -> Self {
                Self(number.to_be_bytes())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&uuid::Uuid::from_bytes(self.0), f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::Error;

            fn from_str(text: &str) -> Result<Self, $crate::Error> {
                let uuid = uuid::Uuid::try_parse(text).map_err(|error| {
                    let message = format!(concat!("`{}` is not ", $what), text);
                    $crate::Error::new($crate::ErrorKind::Other, message).with_source(error)
                })?;
                Ok(Self(uuid.into_bytes()))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::Error;

            fn try_from(text: String) -> Result<Self, $crate::Error> {
                text.parse()
            }
        }
    };
}
pub(super) use uuid_type;
