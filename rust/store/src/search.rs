//! Search over the archive's documents: the query as data, its parser and its SQL.
//!
//! [`parse`] turns the text of a client into a [`SearchQuery`] (contract B-15.1 to B-15.7, rest-api 10.1); `sql` turns
//! that into one statement with every value bound. Both are pure.

mod date;
pub mod parse;
pub(crate) mod sql;
pub mod words;

#[cfg(test)]
mod tests;

use std::fmt::Write;

/// What a search looks through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Over {
    /// Executions, each once.
    #[default]
    Executions,
    /// The tasks of all executions.
    Tasks,
}

/// A field of an execution or a task that can be searched and sorted by. Some are fields of both: in a search over tasks,
/// status, times and reason are the task's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The execution's id.
    WorkflowId,
    /// Name of its definition.
    WorkflowType,
    /// Version of its definition.
    Version,
    /// Its status.
    Status,
    /// The caller's correlation id.
    CorrelationId,
    /// When it started.
    StartTime,
    /// When it ended, 0 while it has not.
    EndTime,
    /// When it last changed.
    UpdateTime,
    /// End minus start, 0 while it has not ended.
    ExecutionTime,
    /// Its priority.
    Priority,
    /// Why it is incomplete.
    ReasonForIncompletion,
    /// Reference names of its failed tasks, joined by commas.
    FailedReferenceTaskNames,
    /// The execution it is a part of.
    ParentWorkflowId,
    /// The event that started it.
    Event,
    /// Its kind; none counts as `workflow`.
    Classifier,
    /// The task's id.
    TaskId,
    /// The task's type.
    TaskType,
    /// Name of the task's definition.
    TaskDefName,
    /// Reference name of the task.
    ReferenceTaskName,
    /// When the task was scheduled.
    ScheduledTime,
    /// How long the task waited for a worker, 0 while it waits.
    QueueWaitTime,
    /// The domain the task was scheduled in.
    Domain,
    /// Priority of the task's execution.
    WorkflowPriority,
}

/// What values a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Any text.
    Text,
    /// The text form of an id.
    Id,
    /// A number.
    Number,
    /// A time: epoch milliseconds or ISO text.
    Time,
}

impl Field {
    /// Every field, in the order of the contract's list (B-15.3).
    pub const ALL: [Field; 15] = [
        Field::WorkflowId,
        Field::WorkflowType,
        Field::CorrelationId,
        Field::Status,
        Field::StartTime,
        Field::EndTime,
        Field::UpdateTime,
        Field::Version,
        Field::ExecutionTime,
        Field::ReasonForIncompletion,
        Field::FailedReferenceTaskNames,
        Field::ParentWorkflowId,
        Field::Classifier,
        Field::Priority,
        Field::Event,
    ];

    /// Every field of a search over tasks: those of a `TaskSummary`, and the reference name.
    pub const OF_TASKS: [Field; 17] = [
        Field::WorkflowId,
        Field::WorkflowType,
        Field::CorrelationId,
        Field::TaskId,
        Field::TaskType,
        Field::TaskDefName,
        Field::ReferenceTaskName,
        Field::Status,
        Field::ScheduledTime,
        Field::StartTime,
        Field::UpdateTime,
        Field::EndTime,
        Field::ExecutionTime,
        Field::QueueWaitTime,
        Field::ReasonForIncompletion,
        Field::Domain,
        Field::WorkflowPriority,
    ];

    /// The name clients use.
    pub fn name(self) -> &'static str {
        match self {
            Field::WorkflowId => "workflowId",
            Field::WorkflowType => "workflowType",
            Field::Version => "version",
            Field::Status => "status",
            Field::CorrelationId => "correlationId",
            Field::StartTime => "startTime",
            Field::EndTime => "endTime",
            Field::UpdateTime => "updateTime",
            Field::ExecutionTime => "executionTime",
            Field::Priority => "priority",
            Field::ReasonForIncompletion => "reasonForIncompletion",
            Field::FailedReferenceTaskNames => "failedReferenceTaskNames",
            Field::ParentWorkflowId => "parentWorkflowId",
            Field::Event => "event",
            Field::Classifier => "classifier",
            Field::TaskId => "taskId",
            Field::TaskType => "taskType",
            Field::TaskDefName => "taskDefName",
            Field::ReferenceTaskName => "referenceTaskName",
            Field::ScheduledTime => "scheduledTime",
            Field::QueueWaitTime => "queueWaitTime",
            Field::Domain => "domain",
            Field::WorkflowPriority => "workflowPriority",
        }
    }

    /// What values it takes.
    pub fn kind(self) -> FieldKind {
        match self {
            Field::WorkflowId | Field::ParentWorkflowId | Field::TaskId => FieldKind::Id,
            Field::Version
            | Field::ExecutionTime
            | Field::Priority
            | Field::QueueWaitTime
            | Field::WorkflowPriority => FieldKind::Number,
            Field::StartTime | Field::EndTime | Field::UpdateTime | Field::ScheduledTime => FieldKind::Time,
            Field::WorkflowType
            | Field::Status
            | Field::CorrelationId
            | Field::ReasonForIncompletion
            | Field::FailedReferenceTaskNames
            | Field::Event
            | Field::Classifier
            | Field::TaskType
            | Field::TaskDefName
            | Field::ReferenceTaskName
            | Field::Domain => FieldKind::Text,
        }
    }

    /// The field of a client's name, in a search over that.
    pub fn of(name: &str, over: Over) -> Option<Field> {
        let fields = match over {
            Over::Executions => Field::ALL.as_slice(),
            Over::Tasks => Field::OF_TASKS.as_slice(),
        };
        fields.iter().copied().find(|field| field.name() == name)
    }
}

