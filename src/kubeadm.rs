//! kubeadm's configuration, by version of its API: pure text from a scene.
//!
//! Everything here was read off kubeadm's own reference:
//!
//! * v1beta2 (Kubernetes 1.20, 1.21): <https://pkg.go.dev/k8s.io/kubernetes@v1.21.14/cmd/kubeadm/app/apis/kubeadm/v1beta2>
//! * v1beta3 (1.22 to 1.30): <https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta3/>
//! * v1beta4 (1.31 and newer): <https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/>
//! * KubeletConfiguration: <https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/>
//! * KubeProxyConfiguration: <https://kubernetes.io/docs/reference/config-api/kube-proxy-config.v1alpha1/>
//!
//! Both texts hold the bootstrap token, and with several control planes the certificate key: callers treat them as secret.
//! The token and the key stand here, and not on a command line, so that `ps` never shows them. Where a cluster exists already,
//! `kubeadm token create --config` and `kubeadm init phase upload-certs --upload-certs --config` take the same text.

mod cluster;
mod components;
mod node;
mod settings;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

pub use settings::settings;

use crate::{
    config::Version,
    error::{Error, Kind, Result},
    facts::{Cgroup, Facts},
    scene::{Scene, Stage},
    yaml::{Yaml, stream},
};

/// The API server's port on every control plane: kubeadm's default.
const API_PORT: u16 = 6443;

/// How long the token is good for: the joins of one run, with the packages of a slow host in between.
const TOKEN_TTL: &str = "2h0m0s";

/// How long a join looks for the signed cluster-info. Join steps wait for it by themselves before kubeadm starts,
/// so that only a broken network uses this up; kubeadm's default is five minutes.
const DISCOVERY_TIMEOUT: &str = "2m0s";

/// A version of kubeadm's configuration API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Api {
    V1beta2,
    V1beta3,
    V1beta4,
}

impl Api {
    /// The value of `apiVersion`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1beta2 => "kubeadm.k8s.io/v1beta2",
            Self::V1beta3 => "kubeadm.k8s.io/v1beta3",
            Self::V1beta4 => "kubeadm.k8s.io/v1beta4",
        }
    }

    /// The head of one of this API's documents.
    fn document(self, kind: &str) -> Yaml {
        head(self.name(), kind)
    }

    /// Extra arguments of a component: a map up to v1beta3, a list of names and values since v1beta4.
    fn arguments(self, arguments: &BTreeMap<String, String>) -> Yaml {
        if self < Self::V1beta4 {
            return Yaml::map(arguments.iter().map(|(name, value)| (name, Yaml::from(value.as_str()))));
        }
        let pair = |(name, value): (&String, &String)| Yaml::map([("name", name.as_str()), ("value", value.as_str())]);
        Yaml::List(arguments.iter().map(pair).collect())
    }
}

/// The API to write for a version of Kubernetes: the newest that its kubeadm reads as stable.
///
/// # Errors
/// `UnsupportedVersion` below 1.20, and above 1.37 until somebody has read what changed.
pub fn api_version(version: Version) -> Result<Api> {
    match (version.major, version.minor) {
        (1, 20..=21) => Ok(Api::V1beta2),
        (1, 22..=30) => Ok(Api::V1beta3),
        (1, 31..=37) => Ok(Api::V1beta4),
        _ => Err(Error::new(Kind::UnsupportedVersion, format!("Kubernetes {version} is not supported"))
            .hint("set `kubernetes` in the cluster file to a version from 1.20 to 1.37")),
    }
}

