//! Reads ssh configuration files, and those that they include, into one list of blocks. Knows words and conditions, no meanings.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::glob_paths;
use crate::{
    config::pattern,
    error::{Error, Kind, Result},
};

/// Files within files; ssh stops there too.
const DEEPEST: usize = 16;

/// Lines that hold under the same conditions.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// All of them must hold.
    pub(super) conditions: Vec<Condition>,
    pub(super) lines: Vec<Line>,
    /// Whether they are the system's, and not the user's.
    pub(super) is_system: bool,
}

/// The keywords whose values are words, as far as slipway follows them.
const FOLLOWED: [&str; 15] = [
    "host",
    "match",
    "include",
    "hostname",
    "user",
    "port",
    "identityfile",
    "identitiesonly",
    "identityagent",
    "userknownhostsfile",
    "globalknownhostsfile",
    "revokedhostkeys",
    "hostkeyalias",
    "stricthostkeychecking",
    "proxyjump",
];

/// A keyword, in lower case, and its words; at least one. What ssh takes as it stands, such as a command, is one word.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) keyword: String,
    pub(super) words: Vec<String>,
    pub(super) place: Place,
}

/// `~/.ssh/config`, line 3.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) line: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// `Host`: patterns for the name that was typed.
    Host(Vec<String>),
    /// `Match`: criteria, all of which must hold.
    Match(Vec<Criterion>, Place),
}

/// One criterion of a `Match`.
#[derive(Clone, Debug)]
pub(super) struct Criterion {
    /// In lower case.
    pub(super) what: String,
    /// Patterns, comma-separated; none for `all`.
    pub(super) patterns: String,
    pub(super) negated: bool,
}

impl Line {
    /// Whether slipway would do anything about it.
    pub(super) fn counts(&self) -> bool {
        self.keyword == "proxycommand" || FOLLOWED.contains(&self.keyword.as_str())
    }
}

impl Place {
    pub(super) fn error(&self, kind: Kind, what: impl std::fmt::Display) -> Error {
        Error::new(kind, format!("{}:{}: {what}", self.file, self.line))
    }
}

/// Reads text of the user's; `file` is what to call it, and `home` is where relative includes and `~` lead to.
pub(super) fn text(text: &str, file: &str, home: &Path) -> Result<Vec<Block>> {
    blocks(text, file, home, &home.join(".ssh"), false)
}

/// As `text`, of the system's; relative includes start from `base`.
pub(super) fn system(text: &str, file: &str, home: &Path, base: &Path) -> Result<Vec<Block>> {
    blocks(text, file, home, base, true)
}

fn blocks(text: &str, file: &str, home: &Path, base: &Path, is_system: bool) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    Reader { home, base, is_system, blocks: &mut blocks }.text(text, file, &[], 0)?;
    blocks.retain(|block| !block.lines.is_empty() || !block.conditions.is_empty());
    Ok(blocks)
}

struct Reader<'a> {
    home: &'a Path,
    base: &'a Path,
    is_system: bool,
    blocks: &'a mut Vec<Block>,
}

