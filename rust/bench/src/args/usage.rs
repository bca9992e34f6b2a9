//! What the program tells about itself.

/// The commands, the profiles and every option.
pub const USAGE: &str = "\
fastcond-bench run --profile P --url http://HOST:PORT/api [options]   drive a server and check that nothing is lost
fastcond-bench null --port P --dir D [--log-bytes N]                  serve as the null durable server
fastcond-bench fsync --dir D [--seconds T] [--bytes N] [--json FILE]  time grouped appends to this disk

profiles; N as 13, as 10k or as 1m
  exec                     one SIMPLE task: start, poll, update
  payloadN                 the same with N bytes of payload
  overload                 the same at a --rate above what the server can take
  chainN forkN dynN loopN  N tasks: in a row, in a fork, in a dynamic fork, in a loop
  sub                      a sub-workflow of one task
  timersN                  a timer of N seconds before the task; how late the task comes is reported; with --rate
                           the timers fire evenly, without they fire together
  parkedN                  N executions that are started and stay, each with two timers; no workers. Reports memory
                           before and after, and the CPU of --idle-seconds with nothing to do
  idlepollsN               N long polls that find nothing, renewed as they come back; the CPU they cost in --seconds

Without --rate the loop is closed: I executions are unfinished at any time, and a slow server is asked less. With
--rate it is open: executions fall due on a fixed schedule, and every start and every start-to-completed is timed
from then, so that the wait behind a stalled server counts.

options of run
  --target conductor|null  what answers at the URL (conductor); null: the same three requests, no queue behind
  --rate R                 start R executions per second, whether or not the server keeps up (closed loop)
  --starters S             connections that start executions (32, with --rate 256)
  --workers W              connections that poll and report (64, or as many as types)
  --types T                definitions and task types, started in turn (1; idlepollsN: N); exec and its like. With
                           fewer workers than types, workers ask for what was started
  --inflight I             executions unfinished at any time, without --rate (2 W, by the width of a fork; timersN 10k)
  --batch B                tasks asked for in one poll (those of one task 1, others 10)
  --poll-timeout-ms MS     how long a poll may wait for work (100, idlepollsN 5000); given, a single poll is a batch
                           of one
  --payload BYTES          in the input of each execution and of each task, and in each result (1024)
  --seconds T              time during which executions are started, or idle polls watched (10)
  --executions E           stop starting after this many
  --drain-seconds T        time given to finish what was started (60, timersN N more)
  --settle-seconds T       at most this long for work the server put off; its CPU counts (3, parkedN 60)
  --idle-seconds T         how long parkedN watches the idle server (10)
  --series-seconds T       length of an entry of the report's time series (1)
  --sample N               executions whose outcome is asked for at the end (2000)
  --pid PID                server process, children included; again for more of them
  --data-dir DIR           the server's folder: what reaches its disk counts, whoever writes it
  --json FILE              write the report there

A start answered 429 or 503 is refused, which is no error: it is counted, timed and taken out of the books. A refused
poll or result is tried again after a rest.";
