//! What the program tells about itself.

/// The commands, the profiles and every option.
pub const USAGE: &str = "\
fastcond-bench run --profile P --url http://HOST:PORT/api [options]   drive a server and check that nothing is lost
fastcond-bench null --port P --dir D [--log-bytes N]                  serve as the null durable server
fastcond-bench fsync --dir D [--seconds T] [--bytes N] [--json FILE]  time grouped appends to this disk

profiles: exec, chainN, forkN, dynN, loopN; N as 13 or as 10k

Without --rate the loop is closed: I executions are unfinished at any time, and a slow server is asked less. With
--rate it is open: executions fall due on a fixed schedule, and every start and every start-to-completed is timed
from then, so that the wait behind a stalled server counts.

options of run
  --target conductor|null  what answers at the URL (conductor); null: the same three requests, no queue behind
  --rate R                 start R executions per second, whether or not the server keeps up (closed loop)
  --starters S             connections that start executions (32, with --rate 256)
  --workers W              connections that poll and report (64)
  --inflight I             executions unfinished at any time, without --rate (2 W, by the width of a fork)
  --batch B                tasks asked for in one poll (exec 1, others 10)
  --poll-timeout-ms MS     how long a poll may wait for work (100); given, a single poll is a batch of one
  --payload BYTES          in the input of each execution and of each task, and in each result (1024)
  --seconds T              time during which executions are started (10)
  --executions E           stop starting after this many
  --drain-seconds T        time given to finish what was started (60)
  --settle-seconds T       at most this long for work the server put off; its CPU counts (3)
  --sample N               executions whose outcome is asked for at the end (2000)
  --pid PID                server process, children included; again for more of them
  --data-dir DIR           the server's folder: what reaches its disk counts, whoever writes it
  --json FILE              write the report there

A start answered 429 or 503 is refused, which is no error: it is counted, timed and taken out of the books. A refused
poll or result is tried again after a rest.";
