//! A search as one SQL statement. Nothing of the client's text becomes SQL: every value is bound (G25).

use std::fmt::Write;

use rusqlite::types::Value;

use super::words::Words;
use super::{
    Comparison, Condition, Field, FieldKind, FreeText, Operand, Order, Over, SearchQuery, uuid_bytes,
};
use crate::archive::contents::PLACE_BITS;

/// The text form of an id column, for comparisons that an id in bytes cannot answer.
macro_rules! id_text {
    ($column:literal) => {
        concat!(
            "lower(substr(hex(",
            $column,
            "), 1, 8) || '-' || substr(hex(",
            $column,
            "), 9, 4) || '-' || substr(hex(",
            $column,
            "), 13, 4) || '-' || substr(hex(",
            $column,
            "), 17, 4) || '-' || substr(hex(",
            $column,
            "), 21))"
        )
    };
}

/// The columns free text looks into where there is no full-text index.
const FREE_TEXT_COLUMNS: [&str; 8] =
    ["name", "status", "correlation_id", "reason", "event", "failed_refs", "classifier", id_text!("id")];

/// The same of tasks, which never have one.
const FREE_TEXT_OF_TASKS: [&str; 10] = [
    "t.type",
    "t.name",
    "t.reference",
    "t.status",
    "t.reason",
    "t.domain",
    "ex.name",
    "ex.correlation_id",
    id_text!("t.id"),
    id_text!("ex.id"),
];

/// What a statement reads from; every column of the second table has its alias before it.
const TASKS: &str = "tasks t";
const TASKS_OF_EXECUTIONS: &str = "tasks t JOIN executions ex ON ex.row = t.execution";

/// A condition with its values.
pub(crate) struct Statement {
    over: Over,
    condition: String,
    pub(crate) values: Vec<Value>,
}

/// Compiles the conditions of a search; `has_words` is whether there is a full-text index.
pub(crate) fn compile(query: &SearchQuery, has_words: bool) -> Statement {
    let mut statement = Statement { over: query.over, condition: String::from("1"), values: Vec::new() };
    if let Some(filter) = &query.filter {
        statement.push(" AND ");
        statement.condition(filter);
    }
    if let Some(text) = &query.free_text {
        statement.push(" AND ");
        statement.free_text(text, has_words);
    }
    statement
}

impl Statement {
    /// The statement that counts all results.
    pub(crate) fn count(&self) -> String {
        let from = match self.over {
            Over::Executions => "executions",
            // The text is all ours, so the alias stands there only if a column of executions is asked for.
            Over::Tasks if !self.condition.contains("ex.") => TASKS,
            Over::Tasks => TASKS_OF_EXECUTIONS,
        };
        format!("SELECT count(*) FROM {from} WHERE {}", self.condition)
    }

    /// The statement that reads one page.
    pub(crate) fn page(&self, query: &SearchQuery, columns: &str) -> String {
        let (from, newest, last) = match self.over {
            Over::Executions => ("executions", "start_ms DESC, ", "row DESC"),
            Over::Tasks => (TASKS_OF_EXECUTIONS, "", "t.execution DESC, t.no DESC"),
        };
        let mut order = String::new();
        for (field, direction) in &query.sort {
            let direction = match direction {
                Order::Ascending => "ASC",
                Order::Descending => "DESC",
            };
            write!(order, "{} {direction}, ", self.value_of(*field)).expect("a string takes everything");
        }
        if query.sort.is_empty() {
            order.push_str(newest);
        }
        format!(
            "SELECT {columns} FROM {from} WHERE {} ORDER BY {order}{last} LIMIT {} OFFSET {}",
            self.condition, query.size, query.start
        )
    }

    fn free_text(&mut self, text: &FreeText, has_words: bool) {
        let columns = match self.over {
            Over::Executions if has_words => {
                return match &text.words {
                    Words::Nothing => self.push("0"),
                    Words::Match(expression) => {
                        let expression = self.bind(Value::from(expression.clone()));
                        self.push(&format!(
                            "row IN (SELECT rowid FROM words WHERE words MATCH {expression})"
                        ));
                    }
                };
            }
            Over::Executions => FREE_TEXT_COLUMNS.as_slice(),
            Over::Tasks => FREE_TEXT_OF_TASKS.as_slice(),
        };
        let pattern = self.bind(Value::from(like_pattern(&text.parts)));
        let anywhere: Vec<_> =
            columns.iter().map(|column| format!("{column} LIKE {pattern} ESCAPE '\\'")).collect();
        self.push(&format!("({})", anywhere.join(" OR ")));
    }

