//! What a search finds inside a record: the tasks of an execution, and its words.
//!
//! Called on the archive thread, for records that are written and for those of a file that is indexed anew.

use super::{Options, SearchKept, rows};
use fastcond_model::{Execution, Task, codec};
use fastcond_store::{Contents, Kept, TaskDoc};
use std::fmt::Write;

/// Bytes of names that are indexed of one execution, and bytes of its input and of its output each. What comes after
/// them is not found.
const NAMES_BYTES_MAX: usize = 16 << 10;
const PAYLOAD_BYTES_MAX: usize = 4 << 10;

/// What an archive keeps for searches of a server with these options.
pub fn kept(options: &Options) -> Option<Kept> {
    let SearchKept { executions, tasks, words } = options.search;
    (executions && (words || tasks)).then_some(Kept { describe, tasks, words })
}

/// What there is to find in a record; nothing in one that cannot be read.
pub fn describe(record: &[u8], flags: u32, words: bool) -> Contents {
    let Ok(execution) = codec::apply(None, record) else { return Contents::default() };
    let tasks = execution.tasks.iter().map(|task| task_doc(&execution, task)).collect();
    let text = if words { text(&execution, flags & rows::SHOWS_PAYLOADS == 0) } else { String::new() };
    Contents { tasks, text }
}

fn task_doc(execution: &Execution, task: &Task) -> TaskDoc {
    TaskDoc {
        id: execution.id.task(task.no).0.to_be_bytes(),
        no: task.no,
        task_type: task.task_type.clone(),
        name: task.def_name.clone(),
        reference: task.reference.clone(),
        status: task.status.text(),
        scheduled_ms: task.scheduled_ms,
        start_ms: task.start_ms,
        update_ms: task.update_ms,
        end_ms: task.end_ms,
        domain: task.domain.clone(),
        reason: task.reason.clone(),
    }
}

/// The text whose words find an execution: its id, name, status, correlation id, reason and event, reference names and
/// types of its tasks, input and output. Payloads with masked fields stay out, as nobody may read those (S-92.7).
fn text(execution: &Execution, hides_payloads: bool) -> String {
    let header = &execution.header;
    let mut out = String::with_capacity(256 + execution.input.len() + execution.output.len());
    let _ = write!(out, "{} {} {}", execution.id, header.name, header.status.text());
    for text in [&header.correlation_id, &header.reason, &header.event].into_iter().flatten() {
        push(&mut out, text, NAMES_BYTES_MAX);
    }
    let mut type_before = None;
    for task in execution.tasks.iter() {
        if out.len() > NAMES_BYTES_MAX {
            break;
        }
        push(&mut out, &task.reference, NAMES_BYTES_MAX);
        if task.def_name != task.reference && type_before != Some(&task.def_name) {
            push(&mut out, &task.def_name, NAMES_BYTES_MAX);
        }
        type_before = Some(&task.def_name);
    }
    if !hides_payloads {
        for payload in [&execution.input, &execution.output] {
            push_payload(&mut out, payload);
        }
    }
    out
}

fn push(out: &mut String, text: &str, max: usize) {
    out.push(' ');
    out.push_str(cut(text, max));
}

/// The beginning of a text, at most so many bytes of it.
fn cut(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// The words of a JSON text: names and values. Quotes, brackets and commas stand between words anyhow, so only escapes
/// have to be read.
fn push_payload(out: &mut String, json: &str) {
    out.push(' ');
    let mut rest = cut(json, PAYLOAD_BYTES_MAX);
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        rest = if escape.starts_with('u') {
            let (symbol, after) = unescaped(escape);
            out.push(symbol.unwrap_or(' '));
            after
        } else {
            out.push(' ');
            let skipped = escape.chars().next().map_or(0, char::len_utf8);
            &escape[skipped..]
        };
    }
    out.push_str(rest);
}

/// The character of an escape from its `u` on, with its second half if it has one, and what comes after.
fn unescaped(escape: &str) -> (Option<char>, &str) {
    let unit = |text: &str| {
        let digits = text.strip_prefix('u')?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let Some(first) = unit(escape) else { return (None, &escape[1..]) };
    let after = &escape[5..];
    if let Some(second) = after.strip_prefix('\\').and_then(unit)
        && let Some(Ok(symbol)) = char::decode_utf16([first, second]).next()
        && symbol.len_utf16() == 2
    {
        return (Some(symbol), &after[6..]);
    }
    (char::decode_utf16([first]).next().and_then(Result::ok), after)
}

#[cfg(test)]
mod tests {
    use super::{describe, push_payload, rows};
    use fastcond_json::Raw;
    use fastcond_model::exec::Header;
    use fastcond_model::{DefId, Execution, WorkflowId, codec};

    #[test]
    fn payloads_are_found_only_where_the_row_says_so() {
        // S-92.7: a row from before there was such a search does not say whether its definition masks fields.
        let header = Header::new(DefId(0), "flow".into(), 1);
        let mut execution = Execution::new(WorkflowId(1), header);
        execution.revision = 1;
        execution.input = Raw::of_checked(r#"{"fruit":"plum"}"#);
        let mut record = Vec::new();
        codec::encode_snapshot(&mut record, &execution);
        let text = |flags: u32| describe(&record, flags, true).text;
        assert!(text(rows::SHOWS_PAYLOADS).contains("plum"));
        assert!(!text(0).contains("plum"));
        assert!(text(0).contains("flow"), "the rest is found all the same");
    }

    fn words(json: &str) -> String {
        let mut out = String::new();
        push_payload(&mut out, json);
        out
    }

    #[test]
    fn escapes_are_read_and_the_rest_is_copied() {
        let table = [
            (r#"{"a":"line\nnext"}"#, r#" {"a":"line next"}"#),
            (r#"{"a":"gr\u00f6\u00DFe"}"#, r#" {"a":"größe"}"#),
            (r#"["\ud83d\udce6x"]"#, r#" ["📦x"]"#),
            (r#"["\ud83d"]"#, r#" [" "]"#),
            (r#"["\ud83d\u0041"]"#, r#" [" A"]"#),
            (r#"["a\\b\"c\/d"]"#, r#" ["a b c d"]"#),
        ];
        for (json, expected) in table {
            assert_eq!(words(json), expected, "{json}");
        }
        for odd in ["\\", "\\u", "\\u12", "\\u12é", "é\\", "\\ud83d\\u", "\\uzzzz"] {
            words(odd);
        }
    }
}
