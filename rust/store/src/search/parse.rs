//! The query grammar of the search endpoints, from text to data.
//!
//! One grammar accepts what every index of the contract accepts (B-15.1, B-15.2, rest-api 10.1):
//!
//! ```text
//! any   := all (OR all)*                       AND binds tighter than OR
//! all   := term (AND term)*
//! term  := "(" any ")" | field operator value
//! operator value
//!       := (= | == | != | < | <= | > | >=) value
//!        | IN (value, ...) | BETWEEN value AND value | IS [NOT] NULL | STARTS_WITH value
//! value := 'quoted' | "quoted" | unquoted      a backslash in quotes makes the next character literal
//! ```
//!
//! Keywords come in either case. An unquoted value ends at AND, OR, a closing parenthesis or the end, so it may contain
//! spaces. A `*` that is not escaped matches anything, in `=` and `!=`. Everything a client can send is bounded.

use std::fmt;

use super::date::parse_iso;
use super::words;
use super::{Comparison, Condition, Field, FieldKind, FreeText, Operand, Order, Over};

/// The longest query or sort text.
pub const QUERY_BYTES_MAX: usize = 256 << 10;
/// The longest free text, and the longest value with wildcards.
pub const PATTERN_BYTES_MAX: usize = 4096;
/// How deep parentheses may nest.
pub const DEPTH_MAX: usize = 32;
/// How many conditions a query may have.
pub const CONDITIONS_MAX: usize = 256;
/// How many values a query may have, lists included.
pub const VALUES_MAX: usize = 10_000;
/// How many wildcards a pattern may have; matching costs grow steeply with them.
pub const WILDCARDS_MAX: usize = 5;

/// Why a query is refused: the caller's mistake, with the place of it (B-15.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    /// The byte of the text, counted from 0, at which the mistake stands.
    pub position: usize,
    /// The mistake.
    pub mistake: Mistake,
}

/// What is wrong with a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// There is no such field (B-16.1).
    UnknownField(String),
    /// Something else should stand here.
    Expected(&'static str),
    /// The field does not take this value.
    BadValue {
        /// The field.
        field: Field,
        /// The value, shortened.
        value: String,
        /// What it takes.
        takes: &'static str,
    },
    /// A quote is not closed.
    OpenQuote,
    /// The query is larger than a bound.
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The bound.
        max: usize,
    },
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.mistake {
            Mistake::UnknownField(name) => write!(f, "unknown field '{name}'")?,
            Mistake::Expected(what) => write!(f, "expected {what}")?,
            Mistake::BadValue { field, value, takes } => {
                write!(f, "field '{}' takes {takes}, not '{value}'", field.name())?;
            }
            Mistake::OpenQuote => f.write_str("a quote is not closed")?,
            Mistake::TooMany { what, max } => write!(f, "more than {max} {what}")?,
        }
        write!(f, " at position {}", self.position)
    }
}

impl std::error::Error for QueryError {}

/// Reads the `query` parameter; empty, blank or `*` is no filter.
pub fn filter(query: &str, over: Over) -> Result<Option<Condition>, QueryError> {
    let at_most = |max| TooLong { what: "bytes in the query", max };
    at_most(QUERY_BYTES_MAX).check(query)?;
    if matches!(query.trim(), "" | "*") {
        return Ok(None);
    }
    let mut parser = Parser { text: query, over, at: 0, conditions: 0, values: 0 };
    let condition = parser.any(0)?;
    parser.skip_blanks();
    if parser.at < query.len() { Err(parser.expected("AND, OR or the end")) } else { Ok(Some(condition)) }
}

/// Reads the `freeText` parameter; empty or `*` is no filter (B-15.4).
pub fn free_text(text: &str) -> Result<Option<FreeText>, QueryError> {
    let text = text.trim();
    TooLong { what: "bytes of free text", max: PATTERN_BYTES_MAX }.check(text)?;
    if text.chars().all(|symbol| symbol == '*') {
        return Ok(None);
    }
    let mut parts = vec![String::new()];
    parts.extend(text.split('*').filter(|part| !part.is_empty()).map(str::to_owned));
    parts.push(String::new());
    if parts.len() - 3 > WILDCARDS_MAX {
        let mistake = Mistake::TooMany { what: "wildcards", max: WILDCARDS_MAX };
        return Err(QueryError { position: 0, mistake });
    }
    Ok(Some(FreeText { words: words::read(text)?, parts }))
}

