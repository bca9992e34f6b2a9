//! SIMPLE and user-defined types (S-20, S-6.11): queued for workers outside.
//!
//! Before `{"name": "charge", "taskReferenceName": "c", "type": "SIMPLE"}`, after a SCHEDULED instance of task type
//! `charge` in the queue `charge`.

use super::{Behaviour, Mode, PLAIN};

pub(super) static SIMPLE: Behaviour = Behaviour {
    word: "SIMPLE",
    mode: Mode::Worker,
    takes_template: true,
    has_response_timeout: true,
    ..PLAIN
};

/// Any word the engine does not know: the queue is named by the word.
pub(super) static USER_DEFINED: Behaviour = Behaviour {
    word: "USER_DEFINED",
    mode: Mode::Worker,
    takes_template: true,
    has_response_timeout: true,
    ..PLAIN
};
