//! The report as a table for people.

use std::fmt::{Display, Formatter, Result};

use super::{Executions, Report};
use crate::waits::float;

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let settings = &self.settings;
        let pace = match settings.rate {
            Some(rate) => format!("{rate} starts/s offered"),
            None => format!("{} in flight", settings.inflight),
        };
        writeln!(
            f,
            "{} on {} ({}), {} starters, {} workers, {pace}, batch {}, payload {} B",
            settings.profile,
            settings.url,
            settings.target,
            settings.starters,
            settings.workers,
            settings.batch,
            settings.payload_bytes
        )?;
        for (name, rates) in [("executions", self.executions.finished), ("tasks", self.tasks)] {
            write!(f, "{name:<11}{:>10} {:>10.1} /s", rates.count, rates.per_s)?;
            match rates.per_server_cpu_s {
                Some(rate) => writeln!(f, " {rate:>10.1} /server-CPU-s")?,
                None => writeln!(f)?,
            }
        }
        self.write_surplus(f)?;
        self.write_use(f)?;
        self.write_latencies(f)?;
        if self.conservation.holds {
            writeln!(f, "conservation holds ({} outcomes asked for)", self.conservation.asked)
        } else {
            writeln!(f, "VIOLATED: {}", self.conservation.violations.join("; "))
        }
    }
}

impl Report {
    /// What the server turned away and the client could not send.
    fn write_surplus(&self, f: &mut Formatter<'_>) -> Result {
        let Executions { offered, missed, .. } = self.executions;
        if missed > 0 {
            writeln!(
                f,
                "missed     {missed:>10} of {offered} starts due were never sent: too few starters, or no time left"
            )?;
        }
        let refused = &self.refused;
        if refused.count + refused.polls + refused.updates > 0 {
            writeln!(
                f,
                "refused    {:>10} starts, {} with Retry-After, p50 {:.0} us, p99 {:.0} us; {} polls, {} results",
                refused.count,
                refused.with_retry_after,
                refused.latency_us.p50,
                refused.latency_us.p99,
                refused.polls,
                refused.updates
            )?;
        }
        Ok(())
    }

    /// What server and client used.
    fn write_use(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(server) = &self.server {
            writeln!(
                f,
                "server     {:>10.2} CPU s ({:.2} s until drained), {:.2} us/task, {} B to disk/execution",
                server.cpu_s,
                server.cpu_until_drained_s,
                server.cpu_us_per_task,
                server.device_bytes_per_execution.map_or("?".to_owned(), |bytes| format!("{bytes:.0}"))
            )?;
            let before = server.resident_bytes_before;
            writeln!(
                f,
                "memory     {:>10.1} MiB before, {:.1} MiB after, {:.0} B/execution",
                mebibytes(before),
                mebibytes(server.resident_bytes),
                server.resident_bytes_per_execution
            )?;
            if let Some(share) = server.idle_cpu_share {
                writeln!(f, "idle       {:>10.3} % of a core", share * 100.0)?;
            }
        }
        let client = &self.client;
        writeln!(
            f,
            "client     {:>10.2} CPU s, wall {:.2} s, {} requests, {} empty polls, {} reconnects",
            client.cpu_s, self.wall_s, client.requests, client.polls_empty, client.reconnects
        )
    }

    /// One row for each kind of wait.
    fn write_latencies(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "{:<20}{:>10}{:>10}{:>10}{:>10}  (us)", "", "p50", "p90", "p99", "max")?;
        let latency = &self.latency_us;
        for (name, row) in [
            ("start", latency.start),
            ("poll with work", latency.poll),
            ("update", latency.update),
            ("start to completed", latency.start_to_completed),
        ]
        .into_iter()
        .chain(latency.late.map(|late| ("later than due", late)))
        .filter(|(_, row)| row.count > 0)
        {
            writeln!(f, "{name:<20}{:>10.0}{:>10.0}{:>10.0}{:>10.0}", row.p50, row.p90, row.p99, row.max)?;
        }
        Ok(())
    }
}

fn mebibytes(bytes: u64) -> f64 {
    float(bytes) / f64::from(1 << 20)
}