/// Reads the `sort` parameter: `field`, `field:ASC` or `field:DESC`, separated by `|` or `,`, in either case (B-15.5).
pub fn sort(text: &str, over: Over) -> Result<Vec<(Field, Order)>, QueryError> {
    TooLong { what: "bytes of sort", max: PATTERN_BYTES_MAX }.check(text)?;
    let mut sort: Vec<(Field, Order)> = Vec::new();
    let mut position = 0;
    for item in text.split(['|', ',']) {
        let here = position + (item.len() - item.trim_start().len());
        position += item.len() + 1;
        if item.trim().is_empty() {
            continue;
        }
        let (name, direction) = item.trim().split_once(':').unwrap_or((item.trim(), "ASC"));
        let error = |mistake| QueryError { position: here, mistake };
        let field = Field::of(name.trim(), over)
            .ok_or_else(|| error(Mistake::UnknownField(shortened(name.trim()))))?;
        let order = match direction.trim() {
            word if word.eq_ignore_ascii_case("asc") => Order::Ascending,
            word if word.eq_ignore_ascii_case("desc") => Order::Descending,
            _ => return Err(error(Mistake::Expected("ASC or DESC"))),
        };
        if sort.iter().all(|(sorted, _)| *sorted != field) {
            sort.push((field, order));
        }
    }
    Ok(sort)
}

/// A bound on the length of a text.
struct TooLong {
    what: &'static str,
    max: usize,
}

impl TooLong {
    fn check(self, text: &str) -> Result<(), QueryError> {
        let Self { what, max } = self;
        if text.len() <= max {
            Ok(())
        } else {
            Err(QueryError { position: max, mistake: Mistake::TooMany { what, max } })
        }
    }
}

/// A value as written: the text between wildcards, so one part means no wildcard.
struct Written {
    parts: Vec<String>,
    position: usize,
}

struct Parser<'a> {
    text: &'a str,
    over: Over,
    at: usize,
    conditions: usize,
    values: usize,
}

