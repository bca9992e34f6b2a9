//! Ready queues against a plain list that is sorted at every question.

use fastcond_queue::ready::{AGEING_MS_PER_STEP, QUEUES_MAX};
use fastcond_queue::{Message, QueueId, QueueKey, QueueRef, ReadyQueues, TaskKey};
use proptest::prelude::*;

fn task(number: u32) -> TaskKey {
    TaskKey { workflow: u128::from(number) << 64 | 7, task: number }
}

fn queue(queues: &mut ReadyQueues, name: &str) -> QueueId {
    queues.intern(&QueueKey::worker(name, None))
}

fn pop(queues: &mut ReadyQueues, id: QueueId, now_ms: i64, n: usize) -> Vec<u32> {
    let mut out = Vec::new();
    queues.pop_due(id, now_ms, n, &mut out);
    out.iter().map(|message| message.task.task).collect()
}

/// S-50.1
#[test]
fn printed_queue_names() {
    let name = |domain, namespace, isolation| {
        QueueRef { task_type: "ship-it", domain, namespace, isolation }.to_key().to_string()
    };
    assert_eq!(name(None, None, None), "ship-it");
    assert_eq!(name(Some("eu"), None, None), "eu:ship-it");
    assert_eq!(name(None, Some("ns"), None), "ship-it@ns");
    assert_eq!(name(None, None, Some("iso")), "ship-it-iso");
    assert_eq!(name(Some("eu"), Some("ns"), Some("iso")), "eu:ship-it@ns-iso");
}

/// S-50.2: a task type that contains the separators is not taken for an isolated queue.
#[test]
fn structured_keys_with_equal_printed_names_are_different_queues() {
    let mut queues = ReadyQueues::new();
    let plain = queues.intern(&QueueKey::worker("a-b", None));
    let isolated = queues
        .intern(&QueueRef { task_type: "a", domain: None, namespace: None, isolation: Some("b") }.to_key());
    assert_ne!(plain, isolated);
    queues.push(plain, task(1), 0, 0);
    assert_eq!(pop(&mut queues, isolated, 10, 9), []);
    assert_eq!(pop(&mut queues, plain, 10, 9), [1]);
}

/// S-50.9
#[test]
fn higher_priority_then_due_time_then_insertion() {
    let mut queues = ReadyQueues::new();
    let id = queue(&mut queues, "a");
    queues.push(id, task(1), 100, 0);
    queues.push(id, task(2), 100, 0);
    queues.push(id, task(3), 50, 0);
    queues.push(id, task(4), 100, 9);
    queues.push(id, task(5), 100, 99);
    queues.push(id, task(6), 90, 9);
    assert_eq!(pop(&mut queues, id, 100, 9), [5, 6, 4, 3, 1, 2]);
}

/// S-50.9: ageing.
#[test]
fn a_step_of_priority_is_worth_one_ageing_step_and_no_more() {
    let mut queues = ReadyQueues::new();
    let id = queue(&mut queues, "a");
    queues.push(id, task(1), 0, 0);
    queues.push(id, task(2), AGEING_MS_PER_STEP - 1, 1);
    queues.push(id, task(3), AGEING_MS_PER_STEP, 1);
    queues.push(id, task(4), AGEING_MS_PER_STEP + 1, 1);
    // Equal ranks: the higher priority first.
    assert_eq!(pop(&mut queues, id, i64::MAX, 9), [2, 3, 1, 4]);
}

/// S-50.9: with higher priorities arriving for ever, priority 0 still gets its turn within the head start of
/// 99 steps.
#[test]
fn priority_zero_is_not_starved() {
    let mut queues = ReadyQueues::new();
    let id = queue(&mut queues, "a");
    queues.push(id, task(0), 0, 0);
    let step = 1_000;
    let turns = (1..10_000).find(|&turn| {
        let now = i64::from(turn) * step;
        queues.push(id, task(turn), now, 99);
        pop(&mut queues, id, now, 1) == [0]
    });
    assert_eq!(turns.map(|turn| i64::from(turn) * step), Some(99 * AGEING_MS_PER_STEP + step));
}

