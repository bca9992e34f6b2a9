//! What the languages inside definitions cost: templates compiled and resolved, paths, scripts.

use std::borrow::Cow;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fastcond_expr::script::{Given, Scripts};
use fastcond_expr::{Path, Scope, Template};
use fastcond_json::get;

/// A context as text: `{"workflow": {...}, "t1": {...}}`.
struct Context(String);

impl Scope for Context {
    fn field(&self, root: &str, field: &str) -> Option<Cow<'_, str>> {
        get(get(&self.0, root)?, field).map(Cow::Borrowed)
    }

    fn root(&self, root: &str) -> Option<Cow<'_, str>> {
        get(&self.0, root).map(Cow::Borrowed)
    }

    fn all(&self) -> String {
        self.0.clone()
    }

    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn task_id(&self) -> Option<String> {
        None
    }
}

const CONSTANT: &str = r#"{"url":"http://example.com","method":"GET","headers":{"a":"b"}}"#;
const PAYLOAD: &str = r#"{"payload":"${workflow.input.payload}"}"#;
const MIXED: &str = r#"{"order":"${workflow.input.order.id}","line":"for ${t1.output.name}, ${t1.output.count} pieces",
    "first":"${workflow.input.order.items[0].sku}","fixed":{"a":[1,2,3]}}"#;

fn context() -> Context {
    let payload = "x".repeat(1_024);
    let items: Vec<String> = (0..20).map(|at| format!(r#"{{"sku":"A-{at}","price":{at}}}"#)).collect();
    Context(format!(
        r#"{{"workflow":{{"input":{{"payload":"{payload}","order":{{"id":"o-1","items":[{}]}}}}}},
            "t1":{{"output":{{"name":"N","count":3}}}}}}"#,
        items.join(",")
    ))
}

fn templates(criterion: &mut Criterion) {
    let (context, mut out) = (context(), String::new());
    for (name, text) in [("constant", CONSTANT), ("one of 1 KB", PAYLOAD), ("five references", MIXED)] {
        criterion.bench_function(&format!("template/compile, {name}"), |bencher| {
            bencher.iter(|| Template::compile(black_box(text)));
        });
        let template = Template::compile(text);
        criterion.bench_function(&format!("template/resolve, {name}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                template.resolve(black_box(&context), &mut out).expect("every reference resolves");
            });
        });
    }
}

fn paths(criterion: &mut Criterion) {
    let document = context().all();
    for text in
        ["$.workflow.input.order.items[3].sku", "$..price", "$.workflow.input.order.items[?(@.price > 10)]"]
    {
        let path = Path::parse(text).expect("a path");
        criterion.bench_function(&format!("path/{text}"), |bencher| {
            bencher.iter(|| path.evaluate(black_box(&document)).expect("it evaluates"));
        });
    }
}

fn scripts(criterion: &mut Criterion) {
    let mut scripts = Scripts::new();
    let given = Given { now_ms: 1_700_000_000_000, seed: 7 };
    criterion.bench_function("script/one comparison, engine included", |bencher| {
        bencher.iter(|| {
            scripts.evaluate("$.n > 4 ? 'big' : 'small'", black_box(r#"{"n":7}"#), &given).expect("a script")
        });
    });
}

criterion_group!(benches, templates, paths, scripts);
criterion_main!(benches);
