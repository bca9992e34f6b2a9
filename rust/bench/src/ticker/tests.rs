use super::*;
use crate::poller::Poller;

fn is_ready(poller: &mut Poller, wait: Option<Duration>) -> bool {
    let mut ready = Vec::new();
    poller.wait(wait, &mut ready).unwrap();
    ready.iter().any(|readiness| readiness.token == 7 && readiness.readable)
}

#[test]
fn it_ticks_again_after_it_was_acknowledged_and_not_before() {
    let mut poller = Poller::new().unwrap();
    // Far apart, so that a slow machine does not get to the next tick by itself.
    let ticker = Ticker::every(Duration::from_millis(300)).unwrap();
    poller.add(&ticker, 7).unwrap();
    for _ in 0..2 {
        while !is_ready(&mut poller, None) {}
        assert!(is_ready(&mut poller, Some(Duration::ZERO)), "readable until it is acknowledged");
        ticker.acknowledge().unwrap();
        assert!(!is_ready(&mut poller, Some(Duration::ZERO)));
    }
}

#[test]
fn acknowledging_without_a_tick_is_harmless() {
    assert!(Ticker::every(Duration::from_secs(60)).unwrap().acknowledge().is_ok());
}

#[test]
fn no_period_is_too_short_to_tick() {
    let mut poller = Poller::new().unwrap();
    let ticker = Ticker::every(Duration::ZERO).unwrap();
    poller.add(&ticker, 7).unwrap();
    while !is_ready(&mut poller, None) {}
}
