//! Statuses as tables (S-1.1, S-1.2); nothing outside `engine` compares them to decide something.

macro_rules! statuses {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $code:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "the variants are the contract's words")]
        pub enum $name { $($variant = $code,)* }

        impl $name {
            /// Every status, in the order of the contract's table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word on the wire.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The stored number; also the ordinal accepted on input.
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The status of a stored number or ordinal.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }

            /// The status of a word, exact case.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.text())
            }
        }
    };
}

statuses! {
    /// Status of an execution (S-1.1).
    WorkflowStatus {
        Running = 0, "RUNNING";
        Completed = 1, "COMPLETED";
        Failed = 2, "FAILED";
        TimedOut = 3, "TIMED_OUT";
        Terminated = 4, "TERMINATED";
        Paused = 5, "PAUSED";
    }
}

statuses! {
    /// Status of a task instance (S-1.2), in ordinal order of data-model section 4.
    TaskStatus {
        InProgress = 0, "IN_PROGRESS";
        Canceled = 1, "CANCELED";
        Failed = 2, "FAILED";
        FailedWithTerminalError = 3, "FAILED_WITH_TERMINAL_ERROR";
        Completed = 4, "COMPLETED";
        CompletedWithErrors = 5, "COMPLETED_WITH_ERRORS";
        Scheduled = 6, "SCHEDULED";
        TimedOut = 7, "TIMED_OUT";
        Skipped = 8, "SKIPPED";
    }
}

statuses! {
    /// What a worker may report (data-model section 3, `TaskResult`).
    ResultStatus {
        InProgress = 0, "IN_PROGRESS";
        Failed = 1, "FAILED";
        FailedWithTerminalError = 2, "FAILED_WITH_TERMINAL_ERROR";
        Completed = 3, "COMPLETED";
        Canceled = 4, "CANCELED";
    }
}

impl WorkflowStatus {
    /// Whether nothing happens any more without an operator.
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Running | Self::Paused)
    }

    /// The contract's "successful" flag.
    pub const fn is_successful(self) -> bool {
        matches!(self, Self::Completed | Self::Paused)
    }
}

impl TaskStatus {
    /// Whether this attempt is over.
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::InProgress | Self::Scheduled)
    }

    /// The contract's "successful" flag.
    pub const fn is_successful(self) -> bool {
        matches!(
            self,
            Self::InProgress | Self::Completed | Self::CompletedWithErrors | Self::Scheduled | Self::Skipped
        )
    }

    /// Whether an unsuccessful attempt of this status may be followed by another (S-1.3).
    pub const fn is_retriable(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut)
    }

    /// Terminal without success.
    pub const fn is_failure(self) -> bool {
        self.is_terminal() && !self.is_successful()
    }
}

impl ResultStatus {
    /// The task status a report leads to, before the rule for callbacks (S-52.4).
    pub const fn task_status(self) -> TaskStatus {
        match self {
            Self::InProgress => TaskStatus::InProgress,
            Self::Failed => TaskStatus::Failed,
            Self::FailedWithTerminalError => TaskStatus::FailedWithTerminalError,
            Self::Completed => TaskStatus::Completed,
            Self::Canceled => TaskStatus::Canceled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_agree_with_the_contract() {
        // S-1.1, S-1.2
        let terminal: Vec<_> = TaskStatus::ALL.iter().filter(|s| s.is_terminal()).map(|s| s.text()).collect();
        assert_eq!(
            terminal,
            [
                "CANCELED",
                "FAILED",
                "FAILED_WITH_TERMINAL_ERROR",
                "COMPLETED",
                "COMPLETED_WITH_ERRORS",
                "TIMED_OUT",
                "SKIPPED"
            ]
        );
        for s in TaskStatus::ALL {
            assert_eq!(TaskStatus::parse(s.text()), Some(*s));
            assert_eq!(TaskStatus::from_code(s.code()), Some(*s));
        }
        assert!(WorkflowStatus::Paused.is_successful() && !WorkflowStatus::Paused.is_terminal());
        assert_eq!(ResultStatus::parse("SKIPPED"), None);
    }
}
