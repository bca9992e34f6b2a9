#![allow(missing_docs)]
use rquickjs::{Runtime, Context, context::intrinsic as i, Function, Value};
use std::time::Instant;
fn time(name: &str, n: u32, mut f: impl FnMut()) {
    f();
    let t = Instant::now();
    for _ in 0..n { f(); }
    eprintln!("{name}: {:?}", t.elapsed() / n);
}
#[test]
fn scratch() {
    let rt = Runtime::new().unwrap();
    time("runtime", 500, || { Runtime::new().unwrap(); });
    time("base", 500, || { Context::base(&rt).unwrap(); });
    time("eval", 500, || { Context::custom::<(i::Eval,)>(&rt).unwrap(); });
    time("eval+json", 500, || { Context::custom::<(i::Eval,i::Json)>(&rt).unwrap(); });
    time("eval+date", 500, || { Context::custom::<(i::Eval,i::Date)>(&rt).unwrap(); });
    time("eval+regexp", 500, || { Context::custom::<(i::Eval,i::RegExpCompiler,i::RegExp)>(&rt).unwrap(); });
    time("eval+proxy", 500, || { Context::custom::<(i::Eval,i::Proxy)>(&rt).unwrap(); });
    time("eval+mapset", 500, || { Context::custom::<(i::Eval,i::MapSet)>(&rt).unwrap(); });
    time("eval+typed", 500, || { Context::custom::<(i::Eval,i::TypedArrays)>(&rt).unwrap(); });
    time("eval+promise", 500, || { Context::custom::<(i::Eval,i::Promise)>(&rt).unwrap(); });
    time("full", 500, || { Context::full(&rt).unwrap(); });
    const P: &str = include_str!("../src/script/prelude.js");
    let c = Context::full(&rt).unwrap();
    c.with(|ctx| {
        time("prelude eval", 500, || { let _: Function = ctx.eval(P).unwrap(); });
        let f: Function = ctx.eval(P).unwrap();
        time("prelude call", 500, || { let _: Value = f.call((1.0, 2)).unwrap(); });
        time("eval 1", 500, || { let _: Value = ctx.eval("1").unwrap(); });
        time("eval expr", 500, || { let _: Value = ctx.eval("var $ = {x:{a:1}}; $.x.a > 1 && $.x.a < 5").unwrap(); });
    });
    let rt = Runtime::new().unwrap();
    rt.set_gc_threshold(4 << 20);
    time("full, gc 4M", 500, || { Context::full(&rt).unwrap(); });
    eprintln!("{:?}", rt.memory_usage().malloc_size);
    time("runtime+full", 500, || { let rt = Runtime::new().unwrap(); Context::full(&rt).unwrap(); });
    let rt = Runtime::new().unwrap();
    rt.set_gc_threshold(4 << 20);
    eprintln!("{:?}", rt.memory_usage().malloc_size);
    let c = Context::full(&rt).unwrap();
    eprintln!("{:?}", rt.memory_usage().malloc_size);
    drop(c);
    eprintln!("{:?}", rt.memory_usage().malloc_size);
}
