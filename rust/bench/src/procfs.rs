//! What a process and its children have used, from `/proc`.
//!
//! CPU time is user plus system time of every process of the tree, with that of children that have ended and been
//! waited for, so that the difference of two readings misses nobody. The kernel counts it exactly and shows it
//! in ticks (10 ms): a run of some seconds is read to better than one percent.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// What a set of process trees has used since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// User and system time.
    pub cpu: Duration,
    /// Bytes of file pages made dirty, as the kernel accounts them; zero where it does not tell. A write of some
    /// bytes into a page of a large folio counts as the whole folio, so this can be far above what reaches the disk.
    pub dirtied_bytes: u64,
    /// Memory resident now.
    pub resident_bytes: u64,
}

/// Reads the usage of these processes and all their descendants; a root that is gone is an error.
pub fn usage(roots: &[u32]) -> io::Result<Usage> {
    Processes::of(roots).usage()
}

/// Processes that are read again and again. Who belongs to them is looked up now and then only: that takes a look at
/// every process of the machine, which a client in the middle of a run has no time for.
#[derive(Debug)]
pub struct Processes {
    roots: Vec<u32>,
    family: BTreeSet<u32>,
    readings_left: u32,
}

/// Readings with one look at who belongs to the processes. The time of a child that was missed comes with the next
/// look, or with its parent once it has ended.
const READINGS: u32 = 30;

impl Processes {
    /// These processes and all their descendants.
    pub fn of(roots: &[u32]) -> Self {
        Self { roots: roots.to_vec(), family: BTreeSet::new(), readings_left: 0 }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// Reads their usage; a root that is gone is an error.
    pub fn usage(&mut self) -> io::Result<Usage> {
        if self.is_empty() {
            return Ok(Usage::default());
        }
        if self.readings_left == 0 {
            self.family = family(&self.roots)?;
            self.readings_left = READINGS;
        }
        self.readings_left -= 1;
        let mut total = Usage::default();
        for pid in &self.family {
            self.add(*pid, &mut total)?;
        }
        Ok(total)
    }

    fn add(&self, pid: u32, total: &mut Usage) -> io::Result<()> {
        let stat = match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(text) => parse_stat(&text).ok_or_else(|| malformed("stat", pid))?,
            // A child may end between being listed and being read; its parent has its time by then.
            Err(_) if !self.roots.contains(&pid) => return Ok(()),
            Err(error) => return Err(io::Error::new(error.kind(), format!("process {pid}: {error}"))),
        };
        let ticks_per_second = rustix::param::clock_ticks_per_second();
        total.cpu += Duration::from_nanos(stat.ticks.saturating_mul(1_000_000_000 / ticks_per_second));
        total.resident_bytes += stat.resident_pages * rustix::param::page_size() as u64;
        total.dirtied_bytes += fs::read_to_string(format!("/proc/{pid}/io"))
            .ok()
            .and_then(|text| parse_dirtied(&text))
            .unwrap_or(0);
        Ok(())
    }
}

/// Bytes written so far to the device that holds this folder, by whoever; `None` when it is not a disk of its own.
pub fn device_written(folder: &Path) -> io::Result<Option<u64>> {
    let device = rustix::fs::stat(folder)?.st_dev;
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    Ok(parse_diskstats(&fs::read_to_string("/proc/diskstats")?, major, minor))
}

/// Bytes that the disk holds for the files below this folder; files that come and go meanwhile may be missed.
pub fn stored_bytes(folder: &Path) -> io::Result<u64> {
    let mut total = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            match entry.metadata() {
                Ok(found) if found.is_dir() => folders.push(entry.path()),
                Ok(found) => total += found.blocks() * 512,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(total)
}

/// Sees to it that this process may have so many connections, and some files besides; an error says what is missing.
pub fn allow_files(connections: usize) -> io::Result<()> {
    /// Files besides: standard streams, pollers, what is read from /proc.
    const BESIDES: u64 = 64;
    let wanted = connections as u64 + BESIDES;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let raised = rustix::process::Rlimit { current: Some(wanted), maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).map_err(|errno| {
        let maximum = limit.maximum.unwrap_or(0);
        io::Error::other(format!("{wanted} open files are needed, {maximum} allowed (ulimit -Hn): {errno}"))
    })
}

/// CPU time of this process.
pub fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The roots and everything below them.
fn family(roots: &[u32]) -> io::Result<BTreeSet<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if let Some(stat) = parse_stat(&text) {
            parents.push((pid, stat.parent));
        }
    }
    let mut family: BTreeSet<u32> = roots.iter().copied().collect();
    loop {
        let known = family.len();
        for (pid, parent) in &parents {
            if family.contains(parent) {
                family.insert(*pid);
            }
        }
        if family.len() == known {
            return Ok(family);
        }
    }
}

/// The fields of `/proc/PID/stat` that are of interest.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// utime, stime, cutime and cstime together.
    ticks: u64,
    resident_pages: u64,
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The name in parentheses may contain anything, so the fields are counted from its end: field 3 comes first.
    let fields: Vec<&str> = text.get(text.rfind(')')? + 1..)?.split_ascii_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<i64>().ok().map(i64::unsigned_abs);
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        ticks: number(14)? + number(15)? + number(16)? + number(17)?,
        resident_pages: number(24)?,
    })
}

fn parse_dirtied(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("write_bytes: "))?.trim().parse().ok()
}

/// Bytes written to one device. The unit of the table is 512 bytes whatever the sector size.
fn parse_diskstats(text: &str, major: u32, minor: u32) -> Option<u64> {
    text.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let is_wanted = fields.first()?.parse() == Ok(major) && fields.get(1)?.parse() == Ok(minor);
        if is_wanted { fields.get(9)?.parse::<u64>().ok().map(|units| units * 512) } else { None }
    })
}

fn malformed(file: &str, pid: u32) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{pid}/{file} is not as expected"))
}
