//! `WorkflowSummary`, as searches give it.

use super::masking::masked;
use super::workflow::shown_input;
use fastcond_json::{ArrayWriter, Kind, ObjectWriter, as_str, elements, kind, members};
use fastcond_model::Execution;

/// A time as ISO text in UTC with milliseconds; the civil date is computed without tables.
pub fn iso(ms: i64) -> String {
    let days = ms.div_euclid(86_400_000);
    let in_day = ms.rem_euclid(86_400_000);
    // Days to civil date in the proleptic Gregorian calendar, eras of 400 years from 0000-03-01.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
    let (second, milli) = (in_day / 1_000 % 60, in_day % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Appends the summary of an execution whose definition has that classifier.
pub fn write(execution: &Execution, classifier: &str, fields: &[impl AsRef<str>], out: &mut String) {
    let header = &execution.header;
    let mut object = ObjectWriter::begin(out);
    object.str("workflowType", &header.name).i64("version", i64::from(header.version));
    object.str("workflowId", &execution.id.to_string());
    object.str_if_some("correlationId", header.correlation_id.as_deref());
    object.str("startTime", &iso(header.create_ms)).str("updateTime", &iso(header.update_ms));
    if header.end_ms > 0 {
        object.str("endTime", &iso(header.end_ms));
    }
    object.str("status", header.status.text());
    let input = map_text(&masked(shown_input(execution), fields));
    let output = map_text(&masked(&execution.output, fields));
    object.str("input", &input).str("output", &output);
    object.str_if_some("reasonForIncompletion", header.reason.as_deref());
    let ran_ms = if header.end_ms > 0 { header.end_ms - header.create_ms } else { 0 };
    object.i64("executionTime", ran_ms);
    object.str_if_some("event", header.event.as_deref());
    object.str("failedReferenceTaskNames", &header.failed_refs.join(","));
    let mut names: ArrayWriter<'_> = object.array("failedTaskNames");
    for name in &header.failed_names {
        names.str(name);
    }
    names.end();
    object.i64("priority", i64::from(header.priority));
    object.str_if_some("createdBy", header.created_by.as_deref());
    object.raw("taskToDomain", &header.task_to_domain);
    let parent = header.parent.map(|p| p.workflow.to_string()).unwrap_or_default();
    object.str("parentWorkflowId", &parent).str("classifier", classifier);
    object.i64("inputSize", length(&input)).i64("outputSize", length(&output));
    object.end();
}

/// A payload as Conductor's summaries print it: `{a=1, b=[x, y]}` (data-model section 4).
pub fn map_text(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    write_map_text(json, &mut out);
    out
}

/// Depth is bounded: payloads nest at most as deep as the door lets them.
fn write_map_text(json: &str, out: &mut String) {
    match kind(json) {
        Kind::Object => {
            out.push('{');
            for (at, (key, value)) in members(json).enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                out.push_str(&key.decoded());
                out.push('=');
                write_map_text(value, out);
            }
            out.push('}');
        }
        Kind::Array => {
            out.push('[');
            for (at, value) in elements(json).enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write_map_text(value, out);
            }
            out.push(']');
        }
        Kind::String => out.push_str(&as_str(json).unwrap_or_default()),
        Kind::Null | Kind::Bool | Kind::Number => out.push_str(json),
    }
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{iso, map_text};

    #[test]
    fn payloads_are_printed_as_maps() {
        // data-model section 4, WorkflowSummary
        assert_eq!(
            map_text(r#"{"a":1,"b":{"c":["x",null,2.0]},"d":true}"#),
            "{a=1, b={c=[x, null, 2.0]}, d=true}"
        );
        assert_eq!(map_text("{}"), "{}");
    }

    #[test]
    fn times_are_utc_with_milliseconds() {
        for (ms, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_704_067_199_999, "2023-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(iso(ms), expected);
        }
    }
}
