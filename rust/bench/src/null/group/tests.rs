use super::*;
use crate::http::response;

fn request(body: &[u8]) -> Request<'_> {
    Request { is_get: body.is_empty(), body, consumed: 0 }
}

#[test]
fn records_have_length_and_checksum() {
    let mut group = Group::default();
    group.add(7, &request(b"abc"));
    let crc = crc32fast::hash(b"abc").to_le_bytes();
    assert_eq!(group.records(), [&[3, 0, 0, 0][..], &crc, b"abc"].concat());
    assert_eq!(group.replies()[0].connection, 7);
}

#[test]
fn a_group_fills_up_and_empties() {
    let mut group = Group::default();
    assert!(group.is_empty());
    let body = vec![b'x'; BYTES_MAX];
    group.add(1, &request(&body));
    assert!(group.is_full() && !group.is_empty());
    group.clear();
    assert!(group.is_empty() && !group.is_full());
}

#[test]
fn answers_are_whole_responses() {
    for is_get in [true, false] {
        let bytes = Reply { connection: 0, is_get }.bytes();
        let response = response::parse(bytes).unwrap().unwrap();
        assert_eq!((response.status, response.consumed, response.closes), (200, bytes.len(), false));
    }
}
