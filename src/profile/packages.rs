//! How a package manager is called: bodies of shell functions, and what it says when it is in trouble.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::lower::quote;

/// `pkg_run`: what is done about each call of the package manager, whichever it is.
const RUN: &str = include_str!("packages/run.sh");

/// `pkg_some`: ends where there is nothing to install. A command substitution that fails in `set --` leaves nothing, and ends nothing.
const SOME: &str = "\
[ $# -gt 0 ] || give_up 'the package repositories do not have the wanted version' \\
    remedy='write a version that they have as `kubernetes` in the cluster file, or name another repository under [packages]'";

/// `pkg_explain`: ends with what the last call of the package manager said was wrong, if it says anything that is known. One that went
/// well and was not enough has lists without what is wanted.
const EXPLAIN: &str = "\
if pkg_trouble; then give_up \"$pkg_cause\" \"remedy=$pkg_remedy\" $pkg_again; fi
[ \"$(cat \"$RUN/packages.status\")\" != 0 ] || give_up 'the package repositories of this host do not have all that is wanted' \\
    remedy='write a version that they have as `kubernetes` in the cluster file, or see which repositories the host has'
exit \"$(cat \"$RUN/packages.status\")\"";

/// `pkg_warn`: tells what the last call of the package manager said was wrong, though what was wanted of it is there.
const WARN: &str = "if pkg_trouble; then note \"$pkg_cause\"; fi";

/// Bodies of shell functions, called `pkg_installed`, `pkg_refresh` and so on, and the troubles of their package manager. They may call
/// each other, `pkg_run`, and the functions of every program (`have`, `say`, `give_up`, `use_proxy`); only `purge` must do without these, since
/// it runs in an undo script.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PackageShell {
    /// ARGUMENT...: the package manager itself, through the proxy if there is one, asking nothing, not waiting for its locks. As `pkg_run`
    /// it is called when nobody holds them and `mend` is done, and its output, both streams in one, is kept.
    pub run: String,
    /// The files that it locks, in the order in which it does. In one named `*.pid` stands the number of the process that holds it.
    pub locks: Vec<String>,
    /// Extended regular expression of lines that say that somebody else holds one of them.
    pub locked: String,
    /// What it says when it can not do its work; of those that it says, the first in this list counts.
    pub troubles: Vec<Trouble>,
    /// Finishes what an interrupted run of the package manager has begun, if there is anything.
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
    /// SPEC...: installs once more what is installed already, but has lost files.
    pub reinstall: String,
    /// SPEC...: prints the names of the packages that `install` would add.
    pub added: String,
    /// NAME...: removes these and no other, with their configuration.
    pub purge: String,
    /// FINGERPRINT: prints shell that takes a key out of the package manager's own keyring, if it is not in there yet. For undo
    /// scripts; left out where there is no such keyring.
    pub key_undo: Option<String>,
    /// NAME...: prints shell that takes away what the package manager notes down beside the packages when it installs these: marks, keys
    /// of repositories that the host had. For undo scripts, where it runs when the packages have gone.
    pub aside_undo: Option<String>,
    /// NAME...: keeps upgrades away from packages; left out where the repository's file does that.
    pub hold: Option<String>,
    /// NAME...: ends that.
    pub unhold: Option<String>,
    /// NAME...: true when all are held.
    pub held: Option<String>,
    /// All of them as they stand in programs, put together once.
    #[serde(skip)]
    functions: OnceLock<Vec<Function>>,
}

#[derive(Clone, Debug)]
struct Function {
    name: &'static str,
    text: String,
    /// The functions that it calls, those that these call in turn, and itself.
    needs: Vec<usize>,
}

/// One way in which a package manager fails.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// Extended regular expression of whole lines. Without `@`, and with brackets around alternatives.
    pub says: String,
    /// What that means, for people, with the names from the line: `\1` is the first group of `says`.
    pub cause: String,
    /// What to do about it.
    pub remedy: String,
    /// Whether it passes by itself now and then, so that the step may be tried again.
    #[serde(default)]
    pub passes: bool,
}

impl PackageShell {
    /// `pkg_trouble`: true where the last call of the package manager was in a trouble that is known, and then sets what to say of it.
    fn trouble(&self) -> String {
        let mut shell = String::new();
        for Trouble { says, cause, remedy, passes } in &self.troubles {
            let script = quote(&format!("s@^{says}$@{cause}@p"));
            let again = if *passes { "again" } else { "" };
            shell.push_str(&format!(
                "pkg_cause=$(sed -En {script} \"$RUN/packages.out\" | head -n 1)\n\
                 if [ -n \"$pkg_cause\" ]; then pkg_again={again} pkg_remedy={}; return 0; fi\n",
                quote(remedy)
            ));
        }
        shell + "return 1"
    }

