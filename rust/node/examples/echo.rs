//! Answers every request at once: what sockets, HTTP and framing alone take.
//!
//! `echo PORT FOLDER` serves with the product's own sockets, parser, reply order and response heads (`Server::turn`), and
//! answers whatever comes under `/echo` on the thread that read it. No Python, no engine, no journal: those threads
//! run, as a server has them, and sleep. Answers are those of the null durable server, so that the same client
//! (`fastcond-bench run --target null --url http://127.0.0.1:PORT/echo`) drives both.

use fastcond_node::machine::Options;
use fastcond_node::server::{Bounds, Server, ServerOptions};
use fastcond_store::Settings;
use fastcond_wire::Method;
use rustix::event::{PollFd, PollFlags, poll};
use std::net::{IpAddr, Ipv4Addr};

/// The allocator of the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Text of the length of an id.
const POST_BODY: &[u8] = b"00000000-0000-4000-8000-000000000000";
const GET_BODY: &[u8] = b"{\"taskId\":\"00000000-0000-4000-8000-000000000000\"}";

fn main() {
    let mut words = std::env::args().skip(1);
    let port = words.next().and_then(|text| text.parse().ok()).expect("the first argument is a port");
    let folder = words.next().expect("the second argument is a folder");
    let options =
        ServerOptions { store: Settings::new(folder), machine: Options::default(), script_command: None };
    let mut server = Server::open(options).expect("an empty folder opens");
    let bound = server.listen(IpAddr::V4(Ipv4Addr::LOCALHOST), port, Bounds::default());
    println!("echo on http://127.0.0.1:{}/echo", bound.expect("the port is free"));
    let text = [("content-type".to_owned(), "text/plain;charset=UTF-8".to_owned())];
    let json = [("content-type".to_owned(), "application/json".to_owned())];
    loop {
        poll(&mut [PollFd::new(&server, PollFlags::IN)], None).expect("a descriptor can be polled");
        // What a turn leaves is answered, and the next turn writes it, as the product's loop does.
        loop {
            let cold = server.turn().expect("the sockets can be watched").cold;
            if cold.is_empty() {
                break;
            }
            for (conn, asked) in cold {
                let (headers, body) = match asked.request.method {
                    Method::Get => (&json, GET_BODY),
                    _ => (&text, POST_BODY),
                };
                server.front.respond(conn, asked.seq, 200, headers, body);
            }
        }
    }
}
