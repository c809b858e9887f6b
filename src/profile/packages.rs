//! How a package manager is called: bodies of shell functions.

use serde::Deserialize;

use crate::lower::quote;

/// Bodies of shell functions, called `pkg_run`, `pkg_installed` and so on. They may call each other and `have`, `say`, `die` and `use_proxy`;
/// only `purge` must do without these, since it runs in an undo script.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PackageShell {
    /// ARGUMENT...: the package manager itself, through the proxy if there is one, asking nothing, waiting for its lock.
    pub run: String,
    /// Finishes what an interrupted run of the package manager has begun.
    pub mend: Option<String>,
    /// NAME...: true when all are installed.
    pub installed: String,
    /// VERSION NAME...: true when all are installed in this version (whatever the packaging's own revision).
    pub installed_at: String,
    /// NAME...: true when any of them is half installed.
    pub unfinished: String,
    /// NAME...: true when the package lists know all of them. Left out where the manager fetches lists by itself.
    pub known: Option<String>,
    /// `[FILE]`: fetches the package lists, or only those of one repository's file.
    pub refresh: String,
    /// VERSION NAME...: prints what `install` must be given for exactly this version; false when there is no such version.
    pub specs: String,
    /// SPEC...: installs.
    pub install: String,
    /// SPEC...: prints the names of the packages that `install` would add.
    pub added: String,
    /// NAME...: removes these and no other, with their configuration.
    pub purge: String,
    /// FINGERPRINT: prints shell that takes a key out of the package manager's own keyring, if it is not in there yet. For undo
    /// scripts; left out where there is no such keyring.
    pub key_undo: Option<String>,
    /// NAME...: keeps upgrades away from packages; left out where the repository's file does that.
    pub hold: Option<String>,
    /// NAME...: ends that.
    pub unhold: Option<String>,
    /// NAME...: true when all are held.
    pub held: Option<String>,
}

impl PackageShell {
    /// `text` with the functions that it calls in front of it.
    #[must_use]
    pub fn with(&self, text: &str) -> String {
        let functions = [
            ("pkg_run", Some(&self.run)),
            ("pkg_mend", self.mend.as_ref()),
            ("pkg_installed", Some(&self.installed)),
            ("pkg_installed_at", Some(&self.installed_at)),
            ("pkg_unfinished", Some(&self.unfinished)),
            ("pkg_known", self.known.as_ref()),
            ("pkg_refresh", Some(&self.refresh)),
            ("pkg_specs", Some(&self.specs)),
            ("pkg_install", Some(&self.install)),
            ("pkg_added", Some(&self.added)),
            ("pkg_purge", Some(&self.purge)),
            ("pkg_key_undo", self.key_undo.as_ref()),
            ("pkg_hold", self.hold.as_ref()),
            ("pkg_unhold", self.unhold.as_ref()),
            ("pkg_held", self.held.as_ref()),
        ];
        let mut wanted = vec![false; functions.len()];
        let mut texts = vec![text];
        while let Some(text) = texts.pop() {
            for (index, (name, body)) in functions.iter().enumerate() {
                let called = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == *name);
                if let (true, false, Some(body)) = (called, wanted[index], body) {
                    wanted[index] = true;
                    texts.push(body.as_str());
                }
            }
        }
        let bodies = functions.iter().zip(wanted).filter_map(|((name, body), wanted)| wanted.then_some((name, (*body)?)));
        let mut shell: String = bodies.map(|(name, body)| format!("{name}() {{\n{}\n}}\n", body.trim_end())).collect();
        shell.push_str(text);
        shell
    }
}

/// Words of a shell command, each quoted.
#[must_use]
pub fn words<S: AsRef<str>>(words: &[S]) -> String {
    words.iter().map(|word| quote(word.as_ref())).collect::<Vec<_>>().join(" ")
}
