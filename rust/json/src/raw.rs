//! Checked JSON text that is cheap to share.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use crate::check::check;
use crate::error::JsonError;
use crate::limits::Limits;
use crate::read::{Kind, kind};
use crate::value::Value;

static NULL: LazyLock<Raw> = LazyLock::new(|| Raw("null".into()));
static EMPTY_OBJECT: LazyLock<Raw> = LazyLock::new(|| Raw("{}".into()));

/// Checked JSON text: what a payload is between the socket and the disk.
///
/// A `Raw` exists only for text that [`crate::check`] accepted or that was composed out of such parts. Cloning
/// shares the bytes. Equality is by text: `1` and `1.0` differ, and so do two spellings of the same object.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Raw(Arc<str>);

impl Raw {
    /// Checks `bytes` and keeps their text.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, JsonError> {
        check(bytes, limits).map(|text| Self(text.into()))
    }

    /// Keeps text that is known to be one JSON value: checked before, or composed out of checked parts.
    ///
    /// The caller's word is taken in release builds; debug builds verify it.
    pub fn of_checked(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        #[cfg(debug_assertions)]
        {
            // Depth is the caller's to bound: composed text may be a little deeper than what came in.
            let verdict = check(text.as_bytes(), &Limits::COMPOSED);
            let sound = match &verdict {
                Ok(checked) => checked.len() == text.len(),
                Err(error) => error.kind == crate::JsonErrorKind::TooDeep,
            };
            assert!(sound, "not one JSON value: {verdict:?}");
        }
        Self(text)
    }

    /// The text `null`, shared.
    pub fn null() -> Self {
        NULL.clone()
    }

    /// The text `{}`, shared.
    pub fn empty_object() -> Self {
        EMPTY_OBJECT.clone()
    }

    /// The JSON text of a string.
    pub fn string(text: &str) -> Self {
        let mut out = String::with_capacity(text.len() + 2);
        crate::push_string(&mut out, text);
        Self(out.into())
    }

    /// The JSON text.
    pub fn as_text(&self) -> &str {
        &self.0
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        &*self.0 == "null"
    }

    /// What the text is.
    pub fn kind(&self) -> Kind {
        kind(&self.0)
    }

    /// Builds the tree; refuses only nesting beyond [`crate::DEPTH_CEILING`].
    pub fn to_value(&self) -> Result<Value, JsonError> {
        Value::of_checked(&self.0)
    }
}

impl Deref for Raw {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Raw {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Default for Raw {
    fn default() -> Self {
        Self::null()
    }
}

impl From<&Value> for Raw {
    fn from(value: &Value) -> Self {
        value.to_raw()
    }
}

impl From<i64> for Raw {
    fn from(number: i64) -> Self {
        Self(itoa::Buffer::new().format(number).into())
    }
}

impl From<bool> for Raw {
    fn from(value: bool) -> Self {
        Self(if value { "true" } else { "false" }.into())
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(feature = "serde")]
mod as_field {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde::{de::Error as _, ser::Error as _};
    use serde_json::value::RawValue;

    use super::{Limits, Raw};

    impl Serialize for Raw {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let raw: &RawValue = serde_json::from_str(&self.0).map_err(S::Error::custom)?;
            raw.serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for Raw {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let raw = <Box<RawValue>>::deserialize(deserializer)?;
            // The depth of a stored record may exceed the door's: it was composed from what came through it.
            Self::parse(raw.get().as_bytes(), &Limits::COMPOSED).map_err(D::Error::custom)
        }
    }
}