/// The configuration of `kubeadm init` on this host: InitConfiguration, ClusterConfiguration, KubeletConfiguration,
/// and KubeProxyConfiguration where it has anything to say.
///
/// # Errors
/// `UnsupportedVersion`; `NoControlPlane`.
pub fn init_config(scene: &Scene<'_>) -> Result<String> {
    let stage = scene.stage;
    let api = api_version(stage.version)?;
    let secrets = stage.secrets;
    let token = Yaml::map([("token", secrets.token.joined()), ("description", "the joins of one run of slipway".to_owned())])
        .with("ttl", TOKEN_TTL)
        .with("usages", Yaml::strings(["signing", "authentication"]))
        .with("groups", Yaml::strings(["system:bootstrappers:kubeadm:default-node-token"]));
    let skipped = (api >= Api::V1beta3).then(|| Yaml::strings(&stage.cluster.skip_phases));
    let init = api
        .document("InitConfiguration")
        .with("bootstrapTokens", Yaml::List(vec![token]))
        .with("localAPIEndpoint", local_endpoint(scene.here.node_ip))
        .with("nodeRegistration", node::registration(scene, api)?)
        .with_some("certificateKey", several(stage).then_some(secrets.certificate_key.as_str()))
        .with_some("skipPhases", skipped);
    let mut documents = vec![init, cluster::configuration(stage, api)?, components::kubelet(stage)?];
    documents.extend(components::kube_proxy(stage));
    Ok(stream(&documents))
}

/// What `kubeadm init` takes only as flags, beside `--config`. None of it is secret.
///
/// # Errors
/// `UnsupportedVersion`.
pub fn init_flags(scene: &Scene<'_>) -> Result<Vec<String>> {
    let stage = scene.stage;
    let mut flags = Vec::new();
    if several(stage) {
        // Encrypted by certificateKey, for the control planes that join.
        flags.push("--upload-certs".to_owned());
    }
    if api_version(stage.version)? < Api::V1beta3 && !stage.cluster.skip_phases.is_empty() {
        flags.push(format!("--skip-phases={}", stage.cluster.skip_phases.join(",")));
    }
    Ok(flags)
}

/// The configuration of `kubeadm join` on this host, as its role asks for.
///
/// # Errors
/// `UnsupportedVersion`; `NoControlPlane`.
pub fn join_config(scene: &Scene<'_>) -> Result<String> {
    let stage = scene.stage;
    let api = api_version(stage.version)?;
    let secrets = stage.secrets;
    // The token serves discovery and, as it is named nowhere else, the kubelet's TLS bootstrap as well.
    let discovery = Yaml::map([(
        "bootstrapToken",
        Yaml::map([("token", secrets.token.joined()), ("apiServerEndpoint", endpoint(stage)?)])
            .with("caCertHashes", Yaml::strings([secrets.ca_hash.as_str()])),
    )])
    .with_some("timeout", (api < Api::V1beta4).then_some(DISCOVERY_TIMEOUT));
    let control_plane = scene.is_control_plane().then(|| {
        Yaml::map([("localAPIEndpoint", local_endpoint(scene.here.node_ip))])
            .with("certificateKey", secrets.certificate_key.as_str())
    });
    let join = api
        .document("JoinConfiguration")
        .with("discovery", discovery)
        .with("nodeRegistration", node::registration(scene, api)?)
        .with_some("controlPlane", control_plane)
        .with_some("timeouts", (api >= Api::V1beta4).then(|| Yaml::map([("discovery", DISCOVERY_TIMEOUT)])));
    Ok(join.document())
}

/// The CRI socket of a host, in the words of its kubeadm.
#[must_use]
pub fn cri_socket(scene: &Scene<'_>) -> String {
    node::cri_socket(scene)
}

/// The address of the API server that certificates and kubeconfigs name, as `host:port`: the cluster file's, or the first
/// control plane's. It is named in every cluster, since kubeadm lets no second control plane join one that has none; a load
/// balancer is one more name for it, given as `endpoint`.
///
/// # Errors
/// `NoControlPlane`.
pub fn endpoint(stage: &Stage<'_>) -> Result<String> {
    match &stage.cluster.endpoint {
        Some(named) => Ok(match host_and_port(named) {
            (_, Some(_)) => named.clone(),
            (host, None) if host.contains(':') => format!("[{host}]:{API_PORT}"),
            (host, None) => format!("{host}:{API_PORT}"),
        }),
        None => Ok(SocketAddr::new(stage.first()?.node_ip, API_PORT).to_string()),
    }
}

