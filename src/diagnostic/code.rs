//! The closed list of lint codes. Their numbers are a contract: never reused, never renumbered.

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Severity {
    /// The text cannot be used as it is.
    Error,
    /// The text can be used; `--strict` makes it an error.
    Warning,
}

impl Severity {
    /// The word for it, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

macro_rules! codes {
    ($($name:ident = $id:literal, $severity:ident, $title:literal;)*) => {
        /// A lint code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[expect(missing_docs, reason = "the title beside each one is its documentation")]
        pub enum Code { $($name,)* }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable name, as `E007`.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// How bad it is.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// What it stands for.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    NoFrontmatter = "E001", Error, "no frontmatter";
    Unterminated = "E002", Error, "unterminated frontmatter";
    Syntax = "E003", Error, "YAML syntax";
    NotMapping = "E004", Error, "not a mapping";
    DuplicateKey = "E005", Error, "duplicate key";
    WrongType = "E006", Error, "wrong type";
    UnknownAgent = "E007", Error, "unknown agent, or none named";
    UnknownDependency = "E008", Error, "unknown dependency";
    AmbiguousReference = "E009", Error, "ambiguous reference";
    DependencyCycle = "E010", Error, "dependency cycle";
    CaseCollision = "E011", Error, "two ids equal but for case";
    OutOfRange = "E012", Error, "value out of range";
    CannotFail = "E013", Error, "a verify command that cannot fail";
    TooLarge = "E014", Error, "larger than 1 MiB";
    NotUtf8 = "E015", Error, "not UTF-8";
    NotRegular = "E016", Error, "symbolic link or not a regular file";
    OutsidePath = "E017", Error, "path leaves the repository";
    Bomb = "E018", Error, "YAML alias or nesting bomb";
    UnknownConfigKey = "E019", Error, "unknown key in config";
    BadGlob = "E020", Error, "bad glob";
    NoRequiredCheck = "E021", Error, "no required check under `require_verify`";
    ForeignTicket = "E022", Error, "a ticket of another tool";
    Unobservable = "E023", Error, "a cap that cannot be observed";
    UnknownKey = "W101", Warning, "unknown key in a ticket";
    SameNumber = "W102", Warning, "two tickets of one folder with one number";
    HiddenCharacter = "W103", Warning, "control or bidirectional character";
    MissingTitle = "W104", Warning, "missing title";
}

impl std::fmt::Display for Code {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.id())
    }
}
