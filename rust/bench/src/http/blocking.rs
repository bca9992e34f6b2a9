//! A plain blocking client for what is not measured: registering definitions, asking for outcomes.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::url::BaseUrl;
use super::{request, response};

/// How long one call may take; registering a definition of 10,000 branches is the slowest.
const CALL_TIMEOUT: Duration = Duration::from_secs(120);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes asked for in one read.
const READ_BYTES: usize = 64 * 1024;

/// Status and body of an answered call.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// The body as it came.
    pub body: Vec<u8>,
}

/// One keep-alive connection that is made again whenever the server has closed it.
#[derive(Debug)]
pub struct Caller {
    url: BaseUrl,
    stream: Option<TcpStream>,
}

impl Caller {
    /// Makes a caller; the connection comes with the first call.
    pub fn new(url: BaseUrl) -> Self {
        Self { url, stream: None }
    }

    /// Makes one call and waits for the answer, whatever its status.
    pub fn call(&mut self, method: &str, call: &str, body: Option<&[u8]>) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect()?,
        };
        let mut bytes = Vec::new();
        let parts = body.map(|body| [body]);
        let parts = parts.as_ref().map(|parts| &parts[..]);
        request::append(&mut bytes, method, &self.url.path(call), &self.url.authority, parts);
        stream.write_all(&bytes)?;
        bytes.clear();
        loop {
            let parsed =
                response::parse(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            if let Some(response) = parsed {
                if !response.closes {
                    self.stream = Some(stream);
                }
                return Ok(Answer { status: response.status, body: response.body.into_owned() });
            }
            let known = bytes.len();
            bytes.resize(known + READ_BYTES, 0);
            let read = stream.read(&mut bytes[known..])?;
            bytes.truncate(known + read);
            if read == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!("the server closed the connection during {method} {call}"),
                ));
            }
        }
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.url.resolve()?, CONNECT_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(CALL_TIMEOUT))?;
        stream.set_write_timeout(Some(CALL_TIMEOUT))?;
        Ok(stream)
    }
}
