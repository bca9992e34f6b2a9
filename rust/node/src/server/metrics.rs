//! Metrics as Prometheus text (product 4.3); names of Conductor keep their type and labels.

use super::Shared;
use crate::machine::Machine;
use crate::machine::stats::Counts;
use std::fmt::Write;
use std::sync::atomic::Ordering;

fn label(out: &mut String, name: &str, value: &str, is_first: bool) {
    if !is_first {
        out.push(',');
    }
    out.push_str(name);
    out.push_str("=\"");
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
    out.push('"');
}

fn head(out: &mut String, name: &str, kind: &str) {
    let _ = writeln!(out, "# TYPE {name} {kind}");
}

fn counts(out: &mut String, name: &str, labels: &[&str], fixed: &[(&str, &str)], counts: &Counts) {
    head(out, name, "counter");
    for (values, count) in counts.iter() {
        out.push_str(name);
        out.push('{');
        let mut is_first = true;
        for (key, value) in
            labels.iter().copied().zip(values.iter().map(|v| &**v)).chain(fixed.iter().copied())
        {
            label(out, key, value, is_first);
            is_first = false;
        }
        let _ = writeln!(out, "}} {count}");
    }
}

fn gauge(out: &mut String, name: &str, value: impl std::fmt::Display) {
    head(out, name, "gauge");
    let _ = writeln!(out, "{name} {value}");
}

/// Renders everything the engine counts.
pub(super) fn render(machine: &Machine, shared: &Shared) -> String {
    let mut out = String::with_capacity(4096);
    let stats = &machine.stats;
    let owner = [("ownerApp", "unknown")];
    counts(&mut out, "workflow_start_success_total", &["workflowName"], &owner, &stats.started);
    counts(&mut out, "fastcond_workflow_ended_total", &["workflowName", "status"], &[], &stats.ended);
    counts(&mut out, "task_poll_total", &["taskType"], &[], &stats.polls);
    counts(&mut out, "fastcond_task_handed_out_total", &["taskType"], &[], &stats.handed_out);
    counts(
        &mut out,
        "fastcond_event_actions_total",
        &["handler", "action", "status"],
        &[],
        &stats.event_actions,
    );
    counts(&mut out, "task_timeout_total", &["taskType"], &[], &stats.timed_out);
    head(&mut out, "task_queue_depth", "gauge");
    for (_, key, size) in machine.queues.sizes() {
        out.push_str("task_queue_depth{");
        label(&mut out, "taskType", &key.to_string(), true);
        label(&mut out, "ownerApp", "unknown", false);
        let _ = writeln!(out, "}} {size}");
    }
    head(&mut out, "fastcond_starts_refused_total", "counter");
    let _ = writeln!(out, "fastcond_starts_refused_total {}", shared.refused.load(Ordering::Relaxed));
    head(&mut out, "fastcond_late_results_total", "counter");
    let _ = writeln!(out, "fastcond_late_results_total {}", stats.dropped_reports);
    head(&mut out, "fastcond_commits_total", "counter");
    let _ = writeln!(out, "fastcond_commits_total {}", stats.commits);
    head(&mut out, "fastcond_journal_bytes_total", "counter");
    let _ = writeln!(out, "fastcond_journal_bytes_total {}", stats.journal_bytes);
    gauge(&mut out, "fastcond_executions_in_memory", machine.executions.len());
    gauge(&mut out, "fastcond_executions_resting", machine.resting());
    gauge(&mut out, "fastcond_parked_polls", machine.parked_polls());
    gauge(&mut out, "fastcond_waiting_requests", machine.waiting_requests());
    gauge(&mut out, "fastcond_unarchived_changes", machine.dirty_count());
    gauge(&mut out, "fastcond_durable_position", shared.durable.load(Ordering::Acquire));
    gauge(&mut out, "fastcond_inbox_waiting", shared.waiting());
    out
}
