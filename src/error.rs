//! Error codes, hints and exit codes.
//!
//! Every failure that a user can meet is an [`Error`] with a stable [`Code`]. A code fixes the exit
//! code; the message says what happened and where (file, record, line, column); a hint says what
//! to do next. Rejected data rows are not errors: they are rows of the quarantine table.

use std::fmt;

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

macro_rules! codes {
    ($($variant:ident = $code:literal, $exit:literal, $meaning:literal;)*) => {
        /// A stable error code: printed as `error[CS3004]`, listed in `docs/operations.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $(#[doc = $meaning] $variant,)* }

        impl Code {
            /// All codes, in numeric order.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The printed form, e.g. `CS3004`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $code,)* }
            }

            /// The process exit code of a command that ends with this error.
            pub fn exit_code(self) -> u8 {
                match self { $(Code::$variant => $exit,)* }
            }

            /// One line for the reference page.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$variant => $meaning,)* }
            }
        }
    };
}

codes! {
    Usage = "CS1001", 2, "a flag, its value or a combination of flags is wrong";
    Config = "CS1002", 2, "a job file cannot be read or holds an unknown or wrong setting";
    Scheme = "CS1003", 2, "the scheme of a location is not supported";
    StorageRead = "CS2001", 1, "a file or folder cannot be read";
    StorageWrite = "CS2002", 1, "a file or folder cannot be written";
    StorageBusy = "CS2003", 75, "a store does not answer, or not in time";
    NoDelivery = "CS3001", 3, "no delivery was found in the input";
    NoData = "CS3002", 3, "the facts hold no data for the month";
    UnknownFile = "CS3003", 4, "a file is no known export";
    MissingColumn = "CS3004", 4, "an export lacks a required column";
    Undecodable = "CS3005", 4, "a file cannot be decoded or decompressed";
    DuplicateColumn = "CS3006", 4, "two columns of an export have the same meaning";
    FileChanged = "CS3007", 75, "a file changed while it was read";
    DeliveryIncomplete = "CS3008", 4, "a late file needs the other files of its delivery";
    Redacted = "CS3009", 4, "every amount of an export is blank: its reader lacked permission";
    RuinedIds = "CS3010", 4, "a spreadsheet has destroyed the ids of an export";
    MixedForms = "CS3011", 4, "the numbers or dates of a column are written in two ways";
    QuarantineLimit = "CS4001", 5, "more rows or more money were rejected than the limits allow";
    CheckFailed = "CS4002", 5, "a check failed: nothing is published";
    RulesetUnknown = "CS5001", 8, "no ruleset has this id";
    RulesInvalid = "CS5002", 8, "a rule pack, catalog or source layout is invalid";
    RulesetNotEffective = "CS5003", 8, "no version of any area is in force on this day";
    NumberTooLarge = "CS5004", 1, "a computed amount does not fit the published type";
    Locked = "CS6001", 7, "another run holds the target";
    VerifyFailed = "CS6002", 1, "a written table does not match its contract";
    LedgerConflict = "CS6003", 7, "another ingest extended the ledger first";
    NotFound = "CS6004", 3, "the output or the facts hold no such run, partner or table";
    Damaged = "CS6005", 1, "a file of the facts or of the output is damaged or of another version";
    Interrupted = "CS7001", 130, "the run was interrupted";
    Bug = "CS9001", 70, "an internal error";
}

/// A failure with its code, message, hint and cause.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    code: Code,
    message: String,
    hint: Option<String>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `code`; `message` says what and where, without a final period.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, source: None }
    }

    /// An internal error: a state that the program rules out.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(Code::Bug, message).hint("please report this with the command and the log")
    }

    /// Adds what the user can do: imperative, no final period.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What the user can do, if anything.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// What it is because of, and what that is because of.
    pub fn causes(&self) -> Vec<String> {
        let first = std::error::Error::source(self);
        std::iter::successors(first, |error| error.source()).map(ToString::to_string).collect()
    }

    /// The full text for a terminal: code, message, causes, hint.
    pub fn report(&self) -> String {
        use fmt::Write as _;
        let mut text = format!("error[{}]: {}", self.code.as_str(), self.message);
        for cause in self.causes() {
            let _ = write!(text, "\n  caused by: {cause}");
        }
        if let Some(hint) = &self.hint {
            let _ = write!(text, "\n\nhint: {hint}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique() {
        let mut seen: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), Code::ALL.len());
    }

    #[test]
    fn report_ends_in_the_hint() {
        let error = Error::new(Code::MissingColumn, "a.csv lacks a column for the month")
            .because(std::io::Error::other("inner"))
            .hint("export again with the column Month");
        assert_eq!(
            error.report(),
            "error[CS3004]: a.csv lacks a column for the month\n  caused by: inner\n\nhint: export again with the column Month"
        );
        assert_eq!(error.code().exit_code(), 4);
    }
}
