//! The functions a path may end with.

use std::borrow::Cow;

use fastcond_json::{ArrayWriter, Kind, Number, as_f64, elements, kind, members};

/// A function at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    /// `length()` and `size()`: elements of a list, members of an object.
    Length,
    /// Sum of the numbers of a list, a double.
    Sum,
    /// Smallest number of a list, a double.
    Min,
    /// Largest number of a list, a double.
    Max,
    /// Mean of the numbers of a list, a double.
    Avg,
    /// First element of a list.
    First,
    /// Last element of a list.
    Last,
    /// Keys of an object.
    Keys,
}

impl Function {
    /// Finds a function by the name used in paths.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "length" | "size" => Self::Length,
            "sum" => Self::Sum,
            "min" => Self::Min,
            "max" => Self::Max,
            "avg" => Self::Avg,
            "first" => Self::First,
            "last" => Self::Last,
            "keys" => Self::Keys,
            _ => return None,
        })
    }

    /// Applies to a node; none where the function has no meaning.
    pub(super) fn apply(self, node: &str) -> Option<Cow<'_, str>> {
        match (self, kind(node)) {
            (Self::Length, Kind::Array) => Some(elements(node).count().to_string().into()),
            (Self::Length, Kind::Object) => Some(members(node).count().to_string().into()),
            (Self::First, Kind::Array) => elements(node).next().map(Cow::Borrowed),
            (Self::Last, Kind::Array) => elements(node).last().map(Cow::Borrowed),
            (Self::Keys, Kind::Object) => {
                let mut out = String::new();
                let mut list = ArrayWriter::begin(&mut out);
                for (key, _) in members(node) {
                    list.raw(key.quoted());
                }
                list.end();
                Some(out.into())
            }
            (Self::Sum | Self::Min | Self::Max | Self::Avg, Kind::Array) => {
                self.aggregate(node).map(Cow::Owned)
            }
            _ => None,
        }
    }

    fn aggregate(self, list: &str) -> Option<String> {
        let mut count = 0.0;
        let (mut sum, mut min, mut max) = (0.0, f64::INFINITY, f64::NEG_INFINITY);
        for number in elements(list).filter_map(as_f64) {
            count += 1.0;
            sum += number;
            min = f64::min(min, number);
            max = f64::max(max, number);
        }
        let result = match self {
            _ if count == 0.0 => return None,
            Self::Min => min,
            Self::Max => max,
            Self::Avg => sum / count,
            Self::Sum | Self::Length | Self::First | Self::Last | Self::Keys => sum,
        };
        Number::from_f64(result).map(|number| number.to_string())
    }
}
