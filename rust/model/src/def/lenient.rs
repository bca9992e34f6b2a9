//! Scalar coercion on input (data-model section 1): text and fractions become integers, null becomes zero or false.

use fastcond_json::{Kind, Raw};
use indexmap::IndexMap;
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use std::fmt;

struct Integer;

impl Visitor<'_> for Integer {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer, or text of one")
    }

    fn visit_i64<E: Error>(self, v: i64) -> Result<Self::Value, E> {
        Ok(Some(v))
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<Self::Value, E> {
        i64::try_from(v).map(Some).map_err(|_| E::invalid_value(Unexpected::Unsigned(v), &self))
    }

    #[expect(clippy::cast_possible_truncation, reason = "2.7 is read as 2 by contract; the range is checked")]
    fn visit_f64<E: Error>(self, v: f64) -> Result<Self::Value, E> {
        if v.is_finite() && v.abs() < 9.2e18 {
            Ok(Some(v as i64))
        } else {
            Err(E::invalid_value(Unexpected::Float(v), &self))
        }
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<Self::Value, E> {
        let v = v.trim();
        if v.is_empty() {
            return Ok(None);
        }
        v.parse().map(Some).map_err(|_| E::invalid_value(Unexpected::Str(v), &self))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// An integer of any width; null, absent and empty text are none; out of range is an error.
pub fn optional_number<'de, D: Deserializer<'de>, T: TryFrom<i64>>(from: D) -> Result<Option<T>, D::Error> {
    match from.deserialize_any(Integer)? {
        None => Ok(None),
        Some(wide) => T::try_from(wide)
            .map(Some)
            .map_err(|_| D::Error::invalid_value(Unexpected::Signed(wide), &"an integer in range")),
    }
}

/// An integer whose null is zero.
pub fn number<'de, D: Deserializer<'de>, T: TryFrom<i64> + Default>(from: D) -> Result<T, D::Error> {
    Ok(optional_number(from)?.unwrap_or_default())
}

/// An integer of seconds, counts or milliseconds as `i64`; null is zero.
pub fn count<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    number(from)
}

struct Flag;

impl Visitor<'_> for Flag {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a boolean, or text of one")
    }

    fn visit_bool<E: Error>(self, v: bool) -> Result<bool, E> {
        Ok(v)
    }

    fn visit_i64<E: Error>(self, v: i64) -> Result<bool, E> {
        Ok(v != 0)
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<bool, E> {
        Ok(v != 0)
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<bool, E> {
        match v.trim() {
            "true" | "True" | "TRUE" => Ok(true),
            "false" | "False" | "FALSE" | "" => Ok(false),
            other => Err(E::invalid_value(Unexpected::Str(other), &self)),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_none<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }
}

/// A boolean whose null is false.
pub fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    from.deserialize_any(Flag)
}

/// A free-form JSON object; null is an empty one, anything else is an error.
pub fn object<'de, D: Deserializer<'de>>(from: D) -> Result<Raw, D::Error> {
    let raw: Option<Raw> = serde::Deserialize::deserialize(from)?;
    match raw {
        None => Ok(Raw::empty_object()),
        Some(raw) => match raw.kind() {
            Kind::Object => Ok(raw),
            Kind::Null => Ok(Raw::empty_object()),
            _ => Err(D::Error::custom("expected a JSON object")),
        },
    }
}

/// A list whose null is empty.
pub fn list<'de, D: Deserializer<'de>, T: serde::Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    let list: Option<Vec<T>> = serde::Deserialize::deserialize(from)?;
    Ok(list.unwrap_or_default())
}

/// A map from text to text; numbers and booleans become text, null is an empty map, null values are dropped.
pub fn text_map<'de, D: Deserializer<'de>>(from: D) -> Result<IndexMap<String, String>, D::Error> {
    let map: Option<IndexMap<String, serde_json::Value>> = serde::Deserialize::deserialize(from)?;
    let mut out = IndexMap::new();
    for (key, value) in map.unwrap_or_default() {
        match value {
            serde_json::Value::Null => {}
            serde_json::Value::String(s) => {
                out.insert(key, s);
            }
            serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
                out.insert(key, value.to_string());
            }
            _ => return Err(D::Error::custom(format!("the value of `{key}` must be text"))),
        }
    }
    Ok(out)
}

/// An enum by exact name or ordinal; null is none.
macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            const ALL: &'static [(Self, &'static str)] = &[$((Self::$variant, $text),)*];

            /// The word on the wire.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.text())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Word;
                impl serde::de::Visitor<'_> for Word {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("one of")?;
                        for (_, text) in $name::ALL { write!(f, " {text}")?; }
                        Ok(())
                    }
                    fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<$name, E> {
                        $name::ALL.iter().find(|(_, t)| *t == v).map(|(s, _)| *s)
                            .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(v), &self))
                    }
                    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<$name, E> {
                        usize::try_from(v).ok().and_then(|at| $name::ALL.get(at)).map(|(s, _)| *s)
                            .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Unsigned(v), &self))
                    }
                }
                from.deserialize_any(Word)
            }
        }
    };
}
pub(crate) use wire_enum;
