//! What searches find: the semantics of every operator on a small set of documents.

use std::sync::Arc;

use fastcond_store::{Archive, ArchiveOptions, ArchiveReader, Batch, Doc, Id, Row, SearchQuery};

fn id(number: u8) -> Id {
    [number; 16]
}

/// Six executions; `n` in the tables below is the number of the execution.
fn archive() -> (tempfile::TempDir, ArchiveReader) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut archive = Archive::open(&folder.path().join("a.sqlite"), id(9), ArchiveOptions::default())
        .expect("a new archive");
    let doc = |number: u8, name: &str, status: &str, start_ms: i64, end_ms: i64| Doc {
        id: id(number),
        name: name.to_owned(),
        version: i32::from(number % 3),
        status: status.to_owned(),
        start_ms,
        end_ms,
        update_ms: start_ms.max(end_ms),
        ..Doc::default()
    };
    let docs = vec![
        Doc { correlation_id: Some("c1".to_owned()), ..doc(1, "order", "RUNNING", 1000, 0) },
        Doc {
            reason: Some("100% late_fee".to_owned()),
            priority: 5,
            ..doc(2, "order", "FAILED", 2000, 2500)
        },
        Doc {
            parent_id: Some(id(1)),
            classifier: Some("agent".to_owned()),
            ..doc(3, "shipping", "COMPLETED", 3000, 3100)
        },
        Doc {
            reason: Some("It's \\ odd".to_owned()),
            failed_refs: Some("pay,ship".to_owned()),
            ..doc(4, "Order_2", "FAILED", 4000, 9000)
        },
        Doc {
            event: Some("queue:in".to_owned()),
            classifier: Some("workflow".to_owned()),
            ..doc(5, "refund", "PAUSED", 5000, 0)
        },
        Doc {
            correlation_id: Some("C1".to_owned()),
            ..doc(6, "order", "COMPLETED", 1_709_208_000_000, 1_709_208_001_000)
        },
    ];
    let row = |doc: Doc| Row {
        id: doc.id,
        open: doc.end_ms == 0,
        next_due: None,
        ready: Vec::new(),
        flags: 0,
        doc,
        record: Arc::default(),
    };
    let batch = Batch { covered: 1, upserts: docs.into_iter().map(row).collect(), ..Batch::default() };
    archive.write_batch(&batch).expect("written");
    let reader = archive.reader().expect("a reader");
    // The reader keeps the write-ahead log alive; the writer may go.
    drop(archive);
    (folder, reader)
}

fn numbers(reader: &ArchiveReader, query: &SearchQuery) -> (u64, Vec<u8>) {
    let (total, docs) = reader.search(query).unwrap_or_else(|fault| panic!("{query:?}: {fault}"));
    (total, docs.into_iter().map(|doc| doc.id[0]).collect())
}

#[test]
fn queries_find_what_the_contract_says() {
    let (_folder, reader) = archive();
    let table: &[(&str, &[u8])] = &[
        // B-15.2, the operators.
        ("", &[1, 2, 3, 4, 5, 6]),
        ("status = 'FAILED'", &[2, 4]),
        ("status != 'FAILED'", &[1, 3, 5, 6]),
        ("status = FAILED AND workflowType = order", &[2]),
        ("status IN (RUNNING, 'PAUSED')", &[1, 5]),
        ("status = 'RUNNING' OR status = 'FAILED' AND priority = 5", &[1, 2]),
        ("(status = 'RUNNING' OR status = 'FAILED') AND priority = 5", &[2]),
        ("startTime > 2000", &[3, 4, 5, 6]),
        ("startTime >= 2000", &[2, 3, 4, 5, 6]),
        ("startTime < 2000", &[1]),
        ("startTime <= 2000", &[1, 2]),
        ("startTime BETWEEN 2000 AND 4000", &[2, 3, 4]),
        ("startTime = '2024-02-29T12:00:00Z'", &[6]),
        ("startTime > 2024-02-29 AND endTime < 2024-03-01", &[6]),
        ("workflowType STARTS_WITH 'ord'", &[1, 2, 4, 6]),
        ("workflowType = 'order'", &[1, 2, 6]),
        ("version = 2", &[2, 5]),
        ("version != '2'", &[1, 3, 4, 6]),
        // `*` is a wildcard in either case of letters; `%`, `_` and `\` are themselves (G25).
        ("workflowType = 'ORDER*'", &[1, 2, 4, 6]),
        ("workflowType = '*_*'", &[4]),
        ("workflowType = 'order_*'", &[4]),
        ("workflowType != 'ord*'", &[3, 5]),
        ("reasonForIncompletion = '*100%*'", &[2]),
        ("reasonForIncompletion = '*%late*'", &[]),
        ("reasonForIncompletion = 'It\\'s \\\\ odd'", &[4]),
        ("reasonForIncompletion = '*\\\\*'", &[4]),
        ("failedReferenceTaskNames = '*ship*'", &[4]),
        // Not set: null and empty are the same, an unfinished execution has no end (rest-api 10.1).
        ("correlationId IS NULL", &[2, 3, 4, 5]),
        ("correlationId IS NOT NULL", &[1, 6]),
        ("correlationId = ''", &[2, 3, 4, 5]),
        ("correlationId = 'c1'", &[1]),
        ("correlationId != 'c1'", &[2, 3, 4, 5, 6]),
        ("endTime IS NULL", &[1, 5]),
        ("endTime < 1", &[1, 5]),
        ("executionTime > 0", &[2, 3, 4, 6]),
        ("executionTime = 5000", &[4]),
        ("executionTime > 1.5e3", &[4]),
        // Ids in their text form.
        ("workflowId = '02020202-0202-0202-0202-020202020202'", &[2]),
        ("workflowId = '02020202-0202-0202-0202-020202020202' OR workflowId = 'no such id'", &[2]),
        ("workflowId IN ('03030303-0303-0303-0303-030303030303', nonsense)", &[3]),
        ("workflowId = 'nonsense'", &[]),
        ("workflowId != 'nonsense'", &[1, 2, 3, 4, 5, 6]),
        ("workflowId = '0404*'", &[4]),
        ("workflowId > '05'", &[5, 6]),
        ("parentWorkflowId = ''", &[1, 2, 4, 5, 6]),
        ("parentWorkflowId = '01010101-0101-0101-0101-010101010101'", &[3]),
        // rest-api 10.1: `workflow` also matches no classifier.
        ("classifier = 'workflow'", &[1, 2, 4, 5, 6]),
        ("classifier IN (workflow,agent)", &[1, 2, 3, 4, 5, 6]),
        ("classifier = 'agent'", &[3]),
        ("classifier != 'workflow'", &[3]),
        ("event = 'queue:in'", &[5]),
        // H20-H24: text of the client is never SQL.
        ("workflowType = \"x' OR 1=1 --\"", &[]),
        ("workflowType = 'x\"); DROP TABLE executions; --'", &[]),
        ("status IN ('a'')", &[]),
    ];
    for (query, expected) in table {
        let Ok(search) = SearchQuery::parse(query, "", "startTime:ASC", 0, 100) else {
            assert!(expected.is_empty(), "{query} is malformed");
            continue;
        };
        assert_eq!(numbers(&reader, &search), (expected.len() as u64, expected.to_vec()), "{query}");
    }
}

