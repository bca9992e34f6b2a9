//! The side of the process that evaluates: one call after the other until the server goes.

use super::frame;
use super::stopwatch::{Stopwatch, process_time};
use fastcond_expr::script::Scripts;
use fastcond_json::Raw;
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use std::io::{BufReader, Error, ErrorKind, Read, Result, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// Answers the calls that come on standard input, which is a socket, until it is closed.
///
/// The process dies with the server even in the middle of a script, and leaves no memory image.
pub fn serve() -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    let socket = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    // Whatever else standard input is, nobody would ever answer on it.
    socket.peer_addr()?;
    let mut calls = BufReader::new(&socket);
    let mut scripts = Scripts::with_watch(Arc::new(Stopwatch::new()));
    (&socket).write_all(&frame::answer(&Ok(Raw::null()), process_time()))?;
    let mut request = Vec::new();
    while let Some(length) = next_length(&mut calls)? {
        request.resize(length, 0);
        calls.read_exact(&mut request)?;
        let call = frame::read_call(&request).ok_or_else(|| Error::other("a frame is not a call"))?;
        let result = scripts.answer(&call);
        (&socket).write_all(&frame::answer(&result, process_time()))?;
    }
    Ok(())
}

/// The length of the next frame; none when the server closed the socket between frames.
fn next_length(calls: &mut impl Read) -> Result<Option<usize>> {
    let mut length = [0; 4];
    match calls.read_exact(&mut length) {
        Ok(()) => Ok(usize::try_from(u32::from_le_bytes(length)).ok()),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}
