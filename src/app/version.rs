//! Which Kubernetes version exactly: `1.34` is the newest patch that the package repository has.

use crate::{
    config::{Cluster, Version},
    error::{Error, Kind, Result},
    execute::{Hosts, survey::ask_host},
    lower::{Program, quote},
    scene::{Site, first_of, proxy},
};

/// The exact version that the cluster file means. Asks nobody where the file is exact or a control plane has that minor already:
/// a patch release that came out since is not a reason to change a running cluster.
///
/// # Errors
/// `UnsupportedVersion` when the repository has no such minor version, or the host can not reach it; or whatever else kept the host from
/// saying.
pub(super) async fn resolve(cluster: &Cluster, sites: &[Site], hosts: &Hosts, proxy_password: Option<&str>) -> Result<Version> {
    let wanted = cluster.kubernetes;
    if let Some(patch) = wanted.patch {
        return Ok(Version { major: wanted.major, minor: wanted.minor, patch });
    }
    let first = first_of(sites)?;
    let installed = first.facts.versions.get("kubeadm").and_then(|version| version.parse::<Version>().ok());
    if let Some(version) = installed.filter(|version| (version.major, version.minor) == (wanted.major, wanted.minor)) {
        return Ok(version);
    }
    let Some(transport) = hosts.get(&first.host.name) else {
        return Err(Error::new(Kind::Unreachable, format!("{} is not connected", first.host.name)));
    };
    let wanted_url = first.profile.packages.format.and_then(|format| cluster.packages.kubernetes(format).url);
    let url = match wanted_url {
        Some(url) => url,
        None => first.profile.kubernetes.repository.url.line(&[("minor", &wanted.minor.to_string())])?,
    };
    // The steps that tell hosts of a proxy are yet to come.
    let environment = proxy::environment(cluster, sites, proxy_password);
    let environment = environment.map(|text| format!("set -a\n{text}set +a\nHOST_NO_PROXY=$no_proxy\n")).unwrap_or_default();
    let asked = ask_host(transport, &index_program(&url, &environment)).await;
    let offered = asked.map_err(|error| not_offered(error, &wanted.to_string(), &url, &first.host.name))?;
    newest(&offered, wanted.major, wanted.minor).ok_or_else(|| {
        Error::new(Kind::UnsupportedVersion, format!("the repository {url} has no Kubernetes {wanted}"))
            .hint("https://kubernetes.io/releases lists the versions there are; each minor has a repository of its own")
    })
}

/// What it means that `host` does not say what there is of `wanted` at `url`.
fn not_offered(error: Error, wanted: &str, url: &str, host: &str) -> Error {
    match error.kind {
        Kind::Step => {
            Error::new(Kind::UnsupportedVersion, format!("the newest patch of Kubernetes {wanted} cannot be found at {url}"))
                .because(error)
                .hint(format!("write an exact version, such as \"{wanted}.0\", or check that {host} reaches {url}"))
        }
        // A connection that was cut says nothing of the repository.
        _ => Error { what: format!("{host}: {}", error.what), ..error },
    }
}

/// Prints the versions of kubeadm in the repository, whichever kind it is.
fn index_program(url: &str, environment: &str) -> Program {
    let url = quote(url.trim_end_matches('/'));
    Program::of(&format!(
        "{environment}mkdir -p \"$RUN\"
index=$(mktemp \"$RUN/index.XXXXXX\")
trap 'rm -f \"$index\" \"$index.part\"' EXIT
trap 'exit 1' HUP INT PIPE TERM
if have apt-get; then
    fetch {url}/Packages \"$index\"
    awk '$1 == \"Package:\" {{ package = $2 }} $1 == \"Version:\" && package == \"kubeadm\" {{ print $2 }}' \"$index\"
else
    use_proxy
    dnf -q --repofrompath=slipway-index,{url}/ --repo=slipway-index repoquery --qf '%{{version}}\\n' kubeadm
fi
"
    ))
}

fn newest(offered: &[String], major: u32, minor: u32) -> Option<Version> {
    offered
        .iter()
        .filter_map(|line| line.trim().split('-').next()?.parse::<Version>().ok())
        .filter(|version| (version.major, version.minor) == (major, minor))
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_repository_that_was_looked_at_lacks_a_version() {
        let told = |kind| not_offered(Error::new(kind, "as it was"), "1.34", "https://pkgs.example", "cp1");
        let lacks = told(Kind::Step);
        assert_eq!(lacks.kind, Kind::UnsupportedVersion);
        assert_eq!(lacks.what, "the newest patch of Kubernetes 1.34 cannot be found at https://pkgs.example");
        for kind in [Kind::Lost, Kind::Privilege] {
            let error = told(kind);
            assert_eq!((error.kind, error.what.as_str()), (kind, "cp1: as it was"));
        }
    }

    #[test]
    fn the_newest_patch_is_chosen_by_number() {
        let offered: Vec<String> = ["1.34.2-1.1", "1.34.10-1.1", "1.33.12-1.1", "junk"].map(String::from).to_vec();
        assert_eq!(newest(&offered, 1, 34).map(|version| version.to_string()).as_deref(), Some("1.34.10"));
        assert_eq!(newest(&offered, 1, 35), None);
    }
}
