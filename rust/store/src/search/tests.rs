//! The grammar, as tables: text in, meaning or mistake out.

use super::date::parse_iso;
use super::parse::{
    self, CONDITIONS_MAX, DEPTH_MAX, Mistake, PATTERN_BYTES_MAX, QUERY_BYTES_MAX, QueryError, VALUES_MAX,
};
use super::{Comparison, Condition, Field, Operand, Order, Over, SearchQuery, uuid_bytes, uuid_text};

fn filter(query: &str) -> Result<Option<Condition>, QueryError> {
    parse::filter(query, Over::Executions)
}

/// A condition in a short fully bracketed form, so that a table can state it.
fn shown(condition: &Condition) -> String {
    let all = |conditions: &[Condition]| conditions.iter().map(shown).collect::<Vec<_>>().join(" ");
    match condition {
        Condition::Compare(field, comparison, operand) => {
            let symbol = match comparison {
                Comparison::Equal => "=",
                Comparison::Unequal => "!=",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            format!("{}{symbol}{}", field.name(), value(operand))
        }
        Condition::Like(field, parts) => format!("{}~{}", field.name(), parts.join("*")),
        Condition::Unlike(field, parts) => format!("{}!~{}", field.name(), parts.join("*")),
        Condition::In(field, operands) => {
            format!("{} in [{}]", field.name(), operands.iter().map(value).collect::<Vec<_>>().join(","))
        }
        Condition::Between(field, low, high) => format!("{} {}..{}", field.name(), value(low), value(high)),
        Condition::Unset(field) => format!("{} unset", field.name()),
        Condition::Set(field) => format!("{} set", field.name()),
        Condition::All(conditions) => format!("(all {})", all(conditions)),
        Condition::Any(conditions) => format!("(any {})", all(conditions)),
    }
}

fn value(operand: &Operand) -> String {
    match operand {
        Operand::Text(text) => format!("'{text}'"),
        Operand::Integer(number) => number.to_string(),
        Operand::Real(number) => format!("{number:?}"),
    }
}

#[test]
fn queries_mean_what_the_contract_says() {
    let table = [
        // B-15.1: the elements.
        ("status = 'RUNNING'", "status='RUNNING'"),
        ("status='RUNNING'", "status='RUNNING'"),
        ("status=\"RUNNING\"", "status='RUNNING'"),
        ("status == 'RUNNING'", "status='RUNNING'"),
        ("status != 'RUNNING'", "status!='RUNNING'"),
        ("version > 3", "version>3"),
        ("version<3", "version<3"),
        ("priority = 1.5", "priority=1.5"),
        ("executionTime > 1e3", "executionTime>1000.0"),
        ("startTime BETWEEN 5 AND 9", "startTime 5..9"),
        ("status IN (RUNNING, FAILED)", "status in ['RUNNING','FAILED']"),
        ("correlationId IS null", "correlationId unset"),
        ("correlationId IS not null", "correlationId set"),
        ("workflowType STARTS_WITH 'ord'", "workflowType~ord*"),
        (r"reasonForIncompletion = 'it\'s \\ \*'", r"reasonForIncompletion='it's \ *'"),
        ("(status = 'A')", "status='A'"),
        // B-15.2, Do: more operators, either case, quoted lists, wildcards, precedence, dates.
        ("version >= 3 and version <= 9", "(all version>=3 version<=9)"),
        ("status <> 'A'", "status!='A'"),
        ("status in ('A',\"B\", C)", "status in ['A','B','C']"),
        ("startTime between 5 and 9 or version = 1", "(any startTime 5..9 version=1)"),
        ("correlationId is NULL", "correlationId unset"),
        ("correlationId Is Not Null", "correlationId set"),
        ("workflowType starts_with ord", "workflowType~ord*"),
        ("workflowType = 'ord*er'", "workflowType~ord*er"),
        ("workflowType = ord*", "workflowType~ord*"),
        ("workflowType != '*x'", "workflowType!~*x"),
        ("workflowType = '*'", "workflowType set"),
        ("version != *", "version unset"),
        ("status = 'A' OR status = 'B' AND version = 1", "(any status='A' (all status='B' version=1))"),
        ("(status = 'A' OR status = 'B') AND version = 1", "(all (any status='A' status='B') version=1)"),
        (
            "status='A' AND (version=1 OR (version=2 AND priority=0))",
            "(all status='A' (any version=1 (all version=2 priority=0)))",
        ),
        ("startTime > '2024-02-29T12:00:00Z'", "startTime>1709208000000"),
        ("startTime > 2024-02-29", "startTime>1709164800000"),
        ("endTime < '1709208000000'", "endTime<1709208000000"),
        ("version = '2'", "version=2"),
        // Ids are in lower case; the empty text stands for "not set".
        ("workflowId = 'AB'", "workflowId='ab'"),
        ("parentWorkflowId=\"\"", "parentWorkflowId=''"),
        // rest-api 10.1: the forms of the SQL index.
        ("workflowType=my flow AND status IN (A,B)", "(all workflowType='my flow' status in ['A','B'])"),
        ("status IN A,B AND version=1", "(all status in ['A','B'] version=1)"),
        ("status =(A)", "status='A'"),
        ("correlationId=f(x)", "correlationId='f(x)'"),
        (
            "startTime>1700000000000 AND startTime<1800000000000",
            "(all startTime>1700000000000 startTime<1800000000000)",
        ),
        // Words that merely begin like keywords.
        ("correlationId = ANDROID AND status = ORDERED", "(all correlationId='ANDROID' status='ORDERED')"),
        ("  status = 'A'  ", "status='A'"),
        ("correlationId = 'größe' AND event = '📦'", "(all correlationId='größe' event='📦')"),
    ];
    for (query, meaning) in table {
        let condition =
            filter(query).unwrap_or_else(|error| panic!("{query}: {error}")).expect("a condition");
        assert_eq!(shown(&condition), meaning, "{query}");
    }
}

#[test]
fn blank_query_filters_nothing() {
    for query in ["", "   ", "*", " * "] {
        assert_eq!(filter(query), Ok(None), "{query:?}");
    }
}

/// B-15.7, B-16.1: a mistake is named, with its place.
#[test]
fn mistakes_are_named_with_their_place() {
    let table = [
        ("stratTime > 5", "unknown field 'stratTime' at position 0"),
        ("status = 'A' AND nope = 1", "unknown field 'nope' at position 17"),
        ("taskType = 'SIMPLE'", "unknown field 'taskType' at position 0"),
        ("status", "expected an operator (= != < <= > >= IN BETWEEN IS STARTS_WITH) at position 6"),
        ("status LIKE 'x'", "expected an operator (= != < <= > >= IN BETWEEN IS STARTS_WITH) at position 7"),
        ("status =", "expected a value at position 8"),
        ("status = AND version = 1", "expected a value at position 9"),
        ("status = 'A", "a quote is not closed at position 9"),
        ("status = 'A' version = 1", "expected AND, OR or the end at position 13"),
        ("status = 'A' AND", "expected a field at position 16"),
        ("(status = 'A'", "expected AND, OR or ')' at position 13"),
        ("status = 'A')", "expected AND, OR or the end at position 12"),
        ("status = A)", "expected AND, OR or the end at position 10"),
        ("status IN ()", "expected a value at position 11"),
        ("status IN (A", "expected ',' or ')' at position 12"),
        ("status IN (A,,B)", "expected a value at position 13"),
        ("version BETWEEN 1", "expected AND between the two values at position 17"),
        ("status IS RUNNING", "expected NULL at position 10"),
        ("version = abc", "field 'version' takes a number, not 'abc' at position 10"),
        ("version = 1*", "field 'version' takes a number, not '1*' at position 10"),
        ("version = NaN", "field 'version' takes a number, not 'NaN' at position 10"),
        (
            "startTime > yesterday",
            "field 'startTime' takes epoch milliseconds or an ISO 8601 time, not 'yesterday' at position 12",
        ),
        ("NOT (status = 'A')", "unknown field 'NOT' at position 0"),
        ("' OR 1=1 --", "expected a field at position 0"),
        ("workflowType = 'a*b*c*d*e*f*g'", "more than 5 wildcards at position 30"),
    ];
    for (query, message) in table {
        let error = filter(query).expect_err(query);
        assert_eq!(error.to_string(), message, "{query}");
    }
}

/// H20-H24: deep, long and wide queries are refused, not computed.
#[test]
fn hostile_queries_meet_a_bound() {
    let too_many = |query: String| match filter(&query).expect_err("over a bound").mistake {
        Mistake::TooMany { max, .. } => max,
        other => panic!("{other:?}"),
    };
    let nested = |depth: usize| format!("{}status=A{}", "(".repeat(depth), ")".repeat(depth));
    assert!(filter(&nested(DEPTH_MAX)).is_ok());
    assert_eq!(too_many(nested(DEPTH_MAX + 1)), DEPTH_MAX);
    assert_eq!(too_many(nested(100_000)), DEPTH_MAX);
    let wide = |count: usize| vec!["version=1"; count].join(" AND ");
    assert!(filter(&wide(CONDITIONS_MAX)).is_ok());
    assert_eq!(too_many(wide(CONDITIONS_MAX + 1)), CONDITIONS_MAX);
    assert_eq!(too_many(format!("status IN ({})", vec!["A"; VALUES_MAX + 1].join(","))), VALUES_MAX);
    assert_eq!(too_many(format!("status = '{}'", "x".repeat(QUERY_BYTES_MAX))), QUERY_BYTES_MAX);
    assert_eq!(too_many(format!("status = '{}*'", "x".repeat(PATTERN_BYTES_MAX + 1))), PATTERN_BYTES_MAX);
}

/// Any text gives a condition or a mistake whose place lies in the text.
#[test]
fn cut_and_garbled_queries_never_panic() {
    let seed_query = "status = 'RÜN\\'NING' AND (version BETWEEN 1 AND 2 OR startTime IN (2024-01-01, 5)) or event IS not null";
    let cuts = seed_query.char_indices().flat_map(|(at, symbol)| {
        let without = format!("{}{}", &seed_query[..at], &seed_query[at + symbol.len_utf8()..]);
        [seed_query[..at].to_owned(), seed_query[at..].to_owned(), without]
    });
    let mut tried = 0;
    for query in cuts {
        if let Err(error) = filter(&query) {
            assert!(error.position <= query.len(), "{query}: {error}");
        }
        tried += 1;
    }
    assert!(tried > 300);
}

/// B-15.5 and rest-api 10: bar or comma, either case, a field alone ascends, an unknown field is refused.
#[test]
fn sort_is_read_in_every_form() {
    use Order::{Ascending, Descending};
    let table = [
        ("", vec![]),
        ("startTime:DESC", vec![(Field::StartTime, Descending)]),
        ("startTime", vec![(Field::StartTime, Ascending)]),
        (
            "workflowType:asc|startTime:desc",
            vec![(Field::WorkflowType, Ascending), (Field::StartTime, Descending)],
        ),
        (" status:Asc , version:DESC ", vec![(Field::Status, Ascending), (Field::Version, Descending)]),
        ("status|status:DESC", vec![(Field::Status, Ascending)]),
    ];
    for (text, sort) in table {
        assert_eq!(parse::sort(text, Over::Executions), Ok(sort), "{text:?}");
    }
    let error = |text| parse::sort(text, Over::Executions).expect_err(text).to_string();
    assert_eq!(error("status,nope:ASC"), "unknown field 'nope' at position 7");
    assert_eq!(error("status:UP"), "expected ASC or DESC at position 0");
    assert_eq!(
        error("start_ms;DROP TABLE executions"),
        "unknown field 'start_ms;DROP TABLE executions' at position 0"
    );
}

/// B-15.4: `*` or empty means all.
#[test]
fn free_text_is_a_substring() {
    let parts = |text| parse::free_text(text).expect(text).map(|text| text.parts).unwrap_or_default();
    assert!(parts("").is_empty() && parts(" * ").is_empty() && parts("**").is_empty());
    assert_eq!(parts("late"), ["", "late", ""]);
    assert_eq!(parts("la*te*"), ["", "la", "te", ""]);
    assert!(parse::free_text(&"a*".repeat(50)).is_err());
    assert!(parse::free_text(&"a".repeat(PATTERN_BYTES_MAX + 1)).is_err());
}

#[test]
fn iso_times_become_milliseconds() {
    let table = [
        ("1970-01-01", Some(0)),
        ("1970-01-01T00:00:00.001Z", Some(1)),
        ("1969-12-31T23:59:59.999Z", Some(-1)),
        ("2000-03-01", Some(951_868_800_000)),
        ("2024-02-29T12:34:56.789Z", Some(1_709_210_096_789)),
        ("2024-02-29 12:34:56.7", Some(1_709_210_096_700)),
        ("2024-02-29T12:34:56.789123Z", Some(1_709_210_096_789)),
        ("2024-02-29T12:34", Some(1_709_210_040_000)),
        ("2024-02-29T12:34:56+02:00", Some(1_709_202_896_000)),
        ("2024-02-29T12:34:56-0530", Some(1_709_229_896_000)),
        ("2024-02-29T12:34:56+01", Some(1_709_206_496_000)),
        ("2023-02-29", None),
        ("2100-02-29", None),
        ("2024-13-01", None),
        ("2024-00-01", None),
        ("2024-01-32", None),
        ("2024-1-1", None),
        ("2024-01-01T24:00:00", None),
        ("2024-01-01T10", None),
        ("2024-01-01T10:00:00.", None),
        ("2024-01-01T10:00:00+", None),
        ("2024-01-01T10:00:00+1:00", None),
        ("２０２４-01-01", None),
        ("now", None),
        ("", None),
    ];
    for (text, millis) in table {
        assert_eq!(parse_iso(text), millis, "{text:?}");
    }
}

#[test]
fn id_text_and_bytes_are_each_others_inverse() {
    let id = *b"\x01\x23\x45\x67\x89\xab\xcd\xef\x00\x11\x22\x33\x44\x55\x66\x77";
    let text = uuid_text(&id);
    assert_eq!(text, "01234567-89ab-cdef-0011-223344556677");
    assert_eq!(uuid_bytes(&text.to_uppercase()), Some(id));
    for foreign in [
        "",
        "01234567-89ab-cdef-0011-22334455667",
        "01234567x89ab-cdef-0011-223344556677",
        "zz234567-89ab-cdef-0011-223344556677",
    ] {
        assert_eq!(uuid_bytes(foreign), None, "{foreign}");
    }
}

#[test]
fn added_condition_joins_the_filter() {
    let with = |query| {
        let query = SearchQuery::parse(query, "", "", 0, 10).expect("valid");
        shown(&query.and(Condition::Unset(Field::ParentWorkflowId)).filter.expect("a condition"))
    };
    assert_eq!(with(""), "parentWorkflowId unset");
    assert_eq!(with("status=A OR status=B"), "(all (any status='A' status='B') parentWorkflowId unset)");
    assert_eq!(with("status=A AND version=1"), "(all status='A' version=1 parentWorkflowId unset)");
}
