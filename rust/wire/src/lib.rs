//! HTTP/1.1 on the wire without sockets: strict request parsing, response heads.
//!
//! Bytes go in as they come from the peer, whole requests come out; replies go in as they are ready, bytes
//! come out in the order of the requests. Nothing here reads a clock or a socket, so every rule can be tested
//! with plain byte strings.
//!
//! **Strict on purpose (H38).** Where two readers of the same bytes could see different requests, the
//! connection is refused instead of repaired. How the bytes are cut into reads never changes what comes out:
//! a rule is broken at a certain byte, whoever delivered it.
//!
//! | question | module |
//! | --- | --- |
//! | where does a request end | [`connection`] (and `chunked`) |
//! | what does a head say | `head` |
//! | what is in a request | [`request`] |
//! | what do path and query mean | [`path`] |
//! | in which order do replies leave | [`order`] |
//! | how does a reply look | [`response`] |

mod ascii;
mod chunked;
pub mod connection;
mod head;
pub mod limits;
pub mod order;
pub mod path;
pub mod refusal;
pub mod request;
pub mod response;

pub use connection::{Connection, Phase};
pub use limits::Limits;
pub use order::{Replies, Sent};
pub use path::{Query, segments};
pub use refusal::Refusal;
pub use request::{Method, Request};
pub use response::{Form, ResponseHead, write_response};