#[test]
fn delayed_messages_count_and_come_due_by_themselves() {
    let mut queues = ReadyQueues::new();
    let id = queue(&mut queues, "a");
    queues.push(id, task(1), 500, 0);
    queues.push(id, task(2), 300, 0);
    assert_eq!((queues.size(id), queues.next_due(id)), (2, Some(300)));
    assert_eq!(pop(&mut queues, id, 299, 9), []);
    assert_eq!(pop(&mut queues, id, 300, 9), [2]);
    assert_eq!(pop(&mut queues, id, 499, 9), []);
    assert_eq!(pop(&mut queues, id, 500, 9), [1]);
    assert_eq!((queues.size(id), queues.next_due(id)), (0, None));
}

/// S-53.1: the first message of the queue is made due when a slot frees.
#[test]
fn first_delayed_message_is_made_due() {
    let mut queues = ReadyQueues::new();
    let id = queue(&mut queues, "a");
    queues.push(id, task(1), 60_000, 0);
    queues.push(id, task(2), 50_000, 0);
    assert_eq!(queues.make_first_due_now(id, 10), Some(task(2)));
    assert_eq!(pop(&mut queues, id, 10, 9), [2]);
    assert_eq!(queues.message(task(1)).map(|message| message.due_ms), Some(60_000));
}

#[test]
fn put_back_restores_the_place() {
    let mut queues = ReadyQueues::new();
    let id = queue(&mut queues, "a");
    for number in 1..=3 {
        queues.push(id, task(number), 0, 5);
    }
    let mut out = Vec::new();
    assert_eq!(queues.pop_due(id, 0, 2, &mut out), 2);
    for message in out {
        queues.put_back(id, message);
    }
    assert_eq!(pop(&mut queues, id, 0, 9), [1, 2, 3]);
}

#[test]
fn a_task_is_in_one_queue_only() {
    let mut queues = ReadyQueues::new();
    let (a, b) = (queue(&mut queues, "a"), queue(&mut queues, "b"));
    assert!(queues.push(a, task(1), 0, 0));
    assert!(!queues.push(b, task(1), 0, 0));
    assert_eq!((queues.size(a), queues.size(b), queues.len()), (0, 1, 1));
    assert_eq!(queues.remove(task(1)).map(|(id, _)| id), Some(b));
    assert_eq!(queues.remove(task(1)), None);
}

#[test]
fn trimmed_queues_are_forgotten_and_their_ids_name_nothing() {
    let mut queues = ReadyQueues::new();
    let (a, b, c) = (queue(&mut queues, "a"), queue(&mut queues, "b"), queue(&mut queues, "c"));
    queues.push(b, task(1), 0, 0);
    assert_eq!(queues.trim(|id| id == c), 1);
    assert_eq!(queues.find(&QueueRef::worker("a", None)), None);
    assert_eq!(queues.find(&QueueRef::worker("b", None)), Some(b));
    assert_eq!(queues.find(&QueueRef::worker("c", None)), Some(c));
    let d = queue(&mut queues, "d");
    queues.push(d, task(2), 0, 0);
    assert_ne!(a, d);
    assert_eq!((queues.size(a), queues.next_due(a), queues.key(a)), (0, None, None));
    assert_eq!(pop(&mut queues, a, 0, 9), []);
    assert_eq!(pop(&mut queues, d, 0, 9), [2]);
    let sizes: Vec<_> = queues.sizes().map(|(_, key, size)| (key.to_string(), size)).collect();
    assert_eq!(sizes, [("b".to_owned(), 1), ("c".to_owned(), 0), ("d".to_owned(), 0)]);
}

#[test]
fn names_that_are_only_polled_are_bounded() {
    let mut queues = ReadyQueues::new();
    for number in 0..QUEUES_MAX {
        assert!(queues.try_intern(&QueueRef::worker(&number.to_string(), None)).is_some());
    }
    assert_eq!(queues.try_intern(&QueueRef::worker("one more", None)), None);
    assert!(queues.try_intern(&QueueRef::worker("7", None)).is_some());
    queue(&mut queues, "backed by a task");
    assert_eq!(queues.trim(|_| false), QUEUES_MAX + 1);
    assert!(queues.try_intern(&QueueRef::worker("one more", None)).is_some());
}

