//! How replies look and in which order they leave.

use fastcond_wire::{Form, Replies, ResponseHead, Sent, write_response};
use proptest::prelude::*;

const GOING_ON: Form = Form { keep_alive: true, http10: false, head_only: false };

fn written(
    status: u16,
    content_type: Option<&str>,
    form: Form,
    extra: &[(&str, &str)],
    body: &str,
) -> String {
    let mut out = Vec::new();
    write_response(&mut out, &ResponseHead { status, content_type, form, extra }, body.as_bytes());
    String::from_utf8(out).expect("ASCII")
}

#[test]
fn plain_reply() {
    assert_eq!(
        written(200, Some("application/json"), GOING_ON, &[("x-a", "b")], "{}"),
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nx-a: b\r\n\r\n{}"
    );
}

/// sdk-clients rule 10: void operations answer 200 with a length of zero that is really there.
#[test]
fn empty_reply_has_a_length() {
    assert_eq!(written(200, None, GOING_ON, &[], ""), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
}

#[test]
fn replies_without_a_body_by_status() {
    assert_eq!(written(204, Some("text/plain"), GOING_ON, &[], "x"), "HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(written(304, None, GOING_ON, &[], "x"), "HTTP/1.1 304 Not Modified\r\n\r\n");
}

#[test]
fn head_reply_has_the_length_of_the_body_it_leaves_out() {
    let form = Form { head_only: true, ..GOING_ON };
    let reply = written(200, Some("text/plain"), form, &[], "hello");
    assert_eq!(reply, "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\n");
}

#[test]
fn the_connection_field_says_what_the_version_does_not() {
    let closing = written(200, None, Form::LAST, &[], "");
    assert_eq!(closing, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let old = written(200, None, Form { http10: true, ..GOING_ON }, &[], "");
    assert_eq!(old, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n");
    let old_closing = written(200, None, Form { http10: true, ..Form::LAST }, &[], "");
    assert_eq!(old_closing, closing);
}

#[test]
fn statuses_known_and_unknown() {
    for status in 200..600u16 {
        let reply = written(status, None, GOING_ON, &[], "");
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{reply}");
        assert!(reply.ends_with("\r\n\r\n"), "{reply}");
    }
    assert!(written(599, None, GOING_ON, &[], "").starts_with("HTTP/1.1 599 \r\n"));
}

/// H20: a value with line ends must not become a field or a reply of its own.
#[test]
fn values_cannot_split_a_reply() {
    let reply =
        written(200, None, GOING_ON, &[("location", "/a\r\nset-cookie: b\0\n\r\nHTTP/1.1 200 OK")], "");
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n";
    assert_eq!(reply, format!("{head}location: /a  set-cookie: b    HTTP/1.1 200 OK\r\n\r\n"));
}

fn taken(replies: &mut Replies) -> (String, Sent) {
    let mut out = Vec::new();
    let sent = replies.take_ready(&mut out);
    (String::from_utf8(out).expect("ASCII"), sent)
}

#[test]
fn replies_leave_in_the_order_of_their_requests() {
    let mut replies = Replies::new();
    (0..4).for_each(|seq| replies.open(seq));
    replies.complete(2, b"two ".to_vec(), false);
    assert_eq!(taken(&mut replies), (String::new(), Sent { replies: 0, close: false }));
    replies.complete(0, b"zero ".to_vec(), false);
    assert_eq!(taken(&mut replies), ("zero ".to_owned(), Sent { replies: 1, close: false }));
    replies.complete(1, b"one ".to_vec(), false);
    assert_eq!(taken(&mut replies), ("one two ".to_owned(), Sent { replies: 2, close: false }));
    assert_eq!(replies.outstanding(), 1);
}

#[test]
fn nothing_leaves_after_the_last_reply() {
    let mut replies = Replies::new();
    (0..3).for_each(|seq| replies.open(seq));
    replies.complete(2, b"two".to_vec(), false);
    replies.complete(1, b"one".to_vec(), true);
    assert_eq!(taken(&mut replies), (String::new(), Sent { replies: 0, close: false }));
    replies.complete(0, b"zero ".to_vec(), false);
    assert_eq!(taken(&mut replies), ("zero one".to_owned(), Sent { replies: 2, close: true }));
    replies.open(3);
    replies.complete(3, b"three".to_vec(), false);
    replies.continue_with(4);
    assert_eq!(taken(&mut replies), (String::new(), Sent { replies: 0, close: true }));
    assert_eq!(replies.outstanding(), 0);
}

#[test]
fn one_hundred_continue_waits_for_the_replies_before_it() {
    let mut replies = Replies::new();
    replies.open(0);
    replies.continue_with(1);
    assert_eq!(taken(&mut replies).0, "");
    replies.complete(0, b"zero ".to_vec(), false);
    assert_eq!(taken(&mut replies).0, "zero HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(taken(&mut replies).0, "", "said once");
    replies.open(1);
    replies.complete(1, b"one".to_vec(), false);
    assert_eq!(taken(&mut replies).0, "one");
}

#[test]
fn one_hundred_continue_is_not_said_once_the_body_has_come() {
    let mut replies = Replies::new();
    replies.open(0);
    replies.continue_with(1);
    replies.open(1);
    replies.complete(0, b"zero".to_vec(), false);
    assert_eq!(taken(&mut replies).0, "zero");
}

#[test]
#[should_panic(expected = "answered once")]
fn a_request_answered_twice_ends_the_process() {
    let mut replies = Replies::new();
    replies.open(0);
    replies.complete(0, Vec::new(), false);
    replies.complete(0, Vec::new(), false);
}

proptest! {
    #[test]
    fn any_order_of_completion_gives_the_order_of_requests(
        order in Just((0..20u64).collect::<Vec<_>>()).prop_shuffle(),
        takes in prop::collection::vec(any::<bool>(), 20),
        last in 0..25u64,
    ) {
        let (mut replies, mut out, mut sent) = (Replies::new(), Vec::new(), 0);
        (0..20).for_each(|seq| replies.open(seq));
        for (seq, take) in order.into_iter().zip(takes) {
            replies.complete(seq, format!("{seq};").into_bytes(), seq == last);
            if take {
                sent += replies.take_ready(&mut out).replies;
            }
        }
        let end = replies.take_ready(&mut out);
        let leaving = 0..20u64.min(last + 1);
        let expected: String = leaving.flat_map(|seq| [seq.to_string(), ";".to_owned()]).collect();
        prop_assert_eq!(String::from_utf8(out).expect("ASCII"), expected);
        prop_assert_eq!(sent + end.replies, usize::try_from(20u64.min(last + 1)).expect("small"));
        prop_assert_eq!(end.close, last < 20);
    }
}