    fn push(&mut self, sql: &str) {
        self.condition.push_str(sql);
    }

    fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    /// Recurses as deep as the parser let parentheses nest, which is bounded.
    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::Compare(field, comparison, operand) => self.compare(*field, *comparison, operand),
            Condition::Like(field, parts) => {
                let pattern = self.bind(Value::from(like_pattern(parts)));
                self.push(&format!("coalesce({} LIKE {pattern} ESCAPE '\\', 0)", self.text_of(*field)));
            }
            Condition::Unlike(field, parts) => {
                let pattern = self.bind(Value::from(like_pattern(parts)));
                self.push(&format!("NOT coalesce({} LIKE {pattern} ESCAPE '\\', 0)", self.text_of(*field)));
            }
            Condition::In(field, operands) => {
                if let [one] = operands.as_slice() {
                    return self.equal(*field, one, Comparison::Equal);
                }
                let values: Vec<_> = operands.iter().filter_map(|operand| exact(*field, operand)).collect();
                let places: Vec<_> = values.into_iter().map(|value| self.bind(value)).collect();
                self.push(&format!("{} IN ({})", self.value_of(*field), places.join(", ")));
            }
            Condition::Between(field, low, high) => {
                let low = self.bind(plain(low));
                let high = self.bind(plain(high));
                self.push(&format!("{} BETWEEN {low} AND {high}", self.text_of(*field)));
            }
            Condition::Unset(field) => self.push(&format!("{} IS {}", self.column_of(*field), unset(*field))),
            Condition::Set(field) => {
                self.push(&format!("{} IS NOT {}", self.column_of(*field), unset(*field)));
            }
            Condition::All(conditions) => self.join(conditions, " AND ", "1"),
            Condition::Any(conditions) => self.join(conditions, " OR ", "0"),
        }
    }

    fn join(&mut self, conditions: &[Condition], word: &str, empty: &str) {
        self.push("(");
        if conditions.is_empty() {
            self.push(empty);
        }
        for (index, condition) in conditions.iter().enumerate() {
            if index > 0 {
                self.push(word);
            }
            self.condition(condition);
        }
        self.push(")");
    }

    fn compare(&mut self, field: Field, comparison: Comparison, operand: &Operand) {
        if *operand == Operand::Text(String::new()) {
            match comparison {
                Comparison::Equal => return self.condition(&Condition::Unset(field)),
                Comparison::Unequal => return self.condition(&Condition::Set(field)),
                _ => {}
            }
        }
        let operator = match comparison {
            Comparison::Equal => "=",
            Comparison::Unequal => "IS NOT",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        };
        match comparison {
            Comparison::Equal | Comparison::Unequal => self.equal(field, operand, comparison),
            _ => {
                let value = self.bind(plain(operand));
                self.push(&format!("{} {operator} {value}", self.text_of(field)));
            }
        }
    }

    /// Equality and its opposite.
    fn equal(&mut self, field: Field, operand: &Operand, comparison: Comparison) {
        let is_equal = comparison == Comparison::Equal;
        let Some(value) = exact(field, operand) else {
            // A text that is no id equals none.
            return self.push(if is_equal { "0" } else { "1" });
        };
        let id = if let Value::Blob(id) = &value { id.clone() } else { Vec::new() };
        let value = self.bind(value);
        if self.over == Over::Tasks && is_equal && field == Field::WorkflowId {
            return self.push(&in_places(&format!("id = {value}")));
        }
        let operator = if is_equal { "=" } else { "IS NOT" };
        self.push(&format!("{} {operator} {value}", self.value_of(field)));
        if is_equal && field == Field::TaskId {
            // Tasks have no index of ids; the id of a task begins as that of its execution does.
            let bound = |fill: u8| Value::from([&id[..PREFIX_BYTES], &[fill; 16][PREFIX_BYTES..]].concat());
            let (low, high) = (self.bind(bound(0)), self.bind(bound(0xff)));
            self.push(&format!(" AND {}", in_places(&format!("id BETWEEN {low} AND {high}"))));
        }
    }

    /// The column of a field.
    fn column_of(&self, field: Field) -> &'static str {
        match self.over {
            Over::Executions => column_of(field),
            Over::Tasks => column_of_task(field),
        }
    }

    /// What equality and order look at: no classifier counts as `workflow` (rest-api 10.1).
    fn value_of(&self, field: Field) -> &'static str {
        match field {
            Field::Classifier => "coalesce(classifier, 'workflow')",
            _ => self.column_of(field),
        }
    }

    /// What patterns and ranges look at: ids in their text form.
    fn text_of(&self, field: Field) -> &'static str {
        match (self.over, field) {
            (Over::Executions, Field::WorkflowId) => id_text!("id"),
            (Over::Executions, Field::ParentWorkflowId) => id_text!("parent_id"),
            (Over::Tasks, Field::WorkflowId) => id_text!("ex.id"),
            (Over::Tasks, Field::TaskId) => id_text!("t.id"),
            _ => self.value_of(field),
        }
    }
}

