//! JavaScript: what scripts see, what they give back, what stops them (S-8.24, S-8.26, B-32.3, quality H15-H19).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use fastcond_expr::script::{FUEL, Given, OUTPUT_BYTES_MAX, ScriptError, Scripts, Watch};

const GIVEN: Given = Given { now_ms: 1_700_000_000_123, seed: 42 };

fn evaluate(source: &str, dollar: &str) -> Result<String, ScriptError> {
    Scripts::new().evaluate(source, dollar, &GIVEN).map(|raw| raw.to_string())
}

fn table(dollar: &str, rows: &[(&str, &str)]) {
    let mut scripts = Scripts::new();
    for (source, expected) in rows {
        let result = scripts.evaluate(source, dollar, &GIVEN);
        assert_eq!(result.as_deref(), Ok(*expected), "{source}");
    }
}

fn thrown(source: &str) -> (String, u32) {
    match evaluate(source, "{}") {
        Err(ScriptError::Thrown { message, line }) => (message, line),
        other => panic!("{source}: {other:?}"),
    }
}

/// S-8.24: the completion value is the result.
#[test]
fn value_of_the_last_statement() {
    table(
        r#"{"x": 2, "name": "Ann", "nested": {"a": [1, 2, {"b": true}]}, "nil": null}"#,
        &[
            ("$.x > 1", "true"),
            ("$.x", "2"),
            ("$['name'] + '!'", r#""Ann!""#),
            ("(function(){ return $.nested.a[2].b; })()", "true"),
            ("function e(){ return $.x * 2 } e();", "4"),
            ("if ($.x > 1) { 'big' } else { 'small' }", r#""big""#),
            ("switch ($.name) { case 'Ann': 'a'; break; default: 'b' }", r#""a""#),
            ("var total = 0; for (const n of [1,2,3]) total += n; total", "6"),
            ("$.nested", r#"{"a":[1,2,{"b":true}]}"#),
            ("$", r#"{"x":2,"name":"Ann","nested":{"a":[1,2,{"b":true}]},"nil":null}"#),
            ("Object.keys($).join()", r#""x,name,nested,nil""#),
            ("'x' in $ && $.hasOwnProperty('x')", "true"),
            ("let out = ''; for (const k in $) out += k + ','; out", r#""x,name,nested,nil,""#),
            ("JSON.stringify($.nested)", r#""{\"a\":[1,2,{\"b\":true}]}""#),
            ("$.nested.a.map(n => typeof n)", r#"["number","number","object"]"#),
            ("$.nil", "null"),
            ("$.absent", "null"),
            ("", "null"),
            ("({a: 1, ...{b: 2}})", r#"{"a":1,"b":2}"#),
            ("[...'hé😀'].length", "3"),
            ("`${$.name?.toUpperCase() ?? 'none'}`", r#""ANN""#),
            ("/A(?<rest>n+)/.exec($.name).groups.rest", r#""nn""#),
        ],
    );
}

/// B-32.3: numbers, absent things and structures on the way back.
#[test]
fn results_as_json() {
    table(
        "{}",
        &[
            ("1", "1"),
            ("1.0", "1"),
            ("2**31", "2147483648"),
            ("2**53", "9007199254740992"),
            ("-(2**62)", "-4611686018427387904"),
            ("2**64", "1.8446744073709552e19"),
            ("0.1 + 0.2", "0.30000000000000004"),
            ("-0", "0"),
            ("NaN", "null"),
            ("1/0", "null"),
            ("[NaN, -Infinity]", "[null,null]"),
            ("undefined", "null"),
            ("[undefined, null]", "[null,null]"),
            ("({u: undefined, n: null, f(){}, g: x => x, k: 1})", r#"{"u":null,"n":null,"k":1}"#),
            ("(function(){})", "{}"),
            ("[x => x]", "[{}]"),
            ("12345678901234567890n", "12345678901234567890"),
            ("({n: 10n ** 30n})", r#"{"n":1000000000000000000000000000000}"#),
            ("Symbol('x')", "null"),
            ("({[Symbol('x')]: 1, y: Symbol()})", r#"{"y":null}"#),
            ("new Date(0)", r#""1970-01-01T00:00:00.000Z""#),
            ("new Date(NaN)", "null"),
            ("new Map([[1,2]])", "{}"),
            ("Promise.resolve(1)", "{}"),
            ("new Error('x')", "{}"),
            ("Object.create({inherited: 1})", "{}"),
            ("'\\ud800x'", "\"\u{fffd}x\""),
            ("({'\\ud800': 1})", "{\"\u{fffd}\":1}"),
            ("'a\"b\\n\\u0000'", r#""a\"b\n\u0000""#),
            ("[,1]", "[null,1]"),
            (
                "let rope = 'x'.repeat(9000); rope += 'y'.repeat(9000); rope += rope; rope.slice(8999, 9001) + rope.length",
                r#""xy36000""#,
            ),
            ("let long = 'x'; for (let i = 0; i < 13; i++) long += long; [long + '!'][0].length", "8193"),
        ],
    );
}

#[test]
fn big_integers_pass_through_with_their_digits() {
    let dollar = r#"{"id": 12345678901234567890, "n": 9007199254740993, "safe": 9007199254740992, "s": "9007199254740995",
                     "near": [9223372036854775807, 9223372036854775806], "neg": -9007199254740993}"#;
    table(
        dollar,
        &[
            ("$.id", "12345678901234567890"),
            ("({copy: $.id, list: [$.n]})", r#"{"copy":12345678901234567890,"list":[9007199254740993]}"#),
            ("$.neg", "-9007199254740993"),
            ("typeof $.id", r#""number""#),
            ("$.id > 5 && $.n + 0 > 1", "true"),
            ("$.s", r#""9007199254740995""#),
            // Two integers of the input share this double, so the double is what is left.
            ("$.near[0]", "9.223372036854776e18"),
        ],
    );
}

/// B-32.3: Java methods on `$`, hidden from enumeration.
#[test]
fn java_methods_of_maps_and_lists() {
    table(
        r#"{"a": {"x": 1}, "list": [3, 4], "size": 9}"#,
        &[
            ("$.get('a').get('x')", "1"),
            ("$.get('nope')", "null"),
            ("$.a.size()", "1"),
            ("$.size", "9"),
            ("$.containsKey('a') && !$.containsKey('get')", "true"),
            ("$.keySet()", r#"["a","list","size"]"#),
            ("$.a.values()", "[1]"),
            ("$.put('b', 2); $.b", "2"),
            ("$.list.get(1) + $.list.size()", "6"),
            ("$.list.contains(4) && !$.list.isEmpty()", "true"),
            (
                "let keys = []; for (const k in $.a) keys.push(k); for (const i in $.list) keys.push(i); keys",
                r#"["x","0","1"]"#,
            ),
            ("JSON.stringify($.a)", r#""{\"x\":1}""#),
            ("$.a.get; Object.keys($.a)", r#"["x"]"#),
            ("({}).get", "null"),
            ("Object.values($.a)", "[1]"),
        ],
    );
}

/// Odd keys of the input stay data.
#[test]
fn input_keys_that_name_language_parts() {
    let dollar =
        r#"{"__proto__": {"polluted": 1}, "constructor": 2, "toString": 3, "toJSON": 4, "": 5, "0": 6}"#;
    table(
        dollar,
        &[
            ("({}).polluted", "null"),
            ("$.constructor + $.toString + $.toJSON + $['']", "14"),
            ("$", r#"{"0":6,"__proto__":{"polluted":1},"constructor":2,"toString":3,"toJSON":4,"":5}"#),
        ],
    );
    assert_eq!(evaluate("$.get('constructor')", dollar).as_deref(), Ok("2"));
}

/// S-8.26: message and line.
#[test]
fn errors_with_message_and_line() {
    assert_eq!(thrown("1;\n\nnull.x"), ("TypeError: cannot read property 'x' of null".to_owned(), 3));
    assert_eq!(thrown("nope"), ("ReferenceError: nope is not defined".to_owned(), 1));
    assert_eq!(thrown("throw 'text'"), ("text".to_owned(), 0));
    assert_eq!(thrown("throw {message: 'm'}"), ("m".to_owned(), 0));
    assert_eq!(thrown("throw null"), ("null".to_owned(), 0));
    assert_eq!(thrown("throw undefined"), ("undefined".to_owned(), 0));
    assert_eq!(
        thrown("\nfunction f() {\n throw new RangeError('deep') }\n f()"),
        ("RangeError: deep".to_owned(), 3)
    );
    assert_eq!(thrown("JSON.parse('{')").0.split(':').next(), Some("SyntaxError"));
    assert_eq!(thrown("console.log(1)").0, "ReferenceError: console is not defined");
    assert_eq!(thrown("throw 'x'.repeat(100000)").0.len(), 500);
    assert_eq!(
        thrown("throw {get message() { throw 1 }, toString() { throw 2 }}").0,
        "a value without a text form was thrown"
    );
    assert!(matches!(evaluate("1 +", "{}"), Err(ScriptError::Syntax { line: 1, .. })));
    assert_eq!(
        evaluate("nope", "{}").unwrap_err().to_string(),
        "Error evaluating the script at line 1: ReferenceError: nope is not defined"
    );
}

/// B-32.3: checked at registration without being run.
#[test]
fn syntax_check_reads_without_running() {
    let mut scripts = Scripts::new();
    for source in
        ["$.x > 1", "while(1);", "function f() { return 1 } f()", "nope()", "", "let a = 1; a", "// only"]
    {
        assert_eq!(scripts.check_syntax(source), Ok(()), "{source}");
    }
    for (source, line) in
        [("function() {}", 1), ("a\n\n b c", 3), ("return 1", 1), ("if (", 1), ("'", 1), ("let a; let a", 1)]
    {
        match scripts.check_syntax(source) {
            Err(ScriptError::Syntax { line: found, .. }) => assert_eq!(found, line, "{source}"),
            other => panic!("{source}: {other:?}"),
        }
    }
    let long = " ".repeat(2 << 20);
    assert!(matches!(scripts.check_syntax(&long), Err(ScriptError::Syntax { .. })));
    assert!(matches!(scripts.evaluate(&long, "{}", &GIVEN), Err(ScriptError::Syntax { .. })));
    assert!(matches!(scripts.evaluate("1\0", "{}", &GIVEN), Err(ScriptError::Syntax { .. })));
}

/// S-36.3.
#[test]
fn lambda_returns() {
    let mut scripts = Scripts::new();
    let mut call =
        |source: &str| scripts.call_lambda(source, r#"{"x": 2}"#, &GIVEN).map(|raw| raw.to_string());
    assert_eq!(call("return $.x + 1").as_deref(), Ok("3"));
    assert_eq!(
        call("if ($.x > 1) { return {testvalue: true} } else { return {testvalue: false} }").as_deref(),
        Ok(r#"{"testvalue":true}"#)
    );
    assert_eq!(call("$.x").as_deref(), Ok("null"));
    assert_eq!(call("return 1 // note").as_deref(), Ok("1"));
    assert!(matches!(call("\nthrow new Error('x')"), Err(ScriptError::Thrown { line: 2, .. })));
    assert!(matches!(call("return }"), Err(ScriptError::Syntax { .. })));
}

#[test]
fn time_and_chance_come_from_the_caller() {
    table(
        "{}",
        &[
            ("Date.now()", "1700000000123"),
            ("new Date().getTime()", "1700000000123"),
            ("new Date().toISOString()", r#""2023-11-14T22:13:20.123Z""#),
            ("new Date(5).getTime() + new Date(2020, 0, 1).getDate()", "6"),
            ("new Date() instanceof Date && Date.name === 'Date' && Date.length === 7", "true"),
            ("new Date().constructor.now()", "1700000000123"),
            ("new (Object.getPrototypeOf(new Date()).constructor)().getTime()", "1700000000123"),
            (
                "class D extends Date {}; new D().getTime() + ' ' + (new D() instanceof D)",
                r#""1700000000123 true""#,
            ),
            ("Date.UTC(1970, 0, 2) + Date.parse('1970-01-01T00:00:00Z')", "86400000"),
            ("typeof Date() + typeof performance", r#""stringundefined""#),
        ],
    );
    let draw = |seed| {
        Scripts::new().evaluate("[Math.random(), Math.random()]", "{}", &Given { seed, ..GIVEN }).unwrap()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let spread =
        evaluate("let n = 0; for (let i = 0; i < 10000; i++) n += Math.random(); n > 4800 && n < 5200", "{}");
    assert_eq!(spread.as_deref(), Ok("true"));
}

/// Nothing but the language is reachable.
#[test]
fn no_host_objects() {
    table(
        "{}",
        &[
            (
                "['console','print','load','require','process','setTimeout','setInterval','fetch','Java','Polyglot','std','os',\
                 'bjson','Worker','XMLHttpRequest','WebAssembly','navigator','scriptArgs','performance','gc','DOMException'\
                 ].filter(n => n in globalThis)",
                "[]",
            ),
            ("constructor.constructor('return this')() === globalThis", "true"),
            ("[].constructor.constructor('return typeof process')()", r#""undefined""#),
            ("new Function('a', 'return a + 1')(1)", "2"),
            ("eval('1 + 1')", "2"),
            ("(async () => {}).constructor('return 1').name", r#""anonymous""#),
            ("typeof $.getClass", r#""undefined""#),
            ("this === globalThis", "true"),
        ],
    );
    assert!(matches!(evaluate("import('fs'); 1", "{}"), Ok(_) | Err(ScriptError::Thrown { .. })));
    assert!(matches!(evaluate("import fs from 'fs'", "{}"), Err(ScriptError::Syntax { .. })));
    let waiting = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)";
    assert!(matches!(evaluate(waiting, "{}"), Err(ScriptError::Thrown { .. })), "cannot block the thread");
}

/// Fresh globals and prototypes for every call.
#[test]
fn nothing_leaks_to_the_next_call() {
    let mut scripts = Scripts::new();
    let attacks = [
        "globalThis.leak = 1; var leak2 = 2; leak3 = 3; 0",
        "Object.prototype.leak = 1; Array.prototype.leak = 1; Function.prototype.leak = 1; 0",
        "Object.prototype.toJSON = () => 'evil'; Array.prototype.push = () => { throw 1 }; 0",
        "Object.defineProperty(Object.prototype, 'x', {get() { return 'evil' }, set() {}}); 0",
        "JSON.parse = JSON.stringify = Object.keys = Math.random = Date.now = () => 'evil'; 0",
        "String.prototype.toWellFormed = Date.prototype.toISOString = () => 'evil'; 0",
        "Object.setPrototypeOf($, {leak: 1}); $.leak = 1; Symbol.for('leak').description; 0",
        "Object.freeze(globalThis); Object.freeze(Object.prototype); 0",
        "delete globalThis.Object; delete globalThis.JSON; delete globalThis.Date; 0",
        "Promise.resolve().then(() => { globalThis.leak = 1; for(;;); }); 0",
        "new Proxy({}, {get() { throw 1 }}); Reflect.ownKeys = null; 0",
    ];
    for attack in attacks {
        assert_eq!(scripts.evaluate(attack, "{}", &GIVEN).as_deref(), Ok("0"), "{attack}");
        let probe = "[typeof leak, typeof leak2, typeof leak3, ({}).leak, [].leak, (() => 1).leak, $.x, $.leak, \
                      Object.keys($).length, JSON.stringify({a: [1]}), Date.now(), new Date(0), '\\ud800']";
        let clean = scripts.evaluate(probe, r#"{"x": 1}"#, &GIVEN);
        assert_eq!(
            clean.as_deref(),
            Ok(
                "[\"undefined\",\"undefined\",\"undefined\",null,null,null,1,null,1,\"{\\\"a\\\":[1]}\",1700000000123,\"1970-01-01T00:00:00.000Z\",\"\u{fffd}\"]"
            ),
            "{attack}"
        );
    }
}

/// What a script replaces cannot change how its own result is read, only its own data.
#[test]
fn traps_in_results() {
    table(
        "{}",
        &[
            ("({toJSON() { return 'no' }, a: 1})", r#"{"a":1}"#),
            ("Object.prototype.toJSON = () => 'no'; ({a: [1]})", r#"{"a":[1]}"#),
            ("({get a() { return 1 + 1 }})", r#"{"a":2}"#),
            ("new Proxy({a: 1}, {})", r#"{"a":1}"#),
            (
                "new Proxy({}, {ownKeys: () => ['k'], getOwnPropertyDescriptor: () => ({enumerable: true, configurable: true}), get: () => 7})",
                r#"{"k":7}"#,
            ),
            (
                "String.prototype.toWellFormed = () => 'no'; Date.prototype.toISOString = () => 'no'; ['\\ud800', new Date(0)]",
                "[\"\u{fffd}\",\"1970-01-01T00:00:00.000Z\"]",
            ),
            ("Object.create(Date.prototype)", "null"),
            ("Date[Symbol.hasInstance] = () => { throw 1 }; ({a: 1})", r#"{"a":1}"#),
        ],
    );
    assert_eq!(thrown("({get a() { throw new Error('trap') }})").0, "Error: trap");
    assert_eq!(thrown("new Proxy({}, {ownKeys() { throw new Error('trap') }})").0, "Error: trap");
    for endless in [
        "const a = []; a.push(a); a",
        "const o = {}; o.o = o; o",
        "function deep() { return {get d() { return deep() }} } deep()",
        "new Proxy([], {get: (t, k) => k === 'length' ? 4294967295 : 1})",
        "new Array(4294967295)",
        "'x'.repeat(1048577)",
        "({['k'.repeat(1048577)]: 1})",
        "Array.from({length: 200}, () => 'y'.repeat(10000))",
    ] {
        let result = evaluate(endless, "{}");
        assert!(matches!(result, Err(ScriptError::OutputTooLarge) | Ok(_)), "{endless}: {result:?}");
        assert!(result.is_err() || endless.starts_with("new Proxy"), "{endless}");
    }
    let fitting = format!("'x'.repeat({})", OUTPUT_BYTES_MAX - 2);
    assert_eq!(evaluate(&fitting, "{}").unwrap().len(), OUTPUT_BYTES_MAX);
}

/// Quality H15-H19: every one ends, in its class, and the next call works.
#[test]
fn bombs_end_in_their_class() {
    use ScriptError::{OutOfMemory, OutOfTime};
    // A tenth of the fuel: some of these pay far more per turn than an empty loop does.
    let mut scripts = Scripts::with_watch(Arc::new(Hands { looks_max: 40, ..Hands::default() }));
    let bombs = [
        ("for(;;) { try { for(;;); } catch (e) {} finally { for(;;); } }", OutOfTime),
        ("(function f() { try { f() } finally { f() } })()", OutOfTime),
        ("const f = () => { try { f() } catch (e) { f() } }; f()", OutOfTime),
        ("/(x+x+)+y/.test('x'.repeat(100000))", OutOfTime),
        ("/^(a|a?)+$/.test('a'.repeat(40) + 'b')", OutOfTime),
        ("function* g() { for(;;) yield 1 } for (const x of g()) {}", OutOfTime),
        ("Array.prototype.indexOf.call({length: 2**53 - 1}, 1)", OutOfTime),
        ("new Array(4294967295).indexOf(1)", OutOfTime),
        ("new Proxy({}, {ownKeys() { for(;;); }})", OutOfTime),
        ("({get a() { for(;;); }})", OutOfTime),
        ("({toString() { for(;;); }}) + ''", OutOfTime),
        ("throw {get message() { for(;;); }}", OutOfTime),
        ("const a = []; for(;;) a.push(a.concat(1))", OutOfMemory),
        ("const a = []; for(;;) a.push('x'.repeat(100000) + a.length)", OutOfMemory),
        ("'a'.repeat(2**24)", OutOfMemory),
        ("new ArrayBuffer(2**26)", OutOfMemory),
        ("const all = []; for(;;) all.push(new Uint8Array(65536))", OutOfMemory),
        ("JSON.stringify(new Array(4294967295))", OutOfMemory),
        ("'x'.padEnd(2**25)", OutOfMemory),
    ];
    for (source, expected) in bombs {
        let result = scripts.evaluate(source, r#"{"x": 1}"#, &GIVEN);
        assert_eq!(result, Err(expected), "{source}");
        assert_eq!(scripts.evaluate("$.x + 1", r#"{"x": 1}"#, &GIVEN).as_deref(), Ok("2"), "after {source}");
    }
    for thrown in [
        "'a'.repeat(2**30)",
        "let s = 'a'; for(;;) s += s",
        "(function f() { return f() })()",
        "let o = {}; for (let i = 0; i < 10000; i++) o = {o}; JSON.stringify(o)",
        "(1n << 10000000n)",
        "new Array(-1)",
        "new RegExp('('.repeat(1000))",
        "Symbol() + ''",
        "1n + 1",
    ] {
        let result = scripts.evaluate(thrown, "{}", &GIVEN);
        assert!(matches!(result, Err(ScriptError::Thrown { .. } | OutOfMemory)), "{thrown}: {result:?}");
    }
    let nested = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(scripts.evaluate(&nested, "{}", &GIVEN).is_err());
    assert!(scripts.check_syntax(&nested).is_err());
    assert_eq!(scripts.evaluate("1", "{}", &GIVEN).as_deref(), Ok("1"));
}

/// Fuel alone ends a loop, after the same number of turns each time.
#[test]
fn fuel_needs_no_clock() {
    assert_eq!(evaluate("while(1);", "{}"), Err(ScriptError::OutOfTime));
    let turns = |n: u32| evaluate(&format!("let n = 0; while (n < {n}) n++; n"), "{}");
    // A turn of this loop costs up to two jumps.
    let within = (FUEL - 1) * 5_000;
    assert_eq!(turns(within).as_deref(), Ok(within.to_string().as_str()));
    assert_eq!(turns(within * 2 + 20_000), Err(ScriptError::OutOfTime));
}

/// Garbage of earlier scripts is not charged to later ones.
#[test]
fn many_calls_on_one_evaluator() {
    let mut scripts = Scripts::new();
    let dollar = format!("{{\"list\": [{}0]}}", "1,".repeat(20_000));
    for _ in 0..200 {
        let kept = "globalThis.self1 = {$}; self1.me = self1; $.list.length";
        assert_eq!(scripts.evaluate(kept, &dollar, &GIVEN).as_deref(), Ok("20001"));
    }
}

/// The caller's clock, turned by hand.
#[derive(Default)]
struct Hands {
    started: AtomicU32,
    late: AtomicBool,
    looks: AtomicU32,
    /// Looks after which time is over; zero for never.
    looks_max: u32,
}

impl Watch for Hands {
    fn start(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
        self.looks.store(0, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        let looks = self.looks.fetch_add(1, Ordering::Relaxed);
        self.late.load(Ordering::Relaxed) || (self.looks_max > 0 && looks >= self.looks_max)
    }
}

#[test]
fn a_watch_stops_a_script_early() {
    let hands = Arc::new(Hands::default());
    let mut scripts = Scripts::with_watch(hands.clone());
    let counting = "let n = 0; for (let i = 0; i < 30000; i++) n++; n";
    assert_eq!(scripts.evaluate(counting, "{}", &GIVEN).as_deref(), Ok("30000"));
    hands.late.store(true, Ordering::Relaxed);
    assert_eq!(scripts.evaluate(counting, "{}", &GIVEN), Err(ScriptError::OutOfTime));
    hands.late.store(false, Ordering::Relaxed);
    assert_eq!(scripts.evaluate("1", "{}", &GIVEN).as_deref(), Ok("1"));
    assert_eq!(hands.started.load(Ordering::Relaxed), 3);
}
