//! Where the server under test is: `http://host:port/prefix`.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

#[cfg(test)]
mod tests;

/// The base URL of an API, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// `host:port`, as the Host header wants it.
    pub authority: String,
    /// What every path starts with, such as `/api`; may be empty.
    pub prefix: String,
}

impl BaseUrl {
    /// Finds the address to connect to.
    pub fn resolve(&self) -> io::Result<SocketAddr> {
        self.authority.to_socket_addrs()?.next().ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("no address for {}", self.authority))
        })
    }

    /// The path of a call below the base.
    pub fn path(&self, call: &str) -> String {
        format!("{}{call}", self.prefix)
    }
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "http://{}{}", self.authority, self.prefix)
    }
}

impl FromStr for BaseUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("http://").ok_or("want http://host:port/prefix")?;
        let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let has_port = authority
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0));
        if authority.contains(['@', '?', '#', ' ']) || prefix.contains(['?', '#', ' ']) {
            return Err("want no user, query or fragment in the URL");
        }
        let authority = if has_port { authority.to_owned() } else { format!("{authority}:80") };
        if authority.starts_with(':') {
            return Err("want a host in the URL");
        }
        Ok(Self { authority, prefix: prefix.trim_end_matches('/').to_owned() })
    }
}