/// A value to compare with, of the type its field takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// For text and ids.
    Text(String),
    /// For numbers and times.
    Integer(i64),
    /// For numbers with a fraction.
    Real(f64),
}

/// How a field is compared with one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`; a field that is not set differs from every value.
    Unequal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// What must hold of a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// The field compares so with the value. The empty text stands for "not set".
    Compare(Field, Comparison, Operand),
    /// The field is text that consists of these parts with anything between them, in either case of ASCII letters.
    Like(Field, Vec<String>),
    /// The field is not such text, or not set.
    Unlike(Field, Vec<String>),
    /// The field equals one of the values.
    In(Field, Vec<Operand>),
    /// The field lies between the two values, ends included.
    Between(Field, Operand, Operand),
    /// The field is not set.
    Unset(Field),
    /// The field is set.
    Set(Field),
    /// All of these hold.
    All(Vec<Condition>),
    /// At least one of these holds.
    Any(Vec<Condition>),
}

/// The direction of a sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// Free text, both ways in which it may be looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeText {
    /// As words of the full-text index, which covers payloads.
    pub words: words::Words,
    /// Without that index: text that must stand in some column, as parts with anything between them, in either case.
    pub parts: Vec<String>,
}

/// A whole search.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SearchQuery {
    /// What is looked through.
    pub over: Over,
    /// What must hold; `None` is everything.
    pub filter: Option<Condition>,
    /// Text that must stand somewhere beside that; `None` is everything.
    pub free_text: Option<FreeText>,
    /// What to sort by; with nothing given, what began last comes first.
    pub sort: Vec<(Field, Order)>,
    /// How many results to skip.
    pub start: u32,
    /// How many results to return at most; the caller bounds it.
    pub size: u32,
}

impl SearchQuery {
    /// Reads the parameters of a search over executions as clients send them; absent ones are empty.
    pub fn parse(
        query: &str,
        free_text: &str,
        sort: &str,
        start: u32,
        size: u32,
    ) -> Result<Self, parse::QueryError> {
        Self::parse_over(Over::Executions, query, free_text, sort).map(|search| search.page(start, size))
    }

    /// Reads a search over that, without its page.
    pub fn parse_over(
        over: Over,
        query: &str,
        free_text: &str,
        sort: &str,
    ) -> Result<Self, parse::QueryError> {
        Ok(Self {
            over,
            filter: parse::filter(query, over)?,
            free_text: parse::free_text(free_text)?,
            sort: parse::sort(sort, over)?,
            start: 0,
            size: 0,
        })
    }

    /// The same search for `size` results from `start` on.
    #[must_use]
    pub fn page(self, start: u32, size: u32) -> Self {
        Self { start, size, ..self }
    }

    /// The same search with one more condition that must hold.
    #[must_use]
    pub fn and(mut self, condition: Condition) -> Self {
        self.filter = Some(match self.filter.take() {
            None => condition,
            Some(Condition::All(mut conditions)) => {
                conditions.push(condition);
                Condition::All(conditions)
            }
            Some(filter) => Condition::All(vec![filter, condition]),
        });
        self
    }
}

/// The usual text form of an id.
pub(crate) fn uuid_text(id: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in id.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        write!(text, "{byte:02x}").expect("a string takes everything");
    }
    text
}

/// The id of its usual text form, in either case.
pub(crate) fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    if text.len() != 36 || [8, 13, 18, 23].iter().any(|at| text[*at] != b'-') {
        return None;
    }
    let mut digits = text.iter().enumerate().filter(|(at, _)| !matches!(at, 8 | 13 | 18 | 23));
    let mut id = [0; 16];
    for byte in &mut id {
        let mut digit = || digits.next().and_then(|(_, digit)| char::from(*digit).to_digit(16));
        *byte = u8::try_from(digit()? * 16 + digit()?).expect("two hexadecimal digits");
    }
    Some(id)
}
