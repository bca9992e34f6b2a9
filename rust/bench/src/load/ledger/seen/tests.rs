use super::*;

#[test]
fn what_is_open_is_never_forgotten_and_what_is_over_in_order() {
    let print = |n: usize| TaskPrint::of(&format!("t{n}"));
    let mut seen = Seen::new(3);
    for task in 0..10 {
        assert!(seen.insert(print(task)));
    }
    seen.retire((0..5).map(print));
    let fresh: Vec<_> = (0..10).filter(|task| seen.insert(print(*task))).collect();
    assert_eq!(fresh, [0, 1]);
}

#[test]
fn memory_does_not_grow_with_the_run() {
    let mut seen = Seen::new(100);
    for task in 0..10_000 {
        let print = TaskPrint::of(&task.to_string());
        assert!(seen.insert(print));
        seen.retire([print]);
        assert!(seen.known.len() <= 101 && seen.ended.len() <= 100);
    }
}