/// The obvious slow model: every message in one list.
#[derive(Default)]
struct Model {
    messages: Vec<(usize, Message, bool)>,
    clock_ms: i64,
    next_order: u64,
}

impl Model {
    fn settle(&mut self, queue: usize, now_ms: i64) {
        self.clock_ms = now_ms;
        for (held, message, due) in &mut self.messages {
            *due |= *held == queue && message.due_ms <= now_ms;
        }
    }

    fn ordered(&self, queue: usize) -> Vec<(Message, bool)> {
        let held = self.messages.iter().filter(|(held, _, _)| *held == queue);
        let mut held: Vec<_> = held.map(|&(_, message, due)| (message, due)).collect();
        held.sort_by_key(|(message, due)| {
            let head_start = if *due { i64::from(message.priority) * AGEING_MS_PER_STEP } else { 0 };
            (!due, message.due_ms - head_start, 255 - message.priority, message.order)
        });
        held
    }

    fn put(&mut self, queue: usize, message: Message) {
        self.remove(message.task);
        self.messages.push((queue, message, message.due_ms <= self.clock_ms));
    }

    fn remove(&mut self, task: TaskKey) -> Option<(usize, Message)> {
        let at = self.messages.iter().position(|(_, message, _)| message.task == task)?;
        let (queue, message, _) = self.messages.remove(at);
        Some((queue, message))
    }

    fn push(&mut self, queue: usize, task: TaskKey, due_ms: i64, priority: u8) {
        let order = self.next_order;
        self.next_order += 1;
        self.put(queue, Message { task, due_ms, priority, order });
    }

