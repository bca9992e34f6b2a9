//! `KAFKA_PUBLISH` (S-40): to the engine an outside task whose worker lives in the server.

use super::{Behaviour, http};

pub(super) static KAFKA_PUBLISH: Behaviour = Behaviour { word: "KAFKA_PUBLISH", ..http::HTTP };