/// How many bytes of a task's id are those of its execution's.
const PREFIX_BYTES: usize = 6;

/// Tasks of the executions that meet a condition: the range of their places first, for which no row has to be looked at.
fn in_places(condition: &str) -> String {
    let of = |what: &str| format!("(SELECT {what} FROM executions WHERE {condition})");
    let (first, last, rows) = (
        of(&format!("min(row) << {PLACE_BITS}")),
        of(&format!("((max(row) + 1) << {PLACE_BITS}) - 1")),
        of("row"),
    );
    format!("(t.place BETWEEN {first} AND {last} AND t.execution IN {rows})")
}

/// The column of a field.
fn column_of(field: Field) -> &'static str {
    match field {
        Field::WorkflowId => "id",
        Field::WorkflowType => "name",
        Field::Version => "version",
        Field::Status => "status",
        Field::CorrelationId => "correlation_id",
        Field::StartTime => "start_ms",
        Field::EndTime => "end_ms",
        Field::UpdateTime => "update_ms",
        Field::ExecutionTime => "CASE WHEN end_ms > 0 THEN end_ms - start_ms ELSE 0 END",
        Field::Priority => "priority",
        Field::ReasonForIncompletion => "reason",
        Field::FailedReferenceTaskNames => "failed_refs",
        Field::ParentWorkflowId => "parent_id",
        Field::Event => "event",
        Field::Classifier => "classifier",
        Field::TaskId
        | Field::TaskType
        | Field::TaskDefName
        | Field::ReferenceTaskName
        | Field::ScheduledTime
        | Field::QueueWaitTime
        | Field::Domain
        | Field::WorkflowPriority => unreachable!("no field of executions"),
    }
}

/// The column of a field of tasks.
fn column_of_task(field: Field) -> &'static str {
    match field {
        Field::WorkflowId => "ex.id",
        Field::WorkflowType => "ex.name",
        Field::CorrelationId => "ex.correlation_id",
        Field::WorkflowPriority => "ex.priority",
        Field::TaskId => "t.id",
        Field::TaskType => "t.type",
        Field::TaskDefName => "t.name",
        Field::ReferenceTaskName => "t.reference",
        Field::Status => "t.status",
        Field::ScheduledTime => "t.scheduled_ms",
        Field::StartTime => "t.start_ms",
        Field::UpdateTime => "t.update_ms",
        Field::EndTime => "t.end_ms",
        Field::ExecutionTime => {
            "CASE WHEN t.end_ms > 0 AND t.start_ms > 0 THEN t.end_ms - t.start_ms ELSE 0 END"
        }
        Field::QueueWaitTime => {
            "CASE WHEN t.start_ms > 0 THEN max(t.start_ms - t.scheduled_ms, 0) ELSE 0 END"
        }
        Field::ReasonForIncompletion => "t.reason",
        Field::Domain => "t.domain",
        Field::Version
        | Field::Priority
        | Field::FailedReferenceTaskNames
        | Field::ParentWorkflowId
        | Field::Event
        | Field::Classifier => unreachable!("no field of tasks"),
    }
}

/// The stored value of a field that is not set.
fn unset(field: Field) -> &'static str {
    match field.kind() {
        FieldKind::Text | FieldKind::Id => "NULL",
        FieldKind::Number | FieldKind::Time => "0",
    }
}

/// The stored form of an operand, or `None` when nothing stored can equal it.
fn exact(field: Field, operand: &Operand) -> Option<Value> {
    match (field.kind(), operand) {
        (FieldKind::Id, Operand::Text(text)) => uuid_bytes(text).map(|id| Value::from(id.to_vec())),
        _ => Some(plain(operand)),
    }
}

fn plain(operand: &Operand) -> Value {
    match operand {
        Operand::Text(text) => Value::from(text.clone()),
        Operand::Integer(number) => Value::from(*number),
        Operand::Real(number) => Value::from(*number),
    }
}

/// A LIKE pattern: the parts literally, anything between them.
fn like_pattern(parts: &[String]) -> String {
    let mut pattern = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            pattern.push('%');
        }
        for symbol in part.chars() {
            if matches!(symbol, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(symbol);
        }
    }
    pattern
}
