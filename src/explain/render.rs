//! A page as text for a terminal, as Markdown or as JSON. Names come from delivered files, so
//! that control characters and Markdown's own signs in them are made harmless here.

use comfy_table::{
    CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle,
};

use super::Format;
use super::layout::{Block, Grid, blocks};
use super::page::Page;

/// Characters of a line.
const WIDTH: usize = 100;
/// Characters of an indented table.
const TABLE_WIDTH: u16 = 98;

impl Page {
    /// The page in one format, ending in a line feed.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Text => text(&blocks(self)),
            Format::Markdown => markdown(&blocks(self)),
            Format::Json => {
                // Strings, integers and flags under text keys: this cannot fail.
                let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
                json.push('\n');
                json
            }
        }
    }
}

fn text(blocks: &[Block]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for block in blocks {
        match block {
            Block::Title(words) => {
                if !lines.is_empty() {
                    lines.extend([String::new(), String::new()]);
                }
                underlined(words, "=", &mut lines);
            }
            Block::Heading(words) => {
                lines.push(String::new());
                underlined(words, "-", &mut lines);
            }
            Block::Line(words) => wrap(words, "", "  ", &mut lines),
            Block::Item(words) => wrap(words, "  ", "    ", &mut lines),
            Block::Table(grid) => lines.extend(text_table(grid)),
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

fn underlined(words: &str, sign: &str, lines: &mut Vec<String>) {
    let words = clean(words);
    let width = words.chars().count().min(WIDTH);
    lines.push(words);
    lines.push(sign.repeat(width));
}

/// Breaks a sentence between words.
fn wrap(words: &str, first: &str, next: &str, lines: &mut Vec<String>) {
    let mut line = first.to_owned();
    let mut is_empty = true;
    for word in clean(words).split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, next.to_owned()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
}

fn text_table(grid: &Grid) -> Vec<String> {
    // Light lines between header and rows only: most of the width is for the cells.
    let style = TableStyle::new()
        .header_lines(ContentLineStyle::none())
        .header_separator(LineStyle::none().fill('─').junction('─'))
        .content_lines(ContentLineStyle::none());
    let mut table = Table::new();
    table
        .load_style(style)
        .force_no_tty()
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(TABLE_WIDTH)
        .set_header(grid.header.iter().map(|(name, _)| clean(name)));
    for row in &grid.rows {
        table.add_row(row.iter().map(|cell| clean(cell)));
    }
    for (index, (_, is_number)) in grid.header.iter().enumerate() {
        if let (true, Some(column)) = (*is_number, table.column_mut(index)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| format!("  {line}").trim_end().to_owned()).collect()
}

fn markdown(blocks: &[Block]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut is_in_list = false;
    for block in blocks {
        let is_item = matches!(block, Block::Item(_));
        let continues_list = is_item && is_in_list;
        if !lines.is_empty() && !continues_list {
            lines.push(String::new());
        }
        is_in_list = is_item;
        match block {
            Block::Title(words) => lines.push(format!("# {}", escaped(words))),
            Block::Heading(words) => lines.push(format!("## {}", escaped(words))),
            Block::Line(words) => lines.push(escaped(words)),
            Block::Item(words) => lines.push(format!("- {}", escaped(words))),
            Block::Table(grid) => {
                let names = grid.header.iter().map(|(name, _)| escaped(name));
                lines.push(markdown_row(names));
                let rule = |is_number: bool| if is_number { "---:" } else { "---" };
                let rules = grid.header.iter().map(|(_, is_number)| rule(*is_number).to_owned());
                lines.push(markdown_row(rules));
                for row in &grid.rows {
                    lines.push(markdown_row(row.iter().map(|cell| escaped(cell))));
                }
            }
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

fn markdown_row(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
}

/// Without control characters, which would move a terminal's cursor or break a table.
fn clean(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in clean(text).chars() {
        if matches!(letter, '\\' | '|' | '<' | '`' | '*' | '[' | ']') {
            safe.push('\\');
        }
        safe.push(letter);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces() -> Vec<Block> {
        vec![
            Block::Title("A | B".to_owned()),
            Block::Line("word ".repeat(30)),
            Block::Item("one".to_owned()),
            Block::Item("two".to_owned()),
            Block::Table(Grid {
                header: vec![("Name".to_owned(), false), ("Now".to_owned(), true)],
                rows: vec![vec!["x\u{1b}[2J".to_owned(), "1,200".to_owned()]],
            }),
        ]
    }

    #[test]
    fn text_is_narrow_and_without_control_characters() {
        let text = text(&pieces());
        assert!(text.starts_with("A | B\n=====\nword "), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{text}");
    }

    #[test]
    fn markdown_escapes_its_own_signs() {
        let text = markdown(&pieces());
        assert!(text.starts_with("# A \\| B\n\nword "), "{text}");
        assert!(text.contains("\n\n- one\n- two\n\n| Name | Now |\n| --- | ---: |\n"), "{text}");
        assert!(text.contains("| x \\[2J | 1,200 |\n"), "{text}");
    }
}