/// B-15.4: free text is looked for in every field, in either case, beside the query.
#[test]
fn free_text_looks_into_every_field() {
    let (_folder, reader) = archive();
    let table: &[(&str, &str, &[u8])] = &[
        ("", "*", &[1, 2, 3, 4, 5, 6]),
        ("", "LATE", &[2]),
        ("", "100%", &[2]),
        ("", "c1", &[1, 6]),
        ("", "queue:in", &[5]),
        ("", "0303-03", &[3]),
        ("", "ord*fail", &[]),
        ("", "it*odd", &[4]),
        ("status = FAILED", "order", &[2, 4]),
    ];
    for (query, text, expected) in table {
        let search = SearchQuery::parse(query, text, "startTime", 0, 100).expect("valid");
        assert_eq!(numbers(&reader, &search).1, *expected, "{query} {text}");
    }
}

/// B-15.5, B-15.6: sort by any field, then page; the total counts all.
#[test]
fn results_are_sorted_and_paged() {
    let (_folder, reader) = archive();
    let table: &[(&str, u32, u32, &[u8])] = &[
        ("", 0, 100, &[6, 5, 4, 3, 2, 1]),
        ("startTime", 0, 100, &[1, 2, 3, 4, 5, 6]),
        ("startTime:DESC", 1, 2, &[5, 4]),
        ("startTime:ASC", 4, 10, &[5, 6]),
        ("startTime:ASC", 6, 10, &[]),
        ("startTime:ASC", 0, 0, &[]),
        ("status:ASC|startTime:DESC", 0, 100, &[6, 3, 4, 2, 5, 1]),
        ("version:DESC,workflowType:ASC", 0, 100, &[2, 5, 4, 1, 6, 3]),
        ("executionTime:DESC", 0, 3, &[4, 6, 2]),
    ];
    for (sort, start, size, expected) in table {
        let search = SearchQuery::parse("", "", sort, *start, *size).expect("valid");
        assert_eq!(numbers(&reader, &search), (6, expected.to_vec()), "{sort} {start} {size}");
    }
}

#[test]
fn found_documents_are_whole() {
    let (_folder, reader) = archive();
    let search = SearchQuery::parse("workflowType = Order_2", "", "", 0, 1).expect("valid");
    let (_, docs) = reader.search(&search).expect("sound");
    let expected = Doc {
        id: id(4),
        name: "Order_2".to_owned(),
        version: 1,
        status: "FAILED".to_owned(),
        start_ms: 4000,
        end_ms: 9000,
        update_ms: 9000,
        reason: Some("It's \\ odd".to_owned()),
        failed_refs: Some("pay,ship".to_owned()),
        ..Doc::default()
    };
    assert_eq!(docs, [expected]);
}

/// The widest query the parser lets through is one the database takes.
#[test]
fn widest_query_is_answered() {
    let (_folder, reader) = archive();
    let conditions = vec!["version=1 OR status=X"; 120].join(" AND ");
    let nested = format!("{}{conditions}{}", "(".repeat(30), ")".repeat(30));
    assert_eq!(numbers(&reader, &SearchQuery::parse(&nested, "", "", 0, 9).expect("valid")).0, 2);
    let list = format!("priority IN ({})", (0..9_999).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
    assert_eq!(numbers(&reader, &SearchQuery::parse(&list, "", "", 0, 9).expect("valid")).0, 6);
    let ids = format!("workflowId IN ({})", vec!["01010101-0101-0101-0101-010101010101"; 5_000].join(","));
    assert_eq!(numbers(&reader, &SearchQuery::parse(&ids, "", "", 0, 9).expect("valid")).0, 1);
}