    fn pop(&mut self, queue: usize, now_ms: i64, n: usize) -> Vec<Message> {
        self.settle(queue, now_ms);
        let due = self.ordered(queue).into_iter().filter(|(_, due)| *due);
        let taken: Vec<_> = due.map(|(message, _)| message).take(n).collect();
        for message in &taken {
            self.remove(message.task);
        }
        taken
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Push { queue: usize, task: u32, delay: i64, priority: u8 },
    Pop { queue: usize, n: usize, put_back: bool },
    Peek { queue: usize, n: usize },
    Remove { task: u32 },
    Postpone { task: u32, delay: i64 },
    MakeDueNow { task: u32 },
    MakeFirstDueNow { queue: usize },
    Wait { ms: i64 },
    Trim,
}

fn step() -> impl Strategy<Value = Step> {
    let (queue, task, delay) =
        (0..3usize, 0..40u32, prop_oneof![Just(0i64), 0..5_000i64, -5_000..200_000i64]);
    prop_oneof![
        6 => (queue.clone(), task.clone(), delay.clone(), 0..5u8)
            .prop_map(|(queue, task, delay, priority)| Step::Push { queue, task, delay, priority }),
        4 => (queue.clone(), 0..4usize, any::<bool>())
            .prop_map(|(queue, n, put_back)| Step::Pop { queue, n, put_back }),
        1 => (queue.clone(), 0..50usize).prop_map(|(queue, n)| Step::Peek { queue, n }),
        1 => task.clone().prop_map(|task| Step::Remove { task }),
        1 => (task.clone(), delay.clone()).prop_map(|(task, delay)| Step::Postpone { task, delay }),
        1 => task.prop_map(|task| Step::MakeDueNow { task }),
        1 => queue.prop_map(|queue| Step::MakeFirstDueNow { queue }),
        2 => prop_oneof![9 => 0..3_000i64, 1 => -100_000..100_000i64].prop_map(|ms| Step::Wait { ms }),
        1 => Just(Step::Trim),
    ]
}

fn take(queues: &mut ReadyQueues, model: &mut Model, ids: [QueueId; 3], step: Step, now: i64) {
    match step {
        Step::Push { queue, task: number, delay, priority } => {
            let new = !model.messages.iter().any(|(_, message, _)| message.task == task(number));
            assert_eq!(queues.push(ids[queue], task(number), now + delay, priority), new);
            model.push(queue, task(number), now + delay, priority);
        }
        Step::Pop { queue, n, put_back } => {
            let mut taken = Vec::new();
            queues.pop_due(ids[queue], now, n, &mut taken);
            assert_eq!(taken, model.pop(queue, now, n));
            for message in taken.into_iter().filter(|_| put_back) {
                queues.put_back(ids[queue], message);
                model.put(queue, message);
            }
        }
        Step::Peek { queue, n } => {
            let mut seen = Vec::new();
            queues.peek(ids[queue], now, n, &mut seen);
            model.settle(queue, now);
            let all = model.ordered(queue).into_iter().map(|(message, _)| message);
            assert_eq!(seen, all.take(n).collect::<Vec<_>>());
        }
        Step::Remove { task: number } => {
            let removed = model.remove(task(number)).map(|(queue, message)| (ids[queue], message));
            assert_eq!(queues.remove(task(number)), removed);
        }
        Step::Postpone { task: number, delay } => {
            let held = model.remove(task(number));
            assert_eq!(queues.postpone(task(number), now + delay), held.is_some());
            if let Some((queue, message)) = held {
                model.put(queue, Message { due_ms: now + delay, ..message });
            }
        }
        Step::MakeDueNow { task: number } => {
            let held = model.messages.iter().find(|(_, message, _)| message.task == task(number)).copied();
            assert_eq!(queues.make_due_now(task(number), now), held.is_some());
            if let Some((queue, message, _)) = held.filter(|(_, message, _)| message.due_ms > now) {
                model.put(queue, Message { due_ms: now, ..message });
            }
        }
        Step::MakeFirstDueNow { queue } => {
            model.settle(queue, now);
            let first = model.ordered(queue).into_iter().find(|(_, due)| !due).map(|(message, _)| message);
            assert_eq!(queues.make_first_due_now(ids[queue], now), first.map(|message| message.task));
            if let Some(message) = first {
                model.put(queue, Message { due_ms: now, ..message });
            }
        }
        Step::Wait { .. } => {
            queues.observe(now);
            model.clock_ms = now;
        }
        Step::Trim => assert_eq!(queues.trim(|_| true), 0),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn ready_queues_equal_the_sorted_list(steps in prop::collection::vec(step(), 1..120)) {
        let (mut queues, mut model, mut now) = (ReadyQueues::new(), Model::default(), 0);
        let ids = ["a", "b", "c"].map(|name| queue(&mut queues, name));
        for step in steps {
            if let Step::Wait { ms } = step {
                now += ms;
            }
            take(&mut queues, &mut model, ids, step, now);
            prop_assert_eq!(queues.len(), model.messages.len());
            for (index, id) in ids.into_iter().enumerate() {
                let held = model.ordered(index);
                prop_assert_eq!(queues.size(id), held.len());
                prop_assert_eq!(queues.next_due(id), held.first().map(|(message, _)| message.due_ms));
            }
        }
        for (_, message, _) in model.messages {
            prop_assert_eq!(queues.message(message.task), Some(message));
            prop_assert!(queues.contains(message.task));
        }
    }
}

#[test]
fn turns_go_round_and_a_forgotten_queue_has_none() {
    let mut queues = ReadyQueues::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| queues.intern(&QueueKey::worker(name, None)));
    let order = |queues: &ReadyQueues| {
        let mut order = [a, b, c];
        queues.sort_by_turn(&mut order);
        order
    };
    assert_eq!(order(&queues), [a, b, c], "nobody had a turn: as asked");
    queues.note_turn(a);
    assert_eq!(order(&queues), [b, c, a]);
    queues.note_turn(c);
    queues.note_turn(a);
    assert_eq!(order(&queues), [b, c, a]);
    queues.note_turn(b);
    assert_eq!(order(&queues), [c, a, b]);
    queues.trim(|queue| queue != b);
    queues.note_turn(b);
    let again = queues.intern(&QueueKey::worker("b", None));
    let mut order = [a, again, c];
    queues.sort_by_turn(&mut order);
    assert_eq!(order, [again, c, a], "a queue of the same name begins anew");
}
