//! Feeds the same bytes in differently cut pieces and sums up what came out in one line.

use fastcond_wire::{Connection, Limits, Phase, Request};

/// What the pieces became: each request, then how the connection was left.
pub fn outcome(pieces: &[&[u8]], limits: Limits) -> String {
    let (mut connection, mut requests) = (Connection::new(limits), Vec::new());
    let fed: Result<(), _> = pieces.iter().try_for_each(|piece| connection.feed(piece, &mut requests));
    let end = match (fed, connection.phase()) {
        (Err(refusal), phase) => {
            assert_eq!(phase, Phase::Ended);
            assert_eq!(connection.feed(b"more", &mut requests), Err(refusal), "a refusal stands");
            format!("refused {}", refusal.status)
        }
        (Ok(()), Phase::Idle) => "idle".to_owned(),
        (Ok(()), Phase::Head) => "head".to_owned(),
        (Ok(()), Phase::Body) => "body".to_owned(),
        (Ok(()), Phase::Ended) => "ended".to_owned(),
    };
    assert!(requests.iter().zip(0..).all(|(request, seq)| request.seq == seq));
    assert_eq!(connection.next_seq(), requests.len() as u64);
    if requests.len() > 9 {
        return format!("{} requests, {end}", requests.len());
    }
    let shown: Vec<_> = requests.iter().map(show).chain([end]).collect();
    shown.join(", ")
}

fn show(request: &Request) -> String {
    let target = if request.target().len() > 200 { "long target" } else { request.target() };
    let method = if request.target().len() > 200 { "" } else { request.method.as_str() };
    format!("{method} {target} {}", request.body.len()).trim_start().to_owned()
}
