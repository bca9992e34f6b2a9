//! HTTP (S-35): to the engine an outside task whose worker lives in the server.

use super::{Behaviour, Mode, PLAIN};

pub(super) static HTTP: Behaviour = Behaviour {
    word: "HTTP",
    mode: Mode::System,
    takes_template: true,
    has_response_timeout: true,
    is_sync: false,
    ..PLAIN
};
