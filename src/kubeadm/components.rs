//! KubeletConfiguration and KubeProxyConfiguration. kubeadm keeps one of each for the whole cluster, so each is made to suit
//! all of its hosts: one host that can not do a thing is enough for nobody to be asked for it.

use super::{has_foreign_swap, head, refuses_cgroup_v1};
use crate::{error::Result, facts::Cgroup, scene::Stage, yaml::Yaml};

/// KubeletConfiguration of the cluster.
///
/// # Errors
/// `NoControlPlane`.
pub(super) fn kubelet(stage: &Stage<'_>) -> Result<Yaml> {
    let any_swap = stage.sites.iter().any(|site| has_foreign_swap(&site.facts));
    let any_v1 = stage.sites.iter().any(|site| site.facts.cgroup != Cgroup::V2);
    Ok(head("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration")
        .with("cgroupDriver", stage.first()?.cgroup_driver())
        .with_some("failSwapOn", any_swap.then_some(false))
        .with_some("failCgroupV1", (any_v1 && refuses_cgroup_v1(stage.version)).then_some(false)))
}

/// KubeProxyConfiguration of the cluster, if its defaults do not suit all hosts.
pub(super) fn kube_proxy(stage: &Stage<'_>) -> Option<Yaml> {
    // Zero leaves nf_conntrack_max alone. kube-proxy would exit where it can not write it.
    stage.sites.iter().any(|site| !site.facts.conntrack_writable).then(|| {
        head("kubeproxy.config.k8s.io/v1alpha1", "KubeProxyConfiguration")
            .with("conntrack", Yaml::map([("maxPerCore", Yaml::Int(0)), ("min", Yaml::Int(0))]))
    })
}
