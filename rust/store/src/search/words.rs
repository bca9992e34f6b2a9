//! Free text as an expression of the full-text index (B-15.4).
//!
//! ```text
//! text := group (OR group)*         a group is found where all of its terms are
//! group := term+                    AND between terms may be written and changes nothing
//! term := word | word* | "a phrase" | "a phrase"*
//! ```
//!
//! Letters and digits make words, in either case and without accents; everything else stands between them, so that
//! `order_flow` is the phrase of `order` and `flow`. A `*` stands for the end of a word and nowhere else. Every term is
//! handed to the index in quotes: none of its operators can be reached from outside.

use super::parse::{Mistake, PATTERN_BYTES_MAX, QueryError};

/// How many terms a text may have.
pub const TERMS_MAX: usize = 64;

/// What the index is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// An expression for MATCH.
    Match(String),
    /// The text has no letter and no digit: nothing is found.
    Nothing,
}

/// Reads a text that is neither empty nor stars alone.
pub(super) fn read(text: &str) -> Result<Words, QueryError> {
    if text.len() > PATTERN_BYTES_MAX {
        let mistake = Mistake::TooMany { what: "bytes of free text", max: PATTERN_BYTES_MAX };
        return Err(QueryError { position: PATTERN_BYTES_MAX, mistake });
    }
    let mut groups = vec![Vec::new()];
    let mut rest = text;
    let mut count = 0;
    while let Some((term, after)) = next_term(rest) {
        let position = text.len() - rest.len();
        rest = after;
        match term {
            Term::Word("OR") => groups.push(Vec::new()),
            Term::Word("AND") => {}
            Term::Word(word) => count += push_word(word, groups.last_mut().expect("there is a first group")),
            Term::Phrase(phrase, is_prefix) => {
                count += push(phrase, is_prefix, groups.last_mut().expect("there is a first group"));
            }
        }
        if count > TERMS_MAX {
            return Err(QueryError { position, mistake: Mistake::TooMany { what: "words", max: TERMS_MAX } });
        }
    }
    let groups: Vec<String> = groups
        .iter()
        .filter(|group| !group.is_empty())
        .map(|group| format!("({})", group.join(" ")))
        .collect();
    Ok(if groups.is_empty() { Words::Nothing } else { Words::Match(groups.join(" OR ")) })
}

enum Term<'a> {
    Word(&'a str),
    Phrase(&'a str, bool),
}

/// The first term of a text, and what follows it. A phrase that is not closed goes to the end.
fn next_term(text: &str) -> Option<(Term<'_>, &str)> {
    let text = text.trim_start();
    if let Some(inside) = text.strip_prefix('"') {
        let (phrase, after) = inside.split_once('"').unwrap_or((inside, ""));
        return Some(match after.strip_prefix('*') {
            Some(after) => (Term::Phrase(phrase, true), after),
            None => (Term::Phrase(phrase, false), after),
        });
    }
    let end = text.find(|symbol: char| symbol.is_whitespace() || symbol == '"').unwrap_or(text.len());
    (end > 0).then(|| (Term::Word(&text[..end]), &text[end..]))
}

/// The parts of a word between its stars; those before a star are the beginnings of words.
fn push_word(word: &str, group: &mut Vec<String>) -> usize {
    let mut parts = word.split('*').peekable();
    let mut count = 0;
    while let Some(part) = parts.next() {
        count += push(part, parts.peek().is_some(), group);
    }
    count
}

/// Adds a term, unless there is nothing in it that could be found.
fn push(term: &str, is_prefix: bool, group: &mut Vec<String>) -> usize {
    if !term.chars().any(char::is_alphanumeric) {
        return 0;
    }
    let term: String =
        term.chars().map(|symbol| if matches!(symbol, '"' | '\0') { ' ' } else { symbol }).collect();
    group.push(format!("\"{term}\"{}", if is_prefix { " *" } else { "" }));
    1
}

#[cfg(test)]
mod tests {
    use super::{TERMS_MAX, Words, read};

    #[test]
    fn words_prefixes_and_phrases_are_told_apart() {
        let table = [
            ("late", r#"("late")"#),
            ("late fee", r#"("late" "fee")"#),
            ("late AND fee", r#"("late" "fee")"#),
            ("late OR fee paid", r#"("late") OR ("fee" "paid")"#),
            ("lat*", r#"("lat" *)"#),
            ("*late*", r#"("late" *)"#),
            ("la*te", r#"("la" * "te")"#),
            (r#""late fee" x"#, r#"("late fee" "x")"#),
            (r#""late fe"*"#, r#"("late fe" *)"#),
            (r#""late"#, r#"("late")"#),
            ("order_flow", r#"("order_flow")"#),
            ("or and not near", r#"("or" "and" "not" "near")"#),
            // Operators of the index are words like others.
            ("NOT a NEAR(b)", r#"("NOT" "a" "NEAR(b)")"#),
            ("input:a + ^b {c}", r#"("input:a" "^b" "{c}")"#),
            ("a\0b", "(\"a b\")"),
            ("OR a OR", r#"("a")"#),
        ];
        for (text, expected) in table {
            assert_eq!(read(text), Ok(Words::Match(expected.to_owned())), "{text}");
        }
        for text in ["!", "- %", "\"\"", "\"", "_*", "OR", "AND OR"] {
            assert_eq!(read(text), Ok(Words::Nothing), "{text}");
        }
    }

    #[test]
    fn as_many_words_as_are_allowed() {
        assert!(read(&"a ".repeat(TERMS_MAX)).is_ok());
        assert!(read(&"a ".repeat(TERMS_MAX + 1)).is_err());
        assert!(read(&"a".repeat(5_000)).is_err());
    }
}
