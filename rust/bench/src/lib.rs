//! Compiled load generator and the null durable server.
//!
//! Three programs in one binary, `fastcond-bench`:
//!
//! * `run` drives any Conductor-compatible URL from one thread, in a closed or an open loop, counts what the server burnt for
//!   it, and checks that nothing was lost or handed out twice;
//! * `null` is the ceiling: a server that receives, logs durably and answers, and does nothing else;
//! * `fsync` is the floor under both: how fast this disk makes an append durable.
//!
//! The crate uses no other crate of the workspace, so that what it measures cannot lean on what it measures with.

pub mod args;
pub mod cli;
pub mod fsync;
pub mod http;
pub mod load;
pub mod null;
pub mod poller;
pub mod procfs;
pub mod profile;
pub mod socket;
pub mod ticker;
pub mod waits;
