//! The files that a path with `*` and `?` in it names, as an Include has them.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use crate::config::pattern;

/// The paths that are there and fit, in the order of their names. One without a pattern is given back if it is there.
pub(super) fn expand(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in path.components() {
        let name = part.as_os_str().to_string_lossy();
        if !matches!(part, Component::Normal(_)) || !name.contains(['*', '?']) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        found = found.iter().flat_map(|dir| entries(dir, &name)).collect();
    }
    found.retain(|path| path.exists());
    found
}

fn entries(dir: &Path, wanted: &str) -> Vec<PathBuf> {
    let fits = |name: &str| {
        // As in a shell, a pattern does not find hidden files unless it says so.
        name.starts_with('.') == wanted.starts_with('.') && pattern::glob(wanted.as_bytes(), name.as_bytes())
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