    /// The first key among these that must be there and is not, or can not be understood.
    pub(super) fn lacks(&self) -> Option<String> {
        let needed = [
            ("run", self.run.is_empty()),
            ("locks", self.locks.is_empty()),
            ("locked", self.locked.is_empty()),
            ("installed", self.installed.is_empty()),
            ("installed_at", self.installed_at.is_empty()),
            ("unfinished", self.unfinished.is_empty()),
            ("refresh", self.refresh.is_empty()),
            ("specs", self.specs.is_empty()),
            ("install", self.install.is_empty()),
            ("reinstall", self.reinstall.is_empty()),
            ("added", self.added.is_empty()),
            ("purge", self.purge.is_empty()),
            ("unhold", self.hold.is_some() && self.unhold.is_none()),
            ("held", self.hold.is_some() && self.held.is_none()),
        ];
        let missing = needed.into_iter().find_map(|(key, missing)| missing.then(|| key.to_owned()));
        missing.or_else(|| {
            let odd = |trouble: &Trouble| {
                let Trouble { says, cause, remedy, .. } = trouble;
                [says, cause, remedy].iter().any(|text| text.is_empty() || text.contains('\n'))
                    || says.contains('@')
                    || cause.contains('@')
            };
            Some(format!("troubles (number {})", self.troubles.iter().position(odd)? + 1))
        })
    }

    /// Its functions by name, with their bodies; none where a manager has no such function.
    fn bodies(&self) -> Vec<(&'static str, Option<String>)> {
        let some = |body: &str| Some(body.to_owned());
        vec![
            ("pkg_run", some(RUN)),
            ("pkg_call", some(&self.run)),
            ("pkg_wait", Some(format!("wait_for_locks {}", words(&self.locks)))),
            ("pkg_locked", Some(format!("grep -Eq {} \"$RUN/packages.out\"", quote(&self.locked)))),
            ("pkg_trouble", Some(self.trouble())),
            ("pkg_some", some(SOME)),
            ("pkg_explain", some(EXPLAIN)),
            ("pkg_warn", some(WARN)),
            ("pkg_mend", some(self.mend.as_deref().unwrap_or(":"))),
            ("pkg_installed", some(&self.installed)),
            ("pkg_installed_at", some(&self.installed_at)),
            ("pkg_unfinished", some(&self.unfinished)),
            ("pkg_known", self.known.clone()),
            ("pkg_refresh", some(&self.refresh)),
            ("pkg_specs", some(&self.specs)),
            ("pkg_install", some(&self.install)),
            ("pkg_reinstall", some(&self.reinstall)),
            ("pkg_added", some(&self.added)),
            ("pkg_purge", some(&self.purge)),
            ("pkg_key_undo", self.key_undo.clone()),
            ("pkg_aside_undo", self.aside_undo.clone()),
            ("pkg_hold", self.hold.clone()),
            ("pkg_unhold", self.unhold.clone()),
            ("pkg_held", self.held.clone()),
        ]
    }

    fn functions(&self) -> &[Function] {
        self.functions.get_or_init(|| {
            let bodies: Vec<_> = self.bodies().into_iter().filter_map(|(name, body)| Some((name, body?))).collect();
            let called = |text: &str| -> Vec<usize> {
                calls(text).filter_map(|call| bodies.iter().position(|(name, _)| *name == call)).collect()
            };
            let of_each: Vec<Vec<usize>> = bodies.iter().map(|(_, body)| called(body)).collect();
            let needs = |index: usize| {
                let mut needs = vec![index];
                let mut next = 0;
                while let Some(index) = needs.get(next).copied() {
                    next += 1;
                    let new: Vec<usize> = of_each[index].iter().copied().filter(|call| !needs.contains(call)).collect();
                    needs.extend(new);
                }
                needs
            };
            let function = |(index, (name, body)): (usize, &(&'static str, String))| Function {
                name,
                text: format!("{name}() {{\n{}\n}}\n", body.trim_end()),
                needs: needs(index),
            };
            bodies.iter().enumerate().map(function).collect()
        })
    }

    /// `text` with the functions that it calls in front of it.
    #[must_use]
    pub fn with(&self, text: &str) -> String {
        let functions = self.functions();
        let mut wanted = vec![false; functions.len()];
        for function in calls(text).filter_map(|call| functions.iter().find(|function| function.name == call)) {
            function.needs.iter().for_each(|need| wanted[*need] = true);
        }
        let texts = || functions.iter().zip(&wanted).filter(|(_, wanted)| **wanted).map(|(function, _)| function.text.as_str());
        let mut shell = String::with_capacity(texts().map(str::len).sum::<usize>() + text.len());
        shell.extend(texts());
        shell.push_str(text);
        shell
    }
}

/// The words in shell that may be the names of these functions.
fn calls(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').filter(|word| word.starts_with("pkg_"))
}

/// Words of a shell command, each quoted.
#[must_use]
pub fn words<S: AsRef<str>>(words: &[S]) -> String {
    words.iter().map(|word| quote(word.as_ref())).collect::<Vec<_>>().join(" ")
}
