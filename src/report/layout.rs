/// How a report is laid out for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The number of columns of the terminal.
    pub width: usize,
    /// How much is shown.
    pub detail: Detail,
}

/// How much of a report is shown to people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// The findings, and a count of everything else.
    #[default]
    Findings,
    /// Every probe, with what it measured.
    Probes,
    /// Every probe, with the commands that measured it.
    Evidence,
}

impl From<usize> for Layout {
    /// Lays out the findings in a number of columns.
    fn from(width: usize) -> Self {
        Self { width, detail: Detail::default() }
    }
}
