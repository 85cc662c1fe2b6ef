use textwrap::core::display_width;

use crate::text::shorten::shorten;

/// Rows of cells, each column as wide as its widest cell, for a terminal.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    /// The most columns that each cell may take.
    limits: Vec<usize>,
}

impl Table {
    pub(super) fn new(header: &[(&str, usize)]) -> Self {
        let cells = header.iter().map(|(title, _)| (*title).to_owned()).collect();
        Self { rows: vec![cells], limits: header.iter().map(|(_, limit)| *limit).collect() }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        let cells = cells.into_iter().zip(&self.limits).map(|(cell, limit)| shorten(&cell, *limit));
        self.rows.push(cells.collect());
    }

    /// Returns the lines, the header first, each cut at `width` columns in its last cell.
    pub(super) fn lines(&self, width: usize) -> Vec<String> {
        let columns = self.limits.len();
        let widest = |column: usize| {
            self.rows.iter().map(|row| display_width(&row[column])).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(widest).collect();
        let before: usize = widths[..columns - 1].iter().map(|width| width + 2).sum();
        let rest = width.saturating_sub(before).max(12);
        let line = |row: &Vec<String>| {
            let mut line = String::new();
            for (cell, width) in row[..columns - 1].iter().zip(&widths) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width - display_width(cell) + 2));
            }
            line.push_str(&shorten(&row[columns - 1], rest));
            line.trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_what_a_terminal_shows() {
        let mut table = Table::new(&[("A", 6), ("B", usize::MAX)]);
        table.row(vec!["日本".into(), "x".into()]);
        table.row(vec!["abcdefghij".into(), "a long command line".into()]);
        assert_eq!(table.lines(20), ["A       B", "日本    x", "ab … j  a lon … line"]);
    }
}