/// The preflight checks of kubeadm that say nothing about whether this host can be a node. Preflight of slipway judges hosts,
/// from facts; kubeadm's checks stay on wherever they can be met.
#[must_use]
pub fn ignored_preflight(facts: &Facts, version: Version) -> Vec<&'static str> {
    let mut ignored = Vec::new();
    // It fails where it can not read the kernel's configuration, and since 1.35 on cgroup v1, whatever the kubelet is told.
    if !facts.kernel_config || (refuses_cgroup_v1(version) && facts.cgroup != Cgroup::V2) {
        ignored.push("SystemVerification");
    }
    if has_foreign_swap(facts) {
        ignored.push("Swap");
    }
    ignored
}

/// Whether a container sees the swap of the machine below it, which is not its to turn off.
fn has_foreign_swap(facts: &Facts) -> bool {
    facts.container && !facts.swap.is_empty()
}

/// Whether the kubelet of this version refuses cgroup v1 unless told not to.
fn refuses_cgroup_v1(version: Version) -> bool {
    (version.major, version.minor) >= (1, 35)
}

/// Whether certificates have to travel between control planes.
fn several(stage: &Stage<'_>) -> bool {
    stage.control_planes().count() > 1
}

fn local_endpoint(address: IpAddr) -> Yaml {
    Yaml::map([("advertiseAddress", address.to_string())]).with("bindPort", i64::from(API_PORT))
}

/// The first two lines of a document.
fn head(api_version: &str, kind: &str) -> Yaml {
    Yaml::map([("apiVersion", api_version), ("kind", kind)])
}

/// Takes `host:port`, `[v6]:port`, a bare name or a bare address apart.
fn host_and_port(endpoint: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = endpoint.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        return (host, rest.strip_prefix(':'));
    }
    match endpoint.split_once(':') {
        // More than one colon without brackets: an IPv6 address, and nothing but.
        Some((_, port)) if port.contains(':') => (endpoint, None),
        Some((host, port)) => (host, Some(port)),
        None => (endpoint, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(minor: u32) -> Version {
        Version { major: 1, minor, patch: 0 }
    }

    #[test]
    fn every_supported_version_has_its_api() {
        let of = |minor| api_version(version(minor)).map(Api::name).map_err(|error| error.kind);
        assert_eq!([20, 21].map(of), [Ok("kubeadm.k8s.io/v1beta2"); 2]);
        assert_eq!([22, 26, 30].map(of), [Ok("kubeadm.k8s.io/v1beta3"); 3]);
        assert_eq!([31, 34, 37].map(of), [Ok("kubeadm.k8s.io/v1beta4"); 3]);
        assert_eq!([19, 38].map(of), [Err(Kind::UnsupportedVersion); 2]);
        assert_eq!(
            api_version(Version { major: 2, minor: 31, patch: 0 }).map_err(|error| error.kind),
            Err(Kind::UnsupportedVersion)
        );
    }

    #[test]
    fn endpoints_come_apart() {
        assert_eq!(host_and_port("api.example:8443"), ("api.example", Some("8443")));
        assert_eq!(host_and_port("api.example"), ("api.example", None));
        assert_eq!(host_and_port("[fd00::1]:6443"), ("fd00::1", Some("6443")));
        assert_eq!(host_and_port("[fd00::1]"), ("fd00::1", None));
        assert_eq!(host_and_port("fd00::1"), ("fd00::1", None));
    }

    #[test]
    fn only_checks_that_can_not_be_met_are_ignored() {
        let machine = Facts { kernel_config: true, cgroup: Cgroup::V2, swap: vec!["/swapfile".to_owned()], ..Facts::default() };
        assert!(ignored_preflight(&machine, version(37)).is_empty(), "a machine's own swap is turned off");
        let container = Facts { kernel_config: false, container: true, ..machine.clone() };
        assert_eq!(ignored_preflight(&container, version(20)), ["SystemVerification", "Swap"]);
        for cgroup in [Cgroup::V1, Cgroup::Hybrid] {
            let old = Facts { cgroup, ..machine.clone() };
            assert!(ignored_preflight(&old, version(34)).is_empty());
            assert_eq!(ignored_preflight(&old, version(35)), ["SystemVerification"]);
        }
    }
}
