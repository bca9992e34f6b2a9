//! JDBC (S-43): to the engine an outside task whose worker lives in the server.

use super::{Behaviour, http};

pub(super) static JDBC: Behaviour = Behaviour { word: "JDBC", takes_template: false, ..http::HTTP };
