#![allow(missing_docs)]
use fastcond_expr::script::*;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
struct W(Mutex<Instant>);
impl Watch for W {
    fn start(&self) {
        *self.0.lock().unwrap() = Instant::now();
    }
    fn is_over(&self) -> bool {
        self.0.lock().unwrap().elapsed() > Duration::from_millis(50)
    }
}
#[test]
fn scratch() {
    let g = Given { now_ms: 1, seed: 1 };
    let mut s = Scripts::with_watch(Arc::new(W(Mutex::new(Instant::now()))));

    let names = s.evaluate("Object.getOwnPropertyNames(Array.prototype).filter(n => typeof [][n] === 'function')", "{}", &g).unwrap();
    for name in fastcond_json::elements(&names) {
        for (what, receiver) in [("sparse", "new Array(2**25)"), ("like", "({length: 2**25})")] {
            for args in ["", "x => 1", "1", "'', 1"] {
                let b = format!("let r = {receiver}; let v = Array.prototype[{name}].call(r{}{args}); if (v && v.next) {{ for (const y of v); }} 0", if args.is_empty() {""} else {", "});
                let t = Instant::now();
                let r = s.evaluate(&b, "{}", &g);
                if t.elapsed() > Duration::from_millis(300) { eprintln!("{:?} {name} {what} ({args}) {r:?}", t.elapsed()); }
            }
        }
    }
    for b in [
        "Array.from({length: 2**25})",
        "[...new Array(2**25)]; 0",
        "String.raw({raw: {length: 2**25}})",
        "let a = new Array(2**25); a.length = 0; 0",
        "let a = []; a[2**31] = 1; a.length = 0; 0",
        "let a = []; a[2**25] = 1; Object.freeze(a); 0",
        "let a = []; a[2**25] = 1; for (const k in a); 0",
        "let a = []; a[2**25] = 1; let [...b] = a; 0",
        "let a = []; a[2**25] = 1; JSON.parse('[1]', function() { return a }); 0",
        "JSON.parse('{\"a\":1}', function(k, v) { return k === 'a' ? v : v }); JSON.stringify({a: new Proxy([], {get: (t,k) => k === 'length' ? 2**25 : undefined})}); 0",
        "JSON.stringify({}, new Array(2**25)); 0",
        "JSON.stringify({}, new Proxy([], {get: (t,k) => k === 'length' ? 2**25 : 'a'})); 0",
        "new Uint8Array({length: 2**23}); 0",
        "new Uint8Array(new Array(2**23)); 0",
        "Uint8Array.from({length: 2**23}); 0",
        "Object.fromEntries(new Array(2**25).entries()); 0",
        "new Set(new Array(2**25)); 0",
        "new Map(new Array(2**25).entries()); 0",
        "Array.fromAsync({length: 2**25}); 0",
        "Promise.all(new Array(2**25)); 0",
        "Reflect.apply(Math.max, null, {length: 2**25}); 0",
        "Reflect.ownKeys(new Proxy({}, {ownKeys: () => new Array(2**25)})); 0",
        "Object.groupBy(new Array(2**25), x => 1); 0",
        "new Uint8Array(15e6).sort((a,b)=>0); 0",
        "new Uint8Array(14e6).sort(); 0",
        "new Uint8Array(14e6).indexOf(1); 0",
        "new Uint8Array(14e6).join('').length; 0",
        "let a = []; for (let i = 0; i < 500000; i++) a.push(500000 - i); a.sort(); 0",
        "let a = []; for (let i = 0; i < 500000; i++) a.push(500000 - i); a.sort((a, b) => a - b); 0",
        "const b = 1n << 1000000n; b * b",
        "const b = 1n << 500000n; b * b; 0",
        "const b = 1n << 1000000n; String(b - 1n).length",
        "const b = (1n << 1000000n) - 1n; (b / 3n) % 7n; 0",
        "const b = (1n << 1000000n) - 1n; b / ((1n << 500000n) - 1n); 0",
        "3n ** 600000n; 0",
        "BigInt('9'.repeat(300000)); 0",
        "JSON.parse('[' + '1,'.repeat(400000) + '1]').length",
        "new RegExp('a|'.repeat(400000)).test('b')",
        "new RegExp('[a-z]{1000}'.repeat(1000)).test('b')",
        "'a'.repeat(5e6).split('').length",
        "'a'.repeat(5e6).normalize('NFD').length",
        "'a'.repeat(5e6).toUpperCase().length",
        "'a'.repeat(2e6).replaceAll('a', 'b').length",
        "'a'.repeat(7e6).indexOf('a'.repeat(7e6/2) + 'b')",
        "'a'.repeat(7e6).localeCompare('a'.repeat(7e6))",
        "('a'.repeat(7e6) + 'b') === ('a'.repeat(7e6) + 'b')",
        "({})['a'.repeat(7e6)]; 0",
        "'a'.repeat(1e6).match(/a/g).length",
        "'a'.repeat(7e6).lastIndexOf('b'.repeat(10))",
        "let o = {}; for (let i = 0; i < 100000; i++) o['k' + i] = i; Object.keys(o).length",
        "escape('é'.repeat(1e6)).length",
        "encodeURIComponent('é'.repeat(1e6)).length",
        "parseInt('9'.repeat(7e6))",
        "Number('9'.repeat(7e6))",
        "Number('0.' + '9'.repeat(7e6))",
        "eval('1+'.repeat(400000) + '1')",
        "eval('{'.repeat(3000) + '}'.repeat(3000))",
        "eval('var a;'.repeat(400000))",
        "eval('function f(){};'.repeat(100000))",
        "let s = ''; for (let i = 0; i < 20000; i++) s += 'let v' + i + '=1;'; eval(s)",
        "let s = 'switch(1){'; for (let i = 0; i < 20000; i++) s += 'case ' + i + ':'; eval(s + '}')",
    ] {
        let t = Instant::now();
        let r = s.evaluate(b, "{}", &g);
        if t.elapsed() > Duration::from_millis(100) { eprintln!("{:?} {} {}", t.elapsed(), &b[..b.len().min(100)], &format!("{r:?}").chars().take(80).collect::<String>()); }
    }
}
