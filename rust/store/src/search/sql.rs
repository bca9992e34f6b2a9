//! A search as one SQL statement. Nothing of the client's text becomes SQL: every value is bound (G25).

use std::fmt::Write;

use rusqlite::types::Value;

use super::{Comparison, Condition, Field, FieldKind, Operand, Order, SearchQuery, uuid_bytes};

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

/// The columns free text looks into.
const FREE_TEXT_COLUMNS: [&str; 8] =
    ["name", "status", "correlation_id", "reason", "event", "failed_refs", "classifier", id_text!("id")];

/// A condition with its values.
pub(crate) struct Statement {
    condition: String,
    pub(crate) values: Vec<Value>,
}

/// Compiles the conditions of a search.
pub(crate) fn compile(query: &SearchQuery) -> Statement {
    let mut statement = Statement { condition: String::from("1"), values: Vec::new() };
    if let Some(filter) = &query.filter {
        statement.push(" AND ");
        statement.condition(filter);
    }
    if !query.free_text.is_empty() {
        let pattern = statement.bind(Value::from(like_pattern(&query.free_text)));
        let anywhere = FREE_TEXT_COLUMNS.map(|column| format!("{column} LIKE {pattern} ESCAPE '\\'"));
        statement.push(&format!(" AND ({})", anywhere.join(" OR ")));
    }
    statement
}

impl Statement {
    /// The statement that counts all results.
    pub(crate) fn count(&self) -> String {
        format!("SELECT count(*) FROM executions WHERE {}", self.condition)
    }

    /// The statement that reads one page.
    pub(crate) fn page(&self, query: &SearchQuery, columns: &str) -> String {
        let mut order = String::new();
        for (field, direction) in &query.sort {
            let direction = match direction {
                Order::Ascending => "ASC",
                Order::Descending => "DESC",
            };
            write!(order, "{} {direction}, ", value_of(*field)).expect("a string takes everything");
        }
        if query.sort.is_empty() {
            order.push_str("start_ms DESC, ");
        }
        format!(
            "SELECT {columns} FROM executions WHERE {} ORDER BY {order}row DESC LIMIT {} OFFSET {}",
            self.condition, query.size, query.start
        )
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
                self.push(&format!("coalesce({} LIKE {pattern} ESCAPE '\\', 0)", text_of(*field)));
            }
            Condition::Unlike(field, parts) => {
                let pattern = self.bind(Value::from(like_pattern(parts)));
                self.push(&format!("NOT coalesce({} LIKE {pattern} ESCAPE '\\', 0)", text_of(*field)));
            }
            Condition::In(field, operands) => {
                let values: Vec<_> = operands.iter().filter_map(|operand| exact(*field, operand)).collect();
                let places: Vec<_> = values.into_iter().map(|value| self.bind(value)).collect();
                self.push(&format!("{} IN ({})", value_of(*field), places.join(", ")));
            }
            Condition::Between(field, low, high) => {
                let low = self.bind(plain(low));
                let high = self.bind(plain(high));
                self.push(&format!("{} BETWEEN {low} AND {high}", text_of(*field)));
            }
            Condition::Unset(field) => self.push(&format!("{} IS {}", column_of(*field), unset(*field))),
            Condition::Set(field) => self.push(&format!("{} IS NOT {}", column_of(*field), unset(*field))),
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
            Comparison::Equal | Comparison::Unequal => match exact(field, operand) {
                Some(value) => {
                    let value = self.bind(value);
                    self.push(&format!("{} {operator} {value}", value_of(field)));
                }
                // A text that is no id equals none.
                None => self.push(if comparison == Comparison::Equal { "0" } else { "1" }),
            },
            _ => {
                let value = self.bind(plain(operand));
                self.push(&format!("{} {operator} {value}", text_of(field)));
            }
        }
    }
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
    }
}

/// What equality and order look at: no classifier counts as `workflow` (rest-api 10.1).
fn value_of(field: Field) -> &'static str {
    match field {
        Field::Classifier => "coalesce(classifier, 'workflow')",
        _ => column_of(field),
    }
}

/// What patterns and ranges look at: ids in their text form.
fn text_of(field: Field) -> &'static str {
    match field {
        Field::WorkflowId => id_text!("id"),
        Field::ParentWorkflowId => id_text!("parent_id"),
        _ => value_of(field),
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
