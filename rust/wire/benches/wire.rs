//! What reading a request and writing a reply cost.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fastcond_wire::{Connection, Form, Limits, Query, ResponseHead, segments, write_response};

const FIELDS: &str = "host: 127.0.0.1:8080\r\naccept: */*\r\naccept-encoding: gzip, deflate\r\n\
    connection: keep-alive\r\nuser-agent: python-httpx/0.28.1\r\ncontent-type: application/json\r\n";

fn post(body_bytes: usize) -> Vec<u8> {
    let body = "x".repeat(body_bytes);
    format!("POST /api/tasks HTTP/1.1\r\n{FIELDS}content-length: {body_bytes}\r\n\r\n{body}").into_bytes()
}

fn chunked(body_bytes: usize) -> Vec<u8> {
    let body = "x".repeat(body_bytes);
    let head = format!("POST /api/tasks HTTP/1.1\r\n{FIELDS}transfer-encoding: chunked\r\n\r\n");
    format!("{head}{body_bytes:x}\r\n{body}\r\n0\r\n\r\n").into_bytes()
}

fn feed(criterion: &mut Criterion, name: &str, bytes: &[u8], read_bytes: usize) {
    let (mut connection, mut out) = (Connection::new(Limits::default()), Vec::new());
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| {
            for read in black_box(bytes).chunks(read_bytes) {
                connection.feed(read, &mut out).expect("well formed");
            }
            connection.answered(out.len());
            out.clear();
        });
    });
}

fn reading(criterion: &mut Criterion) {
    let get = format!("GET /api/tasks/poll/batch/pay?count=10&timeout=100 HTTP/1.1\r\n{FIELDS}\r\n");
    feed(criterion, "read/GET", get.as_bytes(), usize::MAX);
    feed(criterion, "read/POST 1 KB", &post(1_024), usize::MAX);
    feed(criterion, "read/POST 1 KB, 100-byte reads", &post(1_024), 100);
    feed(criterion, "read/POST 1 KB, chunked", &chunked(1_024), usize::MAX);
    feed(criterion, "read/POST 1 MB, 64 KB reads", &post(1_000_000), 65_536);
    feed(criterion, "read/32 POST 1 KB pipelined", &post(1_024).repeat(32), usize::MAX);
}

fn meaning(criterion: &mut Criterion) {
    criterion.bench_function("path/four plain segments", |bencher| {
        bencher.iter(|| segments(black_box("/api/tasks/poll/pay")));
    });
    criterion.bench_function("query/three parameters", |bencher| {
        bencher.iter(|| Query::parse(black_box(Some("workerid=w%201&count=10&timeout=100"))));
    });
}

fn writing(criterion: &mut Criterion) {
    let form = Form { keep_alive: true, http10: false, head_only: false };
    let head = ResponseHead { status: 200, content_type: Some("application/json"), form, extra: &[] };
    let (body, mut out) = (vec![b'x'; 1_024], Vec::new());
    criterion.bench_function("write/200 1 KB", |bencher| {
        bencher.iter(|| {
            out.clear();
            write_response(&mut out, black_box(&head), &body);
        });
    });
}

criterion_group!(benches, reading, meaning, writing);
criterion_main!(benches);
