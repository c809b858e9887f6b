//! The operator's way into the cluster: admin.conf, fetched, kept beside the cluster file, and merged on request.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use serde_yaml_ng::{Mapping, Value};

use super::site::Known;
use crate::{
    config::Cluster,
    error::{Error, Kind, Result},
    execute::survey::ask_host,
    facts,
    lower::{self, Program},
    transport::Transport,
};

/// Where kubeadm puts the administrator's kubeconfig.
const ADMIN_CONF: &str = "/etc/kubernetes/admin.conf";

/// The operator's copy: `NAME.kubeconfig` beside the cluster file.
pub(super) fn path(known: &Known) -> PathBuf {
    beside(&known.cluster)
}

/// The same, for a cluster whose hosts have not been asked.
pub(super) fn beside(cluster: &Cluster) -> PathBuf {
    cluster.dir.join(format!("{}.kubeconfig", cluster.name))
}

/// The CA of the operator's copy, as a fingerprint, and the copy's name. None where there is no copy, or nothing of a CA in it.
pub(super) fn kept_ca(cluster: &Cluster) -> Option<(String, String)> {
    let path = beside(cluster);
    let config = parse(&fs::read_to_string(&path).ok()?, "the copy").ok()?;
    let data = first(&config, "clusters", "cluster").ok()?;
    let pem = facts::base64(data.get("certificate-authority-data")?.as_str()?).and_then(|bytes| String::from_utf8(bytes).ok())?;
    Some((facts::fingerprint(&pem)?, path.display().to_string()))
}

/// Whether the operator's copy is the one that the control plane has now.
pub(super) fn is_current(known: &Known) -> bool {
    let there = known.first().ok().and_then(|(site, _)| site.facts.files.get(ADMIN_CONF));
    let here = fs::read_to_string(path(known)).ok().map(|text| lower::sha256(&text));
    here.is_some() && here.as_ref() == there
}

/// Fetches admin.conf from the control plane.
///
/// # Errors
/// `Step` when there is none yet.
pub(super) async fn fetch(known: &Known) -> Result<String> {
    let (site, transport) = known.first()?;
    fetch_from(&site.host.name, transport).await
}

/// Fetches admin.conf from a control plane.
///
/// # Errors
/// `Step` when there is none yet; or whatever else kept the host from saying.
pub(super) async fn fetch_from(host: &str, transport: &Transport) -> Result<String> {
    let lines = ask_host(transport, &Program::of(&format!("cat {ADMIN_CONF}\n"))).await.map_err(|error| match error.kind {
        Kind::Step => Error::new(Kind::Step, format!("{host}: there is no {ADMIN_CONF} to fetch"))
            .because(error)
            .hint("`slipway up` makes the cluster first"),
        // A connection that was cut says nothing of the file.
        _ => Error { what: format!("{host}: {}", error.what), ..error },
    })?;
    Ok(lines.join("\n") + "\n")
}

/// Writes a file that only its owner may read, whole or not at all. A symbolic link in its place is replaced, not followed.
///
/// # Errors
/// `Invalid` when the place can not be written.
pub(super) fn write_private(path: &Path, text: &str) -> Result<()> {
    let wrong = |error: std::io::Error| Error::new(Kind::Invalid, format!("{} cannot be written", path.display())).because(error);
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !dir.exists() {
        fs::create_dir_all(dir).map_err(wrong)?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(wrong)?;
    }
    let new = dir.join(format!(".slipway-{}.new", std::process::id()));
    let _ = fs::remove_file(&new);
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&new, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&new);
        wrong(error)
    })
}

