//! The files that a path with `*`, `?` and `[…]` in it names, as an Include has them (glob(7)).

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

/// The paths that are there and fit, in the order of their names. One without a pattern is given back if it is there.
pub(super) fn expand(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in path.components() {
        let name = part.as_os_str().to_string_lossy();
        if !matches!(part, Component::Normal(_)) || !name.contains(['*', '?', '[']) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        found = found.iter().flat_map(|dir| entries(dir, &name)).collect();
    }
    found.retain(|path| path.exists());
    found
}

fn entries(dir: &Path, wanted: &str) -> Vec<PathBuf> {
    let pattern = pieces(wanted);
    let fits = |name: &str| {
        // As in a shell, a pattern does not find hidden files unless it says so.
        name.starts_with('.') == wanted.starts_with('.') && fits(&pattern, &name.chars().collect::<Vec<_>>())
    };
    let mut paths: Vec<PathBuf> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(fits))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

/// A part of a pattern.
enum Piece {
    /// Any letters.
    Star,
    /// One letter of these ranges, or of none of them.
    Letter { ranges: Vec<(char, char)>, negated: bool },
}

impl Piece {
    fn takes(&self, letter: char) -> bool {
        match self {
            Self::Star => true,
            Self::Letter { ranges, negated } => ranges.iter().any(|(from, to)| (*from..=*to).contains(&letter)) != *negated,
        }
    }
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let letters: Vec<char> = pattern.chars().collect();
    let (mut pieces, mut at) = (Vec::new(), 0);
    while at < letters.len() {
        let (piece, length) = match letters[at] {
            '*' => (Piece::Star, 1),
            '?' => (Piece::Letter { ranges: Vec::new(), negated: true }, 1),
            // A bracket without its end is a letter.
            '[' => set(&letters[at..]).unwrap_or((Piece::Letter { ranges: vec![('[', '[')], negated: false }, 1)),
            letter => (Piece::Letter { ranges: vec![(letter, letter)], negated: false }, 1),
        };
        pieces.push(piece);
        at += length;
    }
    pieces
}

/// `[a-c_]`, or `[!a-c_]`, at the beginning of `letters`, and its length. A `]` that comes first is one of the letters.
fn set(letters: &[char]) -> Option<(Piece, usize)> {
    let negated = matches!(letters.get(1), Some('!' | '^'));
    let first = if negated { 2 } else { 1 };
    let end = first + 1 + letters.get(first + 1..)?.iter().position(|letter| *letter == ']')?;
    let (mut ranges, mut rest) = (Vec::new(), &letters[first..end]);
    while let [from, tail @ ..] = rest {
        (ranges, rest) = match tail {
            ['-', to, tail @ ..] => ([ranges, vec![(*from, *to)]].concat(), tail),
            _ => ([ranges, vec![(*from, *from)]].concat(), tail),
        };
    }
    Some((Piece::Letter { ranges, negated }, end + 1))
}

fn fits(pattern: &[Piece], name: &[char]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((Piece::Star, rest)) => (0..=name.len()).any(|at| fits(rest, &name[at..])),
        Some((piece, rest)) => name.split_first().is_some_and(|(letter, tail)| piece.takes(*letter) && fits(rest, tail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_glob_7() {
        for (pattern, name, is_fit) in [
            ("*.conf", "10-a.conf", true),
            ("*.conf", "10-a.conf~", false),
            ("[0-9]*", "10-a", true),
            ("[0-9]*", "a", false),
            ("[!0-9]*", "a", true),
            ("[!0-9]*", "1", false),
            ("[^a]", "b", true),
            ("[]a]?", "]x", true),
            ("[a-]", "-", true),
            ("[abc", "[abc", true),
            ("[", "[", true),
            ("[]", "[]", true),
            ("a?c", "abc", true),
            ("ä[ö-ü]", "äü", true),
        ] {
            assert_eq!(fits(&pieces(pattern), &name.chars().collect::<Vec<_>>()), is_fit, "{pattern} {name}");
        }
    }
}