impl Reader<'_> {
    /// Reads the lines of one file, which hold under `outer` and whatever their own `Host` or `Match` says.
    fn text(&mut self, text: &str, file: &str, outer: &[Condition], depth: usize) -> Result<()> {
        let mut conditions = outer.to_vec();
        self.begin(&conditions);
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_start_matches('\u{feff}').trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let place = Place { file: file.to_owned(), line: index + 1 };
            let (keyword, value) = line.split_once([' ', '\t', '=']).unwrap_or((line, ""));
            let keyword = keyword.to_ascii_lowercase();
            let value = value.trim_start_matches([' ', '\t', '=']);
            // A command may have an apostrophe that is nobody's business here, and so may whatever slipway does not follow.
            let words = match FOLLOWED.contains(&keyword.as_str()) {
                true => words(value).ok_or_else(|| place.error(Kind::Syntax, format!("a quote without its end in {value:?}")))?,
                false => vec![value.to_owned()],
            };
            if words.is_empty() {
                return Err(place.error(Kind::Syntax, format!("{keyword:?} has no value")));
            }
            match keyword.as_str() {
                "host" => {
                    conditions.truncate(outer.len());
                    conditions.push(Condition::Host(words));
                    self.begin(&conditions);
                }
                "match" => {
                    conditions.truncate(outer.len());
                    conditions.push(Condition::Match(criteria(&words, &place)?, place));
                    self.begin(&conditions);
                }
                "include" => {
                    for word in words {
                        self.include(&word, &conditions, depth, &place)?;
                    }
                    self.begin(&conditions);
                }
                _ => {
                    if let Some(block) = self.blocks.last_mut() {
                        block.lines.push(Line { keyword, words, place });
                    }
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, conditions: &[Condition]) {
        self.blocks.push(Block { conditions: conditions.to_vec(), lines: Vec::new(), is_system: self.is_system });
    }

    /// What an include names may be missing, as it may for ssh.
    fn include(&mut self, word: &str, conditions: &[Condition], depth: usize, place: &Place) -> Result<()> {
        if depth == DEEPEST {
            return Err(place.error(Kind::Invalid, "files include each other more than 16 deep"));
        }
        let path = match word.strip_prefix("~/") {
            Some(rest) => self.home.join(rest),
            None => self.base.join(word),
        };
        for path in glob_paths::expand(&path) {
            if path.is_dir() {
                continue;
            }
            let text = fs::read_to_string(&path)
                .map_err(|error| place.error(Kind::NoFile, format!("{} can not be read", path.display())).because(error))?;
            self.text(&text, &shorten(&path, self.home), conditions, depth + 1)?;
        }
        Ok(())
    }
}

/// A path as a person writes it.
pub(super) fn shorten(path: &Path, home: &Path) -> String {
    match path.strip_prefix(home) {
        Ok(rest) if !home.as_os_str().is_empty() => format!("~/{}", rest.display()),
        _ => path.display().to_string(),
    }
}

/// Reads the criteria of a `Match`: `all`, or words each with its patterns.
fn criteria(words: &[String], place: &Place) -> Result<Vec<Criterion>> {
    let mut criteria = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (negated, name) = word.strip_prefix('!').map_or((false, word.as_str()), |name| (true, name));
        // `host=node*` is as good as `host node*`.
        let (what, given) = name.split_once('=').map_or((name, None), |(what, rest)| (what, Some(rest.to_owned())));
        let what = what.to_ascii_lowercase();
        let alone = ["all", "canonical", "final"].contains(&what.as_str());
        let patterns = match given {
            _ if alone => String::new(),
            Some(patterns) => patterns,
            None => words.next().cloned().ok_or_else(|| place.error(Kind::Syntax, format!("Match {what} does not say which")))?,
        };
        criteria.push(Criterion { what, patterns, negated });
    }
    Ok(criteria)
}

/// Splits a value into words, as ssh's argv_split does: either quote around words that hold spaces, a backslash before a quote,
/// a space or another backslash; any other backslash is a letter, since Windows paths have them. `#` at the start of a word ends it all.
fn words(value: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut letters = value.trim().chars().peekable();
    loop {
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        match letters.peek() {
            None | Some('#') => return Some(words),
            Some(_) => {}
        }
        let (mut word, mut quote) = (String::new(), None);
        while let Some(letter) = letters.next() {
            match (letter, quote) {
                ('\\', _) if matches!(letters.peek(), Some('"' | '\'' | '\\')) => word.extend(letters.next()),
                ('\\', None) if letters.peek() == Some(&' ') => word.extend(letters.next()),
                ('"' | '\'', None) => quote = Some(letter),
                (_, Some(open)) if letter == open => quote = None,
                (_, None) if letter.is_whitespace() => break,
                _ => word.push(letter),
            }
        }
        if quote.is_some() {
            return None;
        }
        words.push(word);
    }
}

/// The names that `Host` lines spell out, in their order: hosts that somebody means to reach.
pub(super) fn names(blocks: &[Block]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for block in blocks {
        let Some(Condition::Host(patterns)) = block.conditions.last() else { continue };
        for name in patterns.iter().filter(|name| !pattern::is_pattern(name)) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    names
}

/// The path of a value: `~` is the home directory, and nothing else moves.
pub(super) fn path(text: &str, home: &Path) -> PathBuf {
    text.strip_prefix("~/").map_or_else(|| PathBuf::from(text), |rest| home.join(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split_as_ssh_splits_them() {
        for (value, split) in [
            (r#""/home/me/my lab/key" b"#, &["/home/me/my lab/key", "b"][..]),
            (r"'C:\Users\my name\key'", &[r"C:\Users\my name\key"]),
            (r"C:\Users\me\key", &[r"C:\Users\me\key"]),
            (r#""C:/Users/my name/.vagrant/private_key""#, &["C:/Users/my name/.vagrant/private_key"]),
            (r"/Users/my\ name/key", &["/Users/my name/key"]),
            (r#""a \"quoted\" word""#, &[r#"a "quoted" word"#]),
            ("a  b # c", &["a", "b"]),
            ("a#b", &["a#b"]),
            ("", &[]),
        ] {
            assert_eq!(words(value).unwrap(), split, "{value}");
        }
        assert_eq!(words("\"/x"), None);
    }
}