/// Puts the cluster of `admin` into the kubeconfig `existing` as context `name`, and makes it the current one.
/// Everything else in `existing` stays; entries of the same name are replaced.
///
/// # Errors
/// `Syntax` when either text is not a kubeconfig.
pub(super) fn merge(existing: &str, admin: &str, name: &str) -> Result<String> {
    let mut merged = if existing.trim().is_empty() { Mapping::new() } else { parse(existing, "the kubeconfig to merge into")? };
    let admin = parse(admin, ADMIN_CONF)?;
    let user = format!("{name}-admin");
    let mut context = Mapping::new();
    context.insert("cluster".into(), name.into());
    context.insert("user".into(), user.clone().into());
    for (list, key, name, value) in [
        ("clusters", "cluster", name, first(&admin, "clusters", "cluster")?),
        ("users", "user", user.as_str(), first(&admin, "users", "user")?),
        ("contexts", "context", name, Value::Mapping(context)),
    ] {
        let mut entry = Mapping::new();
        entry.insert("name".into(), name.into());
        entry.insert(key.into(), value);
        let entries = merged.entry(list.into()).or_insert_with(|| Value::Sequence(Vec::new()));
        if entries.is_null() {
            *entries = Value::Sequence(Vec::new());
        }
        let Value::Sequence(entries) = entries else {
            return Err(Error::new(Kind::Syntax, format!("`{list}` of the kubeconfig to merge into is not a list")));
        };
        entries.retain(|other| other.get("name").and_then(Value::as_str) != Some(name));
        entries.push(Value::Mapping(entry));
    }
    for (key, value) in [("apiVersion", "v1"), ("kind", "Config"), ("current-context", name)] {
        merged.insert(key.into(), value.into());
    }
    serde_yaml_ng::to_string(&merged).map_err(|error| Error::new(Kind::Internal, "a kubeconfig cannot be written").because(error))
}

fn parse(text: &str, what: &str) -> Result<Mapping> {
    serde_yaml_ng::from_str(text).map_err(|error| Error::new(Kind::Syntax, format!("{what} is not a kubeconfig")).because(error))
}

/// What the first entry of a list in a kubeconfig holds.
fn first(config: &Mapping, list: &str, key: &str) -> Result<Value> {
    config
        .get(list)
        .and_then(|entries| entries.get(0))
        .and_then(|entry| entry.get(key))
        .cloned()
        .ok_or_else(|| Error::new(Kind::Syntax, format!("{ADMIN_CONF} has no {list}")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::transport::fake::Fake;

    const ADMIN: &str = "apiVersion: v1\nkind: Config\nclusters:\n- name: kubernetes\n  cluster:\n    server: https://192.0.2.1:6443\n\
        users:\n- name: kubernetes-admin\n  user:\n    client-key-data: c2VjcmV0\ncontexts: []\ncurrent-context: x\n";

    #[test]
    fn merging_keeps_what_others_have_put_there_and_replaces_our_own() {
        let theirs = "clusters:\n- name: work\n  cluster:\n    server: https://work\n- name: lab\n  cluster:\n    server: https://old\n\
            users: null\ncurrent-context: work\n";
        let merged = merge(theirs, ADMIN, "lab").expect("a kubeconfig");
        let again = merge(&merged, ADMIN, "lab").expect("a kubeconfig");
        assert_eq!(merged, again, "merging twice is merging once");
        assert!(merged.contains("https://work") && merged.contains("https://192.0.2.1:6443"));
        assert!(!merged.contains("https://old"));
        assert!(merged.contains("current-context: lab"));
    }

    #[tokio::test]
    async fn only_a_host_that_has_none_is_said_to_have_none() {
        for (kind, expected) in [
            (Kind::Step, "cp1: there is no /etc/kubernetes/admin.conf to fetch"),
            (Kind::Lost, "cp1: as it was"),
            (Kind::Privilege, "cp1: as it was"),
        ] {
            let host = Transport::Fake(Fake::new(Arc::new(move |_| Err(Error::new(kind, "as it was").hint("what to do")))));
            let error = fetch_from("cp1", &host).await.expect_err("there is none");
            assert_eq!((error.kind, error.what.as_str()), (kind, expected));
        }
    }

    #[test]
    fn merging_into_nothing_makes_a_kubeconfig() {
        let merged = merge("", ADMIN, "lab").expect("a kubeconfig");
        assert!(merged.contains("name: lab-admin") && merged.contains("kind: Config"));
    }

    #[test]
    fn a_private_file_is_private_and_replaces_a_link() {
        let dir = std::env::temp_dir().join(format!("slipway-private-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        let (path, other) = (dir.join("config"), dir.join("other"));
        std::os::unix::fs::symlink(&other, &path).expect("a link");
        write_private(&path, "x\n").expect("written");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert!(!other.exists(), "the link was not followed");
        fs::remove_dir_all(&dir).expect("removed");
    }
}
