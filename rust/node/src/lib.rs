//! One server process: the machine that decides, the threads that make it durable, the connections that ask.
//!
//! [`machine::Machine`] is the whole server without threads, files or clock: calls in, replies and journal records out.
//! [`server::Server`] runs it on an engine thread, with a journal thread behind it (nothing is answered before it is
//! durable) and an archive thread behind that. [`model::Model`] runs it on virtual time for tests.

pub mod calls;
pub mod front;
pub mod machine;
pub mod model;
pub mod reply;
pub mod scripts;
pub mod server;
mod sockets;
