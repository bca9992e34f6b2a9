//! Reading a path: text to steps.

use super::filter::Filter;
use super::function::Function;
use super::{Path, PathError, Step};

/// How deep filters may hold paths that hold filters, and parentheses may nest.
pub(super) const FILTER_DEPTH_MAX: usize = 16;

/// A position in a text being read; shared by paths and the filters inside them.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) depth: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, depth: usize) -> Self {
        Self { text, at: 0, depth }
    }

    pub(super) fn fail<T>(&self) -> Result<T, PathError> {
        Err(PathError { offset: self.at })
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn skip_space(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    pub(super) fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    pub(super) fn expect(&mut self, token: &str) -> Result<(), PathError> {
        if self.take(token) { Ok(()) } else { self.fail() }
    }

    /// Reads the whole text as a path.
    pub(super) fn path(&mut self) -> Result<Path, PathError> {
        let steps = self.steps()?;
        let definite = steps.iter().enumerate().all(|(i, step)| match step {
            Step::Key(_) | Step::Index(_) | Step::Function(_) => true,
            // Several names at the end choose members of one object; in the middle they branch.
            Step::Keys(_) => i + 1 == steps.len(),
            Step::Indices(_) | Step::Slice(..) | Step::Wildcard | Step::Scan | Step::Filter(_) => false,
        });
        Ok(Path { steps, definite })
    }

    fn steps(&mut self) -> Result<Vec<Step>, PathError> {
        let mut steps = Vec::new();
        if matches!(self.peek(), Some(b'$' | b'@')) {
            self.at += 1;
            if !matches!(self.peek(), None | Some(b'.' | b'[')) {
                return self.fail();
            }
        } else {
            self.token(&mut steps)?;
        }
        while let Some(byte) = self.peek() {
            match byte {
                b'[' => steps.push(self.bracket()?),
                b'.' => {
                    self.at += 1;
                    if self.take(".") {
                        steps.push(Step::Scan);
                    }
                    self.token(&mut steps)?;
                }
                _ => return self.fail(),
            }
            if matches!(steps.last(), Some(Step::Function(_))) && self.at < self.text.len() {
                return self.fail();
            }
        }
        Ok(steps)
    }

    /// What may follow a dot: a bracket, `*`, a name, a function call.
    fn token(&mut self, steps: &mut Vec<Step>) -> Result<(), PathError> {
        if self.peek() == Some(b'[') {
            steps.push(self.bracket()?);
            return Ok(());
        }
        let length = self.rest().find(['.', '[', '(', ' ']).unwrap_or(self.rest().len());
        let name = &self.rest()[..length];
        if name.is_empty() {
            return self.fail();
        }
        self.at += length;
        match self.peek() {
            Some(b' ') => return self.fail(),
            Some(b'(') => {
                self.at += 1;
                self.skip_space();
                self.expect(")")?;
                let Some(function) = Function::named(name) else { return self.fail() };
                steps.push(Step::Function(function));
            }
            _ if name == "*" => steps.push(Step::Wildcard),
            _ => steps.push(Step::Key(name.to_owned())),
        }
        Ok(())
    }

    fn bracket(&mut self) -> Result<Step, PathError> {
        self.at += 1;
        self.skip_space();
        let step = match self.peek() {
            Some(b'\'' | b'"') => self.names()?,
            Some(b'*') => {
                self.at += 1;
                Step::Wildcard
            }
            Some(b'?') => {
                self.at += 1;
                self.skip_space();
                Step::Filter(Filter::parse(self)?)
            }
            _ => self.positions()?,
        };
        self.skip_space();
        self.expect("]")?;
        Ok(step)
    }

    fn names(&mut self) -> Result<Step, PathError> {
        let mut names = vec![self.quoted()?];
        loop {
            self.skip_space();
            if !self.take(",") {
                break;
            }
            self.skip_space();
            names.push(self.quoted()?);
        }
        Ok(if names.len() == 1 { Step::Key(names.remove(0)) } else { Step::Keys(names) })
    }

    /// A string in single or double quotes; a backslash escapes.
    pub(super) fn quoted(&mut self) -> Result<String, PathError> {
        let Some(quote @ (b'\'' | b'"')) = self.peek() else { return self.fail() };
        self.at += 1;
        let mut out = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((offset, character)) = characters.next() {
            match character {
                '\\' => match characters.next() {
                    Some((_, 'n')) => out.push('\n'),
                    Some((_, 't')) => out.push('\t'),
                    Some((_, 'r')) => out.push('\r'),
                    Some((_, 'u')) => {
                        let code = characters
                            .by_ref()
                            .take(4)
                            .try_fold(0, |code, (_, digit)| Some(code * 16 + digit.to_digit(16)?));
                        match code.and_then(char::from_u32) {
                            Some(decoded) => out.push(decoded),
                            None => return self.fail(),
                        }
                    }
                    Some((_, other)) => out.push(other),
                    None => return self.fail(),
                },
                _ if character == char::from(quote) => {
                    self.at += offset + 1;
                    return Ok(out);
                }
                _ => out.push(character),
            }
        }
        self.fail()
    }

    fn positions(&mut self) -> Result<Step, PathError> {
        let Some(length) = self.rest().find(']') else { return self.fail() };
        let inside = &self.rest()[..length];
        let number = |text: &str| text.trim().parse::<i64>().map_err(|_| PathError { offset: self.at });
        let step = if let Some((from, to)) = inside.split_once(':') {
            let bound = |text: &str| if text.trim().is_empty() { Ok(None) } else { number(text).map(Some) };
            let (from, to) = (bound(from)?, bound(to)?);
            if from.is_none() && to.is_none() {
                return self.fail();
            }
            Step::Slice(from, to)
        } else {
            let indices: Vec<i64> = inside.split(',').map(number).collect::<Result<_, _>>()?;
            if let [index] = indices[..] { Step::Index(index) } else { Step::Indices(indices) }
        };
        self.at += length;
        Ok(step)
    }
}
