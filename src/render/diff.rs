//! What a step would change in a file, as a unified diff.

use std::fmt::Write;

use crate::step::File;

/// Unchanged lines shown around a change.
const AROUND: usize = 3;

/// Above this many cells, the table of the comparison would cost more memory than the diff is worth: then all lines count as changed.
const MOST_CELLS: usize = 4_000_000;

/// One line of a comparison.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Old(&'a str),
    New(&'a str),
}

/// The change from what a host has (`None`: no such file) to `file`, as `diff -u` would print it; empty if there is none.
/// Of a secret file, only that it differs.
#[must_use]
pub fn diff(file: &File, old: Option<&str>) -> String {
    if old == Some(file.content.as_str()) {
        return String::new();
    }
    let path = file.path.display();
    let mut text = match old {
        Some(_) => format!("--- {path}\n+++ {path}\n"),
        None => format!("--- /dev/null\n+++ {path}\n"),
    };
    if file.secret {
        text.push_str("(secret, not shown)\n");
    } else {
        hunks(&compare(old.unwrap_or_default(), &file.content), &mut text);
    }
    text
}

/// Which lines were kept, dropped and added: by a longest common subsequence, after setting aside equal ends.
fn compare<'a>(old: &'a str, new: &'a str) -> Vec<Line<'a>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);

    let mut lines: Vec<Line<'a>> = old[..head].iter().map(|line| Line::Same(line)).collect();
    let width = b.len() + 1;
    // common[i * width + j]: the length of the longest common subsequence of a[i..] and b[j..].
    let small = (a.len() + 1).saturating_mul(width) <= MOST_CELLS;
    let mut common = vec![0_u32; if small { (a.len() + 1) * width } else { 0 }];
    if small {
        for i in (0..a.len()).rev() {
            for j in (0..b.len()).rev() {
                common[i * width + j] = if a[i] == b[j] {
                    common[(i + 1) * width + j + 1] + 1
                } else {
                    common[(i + 1) * width + j].max(common[i * width + j + 1])
                };
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        if small && i < a.len() && j < b.len() && a[i] == b[j] {
            lines.push(Line::Same(a[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < a.len() && (!small || j == b.len() || common[(i + 1) * width + j] >= common[i * width + j + 1]) {
            lines.push(Line::Old(a[i]));
            i += 1;
        } else {
            lines.push(Line::New(b[j]));
            j += 1;
        }
    }
    lines.extend(old[old.len() - tail..].iter().map(|line| Line::Same(line)));
    lines
}

/// Groups changes that stand near each other, with a few lines around them and a line that says where they are.
fn hunks(lines: &[Line<'_>], text: &mut String) {
    let changed: Vec<usize> = (0..lines.len()).filter(|place| !matches!(lines[*place], Line::Same(_))).collect();
    let mut rest = changed.as_slice();
    while let Some(first) = rest.first() {
        let near = rest.windows(2).take_while(|pair| pair[1] - pair[0] <= 2 * AROUND + 1).count();
        let start = first.saturating_sub(AROUND);
        let end = (rest[near] + AROUND + 1).min(lines.len());
        let _ = writeln!(text, "@@ -{} +{} @@", range(lines, start, end, Side::Old), range(lines, start, end, Side::New));
        for line in &lines[start..end] {
            let (sign, content) = match line {
                Line::Same(content) => (' ', content),
                Line::Old(content) => ('-', content),
                Line::New(content) => ('+', content),
            };
            let _ = writeln!(text, "{sign}{}", content.strip_suffix('\n').unwrap_or(content));
            if !content.ends_with('\n') {
                text.push_str("\\ No newline at end of file\n");
            }
        }
        rest = &rest[near + 1..];
    }
}

#[derive(Clone, Copy)]
enum Side {
    Old,
    New,
}

/// `first line,number of lines` of one side of a hunk. An empty side names the line before it, as diff(1) does.
fn range(lines: &[Line<'_>], start: usize, end: usize, side: Side) -> String {
    let counts = |line: &&Line<'_>| match side {
        Side::Old => !matches!(line, Line::New(_)),
        Side::New => !matches!(line, Line::Old(_)),
    };
    let before = lines[..start].iter().filter(counts).count();
    let length = lines[start..end].iter().filter(counts).count();
    format!("{},{length}", if length == 0 { before } else { before + 1 })
}
