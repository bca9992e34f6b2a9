//! Ready queues, leases, timing wheel and limits as a value without I/O.
//!
//! Nothing here knows a clock, a thread or a file: every time arrives as an argument in milliseconds, and the
//! same calls give the same answers on every run. The embedded store uses these structures directly; stores
//! that lease in Lua or SQL are compared with them call by call.
//!
//! | question | module |
//! | --- | --- |
//! | which task is handed out next | [`ready`] |
//! | who holds a task, and until when | [`lease`] |
//! | what fires next | [`wheel`] |
//! | may this task be handed out now | [`limits`] |
//! | which parked poll is answered next | [`polls`] |
//! | who polled last | [`poll_data`] |
//! | may this execution begin now | [`admission`] |

pub mod admission;
pub mod lease;
pub mod limits;
pub mod names;
pub mod poll_data;
pub mod polls;
pub mod ready;
mod slab;
pub mod wheel;

pub use admission::{Admissions, LimitKey};
pub use lease::{Lease, LeaseLost, LeaseTable};
pub use limits::{Concurrency, RateLimit, Released};
pub use names::{QueueId, QueueKey, QueueRef};
pub use poll_data::{LastPoll, PollData};
pub use polls::{ParkedPolls, Waiter};
pub use ready::{Message, ReadyQueues};
pub use wheel::{TimerHandle, TimingWheel};

/// One task attempt: the execution it belongs to and its number within that execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskKey {
    /// The execution's id.
    pub workflow: u128,
    /// The attempt's number within the execution.
    pub task: u32,
}
