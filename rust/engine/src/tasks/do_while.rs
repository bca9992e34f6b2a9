//! DO_WHILE (S-28): repeats its body; see `step::loops`.

use super::{Behaviour, PLAIN};

pub(super) static DO_WHILE: Behaviour = Behaviour {
    word: "DO_WHILE",
    takes_template: true,
    is_never_retried: true,
    run: |step, no, node| step.turn_loop(no, node),
    ..PLAIN
};