impl Parser<'_> {
    fn any(&mut self, depth: usize) -> Result<Condition, QueryError> {
        let mut alternatives = vec![self.all(depth)?];
        while self.keyword("OR") {
            alternatives.push(self.all(depth)?);
        }
        Ok(single_or(alternatives, Condition::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Condition, QueryError> {
        let mut conditions = vec![self.term(depth)?];
        while self.keyword("AND") {
            conditions.push(self.term(depth)?);
        }
        Ok(single_or(conditions, Condition::All))
    }

    /// Recurses into parentheses, at most [`DEPTH_MAX`] deep.
    fn term(&mut self, depth: usize) -> Result<Condition, QueryError> {
        self.skip_blanks();
        if !self.symbol("(") {
            return self.condition();
        }
        if depth == DEPTH_MAX {
            return Err(self.too_many("nested parentheses", DEPTH_MAX));
        }
        let inner = self.any(depth + 1)?;
        self.skip_blanks();
        if self.symbol(")") { Ok(inner) } else { Err(self.expected("AND, OR or ')'")) }
    }

    fn condition(&mut self) -> Result<Condition, QueryError> {
        self.conditions += 1;
        if self.conditions > CONDITIONS_MAX {
            return Err(self.too_many("conditions", CONDITIONS_MAX));
        }
        let field = self.field()?;
        self.skip_blanks();
        if let Some(comparison) = self.comparison() {
            let value = self.value(Ends::Clause)?;
            return self.compared(field, comparison, value);
        }
        if self.keyword("IN") {
            return self.list(field);
        }
        if self.keyword("BETWEEN") {
            let low = self.value(Ends::Clause)?;
            if !self.keyword("AND") {
                return Err(self.expected("AND between the two values"));
            }
            let high = self.value(Ends::Clause)?;
            return Ok(Condition::Between(field, typed(field, &low)?, typed(field, &high)?));
        }
        if self.keyword("IS") {
            let negated = self.keyword("NOT");
            if !self.keyword("NULL") {
                return Err(self.expected("NULL"));
            }
            return Ok(if negated { Condition::Set(field) } else { Condition::Unset(field) });
        }
        if self.keyword("STARTS_WITH") {
            let value = self.value(Ends::Clause)?;
            return Ok(Condition::Like(field, vec![value.parts.join("*"), String::new()]));
        }
        Err(self.expected("an operator (= != < <= > >= IN BETWEEN IS STARTS_WITH)"))
    }

    fn field(&mut self) -> Result<Field, QueryError> {
        let position = self.at;
        let stops = |symbol: char| symbol.is_whitespace() || "=<>!()'\",".contains(symbol);
        let rest = &self.text[self.at..];
        let name = &rest[..rest.find(stops).unwrap_or(rest.len())];
        if name.is_empty() {
            return Err(self.expected("a field"));
        }
        self.at += name.len();
        let mistake = || QueryError { position, mistake: Mistake::UnknownField(shortened(name)) };
        Field::of(name, self.over).ok_or_else(mistake)
    }

    fn comparison(&mut self) -> Option<Comparison> {
        const SYMBOLS: [(&str, Comparison); 8] = [
            ("==", Comparison::Equal),
            ("=", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<>", Comparison::Unequal),
            ("<=", Comparison::LessOrEqual),
            ("<", Comparison::Less),
            (">=", Comparison::GreaterOrEqual),
            (">", Comparison::Greater),
        ];
        SYMBOLS.into_iter().find(|(symbol, _)| self.symbol(symbol)).map(|(_, comparison)| comparison)
    }

    fn compared(
        &self,
        field: Field,
        comparison: Comparison,
        value: Written,
    ) -> Result<Condition, QueryError> {
        let negated = match comparison {
            Comparison::Equal => false,
            Comparison::Unequal => true,
            _ => return Ok(Condition::Compare(field, comparison, typed(field, &value)?)),
        };
        if value.parts.len() == 1 {
            return Ok(Condition::Compare(field, comparison, typed(field, &value)?));
        }
        if value.parts.iter().all(String::is_empty) {
            return Ok(if negated { Condition::Unset(field) } else { Condition::Set(field) });
        }
        if value.parts.len() - 1 > WILDCARDS_MAX {
            return Err(self.too_many("wildcards", WILDCARDS_MAX));
        }
        if value.parts.iter().map(String::len).sum::<usize>() > PATTERN_BYTES_MAX {
            return Err(self.too_many("bytes in a pattern", PATTERN_BYTES_MAX));
        }
        match field.kind() {
            FieldKind::Text | FieldKind::Id => {
                let pattern = if negated { Condition::Unlike } else { Condition::Like };
                Ok(pattern(field, value.parts))
            }
            FieldKind::Number | FieldKind::Time => Err(bad_value(field, &value)),
        }
    }

    /// A list in parentheses, or without them up to the end of the clause.
    fn list(&mut self, field: Field) -> Result<Condition, QueryError> {
        self.skip_blanks();
        let ends = if self.symbol("(") { Ends::Item } else { Ends::BareItem };
        let mut operands = Vec::new();
        loop {
            let value = self.value(ends)?;
            operands.push(typed(field, &value)?);
            self.skip_blanks();
            if self.symbol(",") {
                continue;
            }
            if ends == Ends::BareItem || self.symbol(")") {
                return Ok(Condition::In(field, operands));
            }
            return Err(self.expected("',' or ')'"));
        }
    }

    fn value(&mut self, ends: Ends) -> Result<Written, QueryError> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(self.too_many("values", VALUES_MAX));
        }
        self.skip_blanks();
        match self.text[self.at..].chars().next() {
            Some(quote @ ('\'' | '"')) => self.quoted(quote),
            _ => self.unquoted(ends),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<Written, QueryError> {
        let position = self.at;
        let mut parts = vec![String::new()];
        let mut symbols = self.text[position + 1..].char_indices();
        while let Some((at, symbol)) = symbols.next() {
            let literal = match symbol {
                _ if symbol == quote => {
                    self.at = position + 1 + at + 1;
                    return Ok(Written { parts, position });
                }
                '*' => {
                    parts.push(String::new());
                    continue;
                }
                '\\' => symbols.next().map(|(_, escaped)| escaped),
                _ => Some(symbol),
            };
            let part = parts.last_mut().expect("there is always a part");
            part.extend(literal);
        }
        Err(QueryError { position, mistake: Mistake::OpenQuote })
    }

    fn unquoted(&mut self, ends: Ends) -> Result<Written, QueryError> {
        let position = self.at;
        let rest = &self.text[position..];
        if starts_next_clause(rest) {
            return Err(self.expected("a value"));
        }
        let mut nesting = 0_usize;
        let mut end = rest.len();
        for (at, symbol) in rest.char_indices() {
            let closes = match symbol {
                ',' => ends != Ends::Clause,
                '(' => {
                    nesting += 1;
                    false
                }
                ')' if nesting > 0 => {
                    nesting -= 1;
                    false
                }
                ')' => true,
                _ if symbol.is_whitespace() => ends != Ends::Item && starts_next_clause(&rest[at..]),
                _ => false,
            };
            if closes {
                end = at;
                break;
            }
        }
        let value = rest[..end].trim_end();
        if value.is_empty() {
            return Err(self.expected("a value"));
        }
        self.at += value.len();
        // The SQL index strips parentheses around a value.
        let bare = value.strip_prefix('(').and_then(|value| value.strip_suffix(')')).unwrap_or(value);
        Ok(Written { parts: bare.split('*').map(str::to_owned).collect(), position })
    }

    fn skip_blanks(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found = self.text[self.at..].starts_with(symbol);
        self.at += if found { symbol.len() } else { 0 };
        found
    }

    /// Takes a keyword in either case, if it stands here as a whole word.
    fn keyword(&mut self, word: &str) -> bool {
        let before = self.at;
        self.skip_blanks();
        let rest = &self.text[self.at..];
        let found = rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
            && ends_word(&rest[word.len()..]);
        self.at = if found { self.at + word.len() } else { before };
        found
    }

    fn expected(&self, what: &'static str) -> QueryError {
        let rest = &self.text[self.at..];
        let position = self.at + (rest.len() - rest.trim_start().len());
        QueryError { position, mistake: Mistake::Expected(what) }
    }

    fn too_many(&self, what: &'static str, max: usize) -> QueryError {
        QueryError { position: self.at, mistake: Mistake::TooMany { what, max } }
    }
}

/// Where an unquoted value ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// At AND, OR, or a closing parenthesis.
    Clause,
    /// At a comma or a closing parenthesis.
    Item,
    /// At a comma, AND, OR, or a closing parenthesis.
    BareItem,
}

/// Whether AND or OR comes next, after blanks.
fn starts_next_clause(rest: &str) -> bool {
    let rest = rest.trim_start();
    ["AND", "OR"].iter().any(|word| {
        rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
            && ends_word(&rest[word.len()..])
    })
}

fn ends_word(rest: &str) -> bool {
    rest.chars().next().is_none_or(|symbol| symbol.is_whitespace() || "()'\"".contains(symbol))
}

fn single_or(mut conditions: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    if conditions.len() == 1 { conditions.remove(0) } else { many(conditions) }
}

/// The value in the type of its field. Wildcards mean nothing here and stand for themselves.
fn typed(field: Field, value: &Written) -> Result<Operand, QueryError> {
    let text = value.parts.join("*");
    match field.kind() {
        FieldKind::Text => Ok(Operand::Text(text)),
        FieldKind::Id => Ok(Operand::Text(text.to_ascii_lowercase())),
        FieldKind::Number => number(&text).ok_or_else(|| bad_value(field, value)),
        FieldKind::Time => {
            let text = text.trim();
            let time = text.parse().ok().or_else(|| parse_iso(text)).map(Operand::Integer);
            time.or_else(|| number(text)).ok_or_else(|| bad_value(field, value))
        }
    }
}

fn number(text: &str) -> Option<Operand> {
    let text = text.trim();
    if let Ok(integer) = text.parse() {
        return Some(Operand::Integer(integer));
    }
    let numeric = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let real: f64 = if numeric { text.parse().ok()? } else { return None };
    real.is_finite().then_some(Operand::Real(real))
}

fn bad_value(field: Field, value: &Written) -> QueryError {
    let takes = match field.kind() {
        FieldKind::Text | FieldKind::Id => "a text",
        FieldKind::Number => "a number",
        FieldKind::Time => "epoch milliseconds or an ISO 8601 time",
    };
    let mistake = Mistake::BadValue { field, value: shortened(&value.parts.join("*")), takes };
    QueryError { position: value.position, mistake }
}

/// Enough of a text to recognise it in a message.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 64;
    text.chars().take(SHOWN).collect()
}
