//! What a component changes on a host without leaving its name there, as data: how that was before has to be noted.

use serde::Deserialize;

use super::Profiles;

/// Noted before init and join, and put back by a reset.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Changes {
    /// Kernel settings, as sysctl(8) names them, in the order in which they are written back: some set others.
    pub sysctls: Vec<String>,
    /// Directories that it makes, changes, or deletes with what is in them: those that were there come back with their owner and mode,
    /// the others go if they are empty. Parents first.
    pub directories: Vec<String>,
    /// Empty files that it makes to lock something.
    pub locks: Vec<String>,
    /// systemd units that it starts.
    pub units: Vec<String>,
}

impl Changes {
    /// Those of everything that a node may run: what is not there changes nothing.
    #[must_use]
    pub fn of(profiles: &Profiles) -> Self {
        let mut all = Self::default();
        let components = profiles.components.iter().map(|each| &each.changes);
        let cnis = profiles.cnis.iter().map(|each| &each.changes);
        let runtimes = profiles.runtimes.iter().map(|each| &each.changes);
        for each in components.chain(cnis).chain(runtimes) {
            for (all, more) in [
                (&mut all.sysctls, &each.sysctls),
                (&mut all.directories, &each.directories),
                (&mut all.locks, &each.locks),
                (&mut all.units, &each.units),
            ] {
                for name in more {
                    if !all.contains(name) {
                        all.push(name.clone());
                    }
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_stand_before_what_is_in_them_and_nothing_is_named_twice() {
        let changes = Changes::of(&Profiles::load(None).expect("the embedded profiles"));
        for (index, directory) in changes.directories.iter().enumerate() {
            assert!(directory.starts_with('/') && !directory.ends_with('/'), "{directory}");
            let later = &changes.directories[index + 1..];
            assert!(
                !later.iter().any(|other| directory.starts_with(&format!("{other}/"))),
                "{directory} stands before its parent"
            );
            assert!(!later.contains(directory), "{directory} stands there twice");
        }
        let at = |name: &str| changes.sysctls.iter().position(|each| each == name).expect(name);
        // Turning this one turns the other.
        assert!(at("net.ipv4.ip_forward") < at("net.ipv4.conf.all.accept_redirects"));
        assert!(changes.sysctls.len() > 15);
    }
}
