//! The proxy of the cluster file, told to whoever reaches out on a host: slipway's own downloads, the package manager, the runtime.
//!
//! It stands in one file that root alone may read. Package managers and downloads get it in their environment, and nothing of theirs is
//! configured: what a host says for itself in apt.conf or dnf.conf goes before it, and its own people's upgrades go as they always went.

use super::{NAME, kubernetes};
use crate::{
    config::{Proxy, ProxyUrl},
    lower::quote,
    phase::script::script,
    scene::{
        Scene,
        proxy::{self, host_of},
    },
    step::{Check, File, Step, Undo},
};

const ANSWERS: &str = include_str!("proxy/answers.sh");
const AWAY: &str = include_str!("proxy/away.sh");

/// The name of the step, and of the runtime's drop-in.
const STEP: &str = "proxy";
const DROP_IN: &str = "slipway-proxy.conf";

/// The user and the password while the proxy is tried, in memory. By the number of the proxy.
const USER: &str = "/run/slipway/proxy-user";

/// The step that tells the host of the proxy, or that makes it forget.
pub(super) fn step(scene: &Scene<'_>) -> Option<Step> {
    match &scene.stage.cluster.proxy {
        Some(proxy) => told(scene, proxy),
        None => scene.here.facts.proxied.then(|| forgotten(scene)),
    }
}

/// Only a proxy that answers, and takes the user, is kept: so what is kept needs no second try.
fn told(scene: &Scene<'_>, proxy: &Proxy) -> Option<Step> {
    let password = scene.stage.secrets.proxy_password.as_deref();
    let text = proxy::environment(scene.stage.cluster, &scene.stage.sites, password)?;
    let file = File::secret(proxy::FILE, text);
    let names: Vec<String> = proxy.urls().iter().map(ToString::to_string).collect();
    let mut step = Step::new(
        scene.id(NAME, STEP),
        format!("Tell the host of the proxy {}", names.join(" and ")),
        "Packages, keys and images come through it; what is reached without it is the cluster itself, and what the cluster file adds.",
    )
    .check(Check::Same(vec![file.clone()]));
    let mut calls = String::from("trap 'rm -f \"$RUN\"/proxy-user-*' EXIT\n");
    for (index, url) in proxy.urls().into_iter().enumerate() {
        let user_file = format!("{USER}-{index}");
        if let Some(user) = url.plain_user() {
            step = step.write(File::secret(&user_file, format!("{user}:{}", password.unwrap_or_default())));
        }
        let request = request(scene, proxy, url);
        let values = [
            ("shown", url.to_string()),
            ("host", url.host.clone()),
            ("port", url.port.to_string()),
            ("tls", if url.tls { "yes" } else { "" }.to_owned()),
            ("user", if url.user.is_some() { user_file } else { String::new() }),
            ("request", request.0),
            ("target", request.1),
        ];
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        calls.push_str(&script(&values, "proxy_answers\n"));
    }
    Some(
        step.sh(format!("{ANSWERS}{calls}"))
            .write(file)
            .hint("mend [proxy] in the cluster file, or let the host reach the proxy"),
    )
}

/// What a proxy is asked for, to see whether it lets this host through: the place where Kubernetes' packages are. The first line of the
/// request, and the place.
fn request(scene: &Scene<'_>, proxy: &Proxy, url: &ProxyUrl) -> (String, String) {
    let wanted = kubernetes::source(scene).map_or_else(|_| "https://pkgs.k8s.io/".to_owned(), |source| source.url);
    let (scheme, rest) = wanted.split_once("://").unwrap_or(("https", &wanted));
    let place = rest.split('/').next().unwrap_or_default();
    let for_https = proxy.https.as_ref() == Some(url);
    if proxy.http.as_ref() == Some(url) && (scheme == "http" || !for_https) {
        return (format!("HEAD http://{place}/ HTTP/1.1"), place.to_owned());
    }
    let host = host_of(place);
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let port = place.strip_prefix(&host).filter(|port| scheme == "https" && !port.is_empty()).unwrap_or(":443");
    (format!("CONNECT {host}{port} HTTP/1.1"), format!("{host}{port}"))
}

fn forgotten(scene: &Scene<'_>) -> Step {
    Step::new(scene.id(NAME, STEP), "Forget the proxy of an earlier run", "The cluster file names no proxy any more.")
        .check(Check::Sh(format!(
            "for file in {} /etc/systemd/system/*.service.d/{DROP_IN}; do\n    if [ -e \"$file\" ]; then exit 1; fi\ndone",
            proxy::FILE
        )))
        .sh(script(&[("file", proxy::FILE)], AWAY))
        .hint("journalctl -u containerd -n 30, if it does not start again")
}

/// The runtime's own file, which its service has to have read.
pub(super) fn runtime_files(scene: &Scene<'_>) -> Vec<String> {
    if scene.stage.cluster.proxy.is_none() { Vec::new() } else { vec![proxy::FILE.to_owned(), drop_in(scene)] }
}

fn drop_in(scene: &Scene<'_>) -> String {
    format!("/etc/systemd/system/{}.d/{DROP_IN}", scene.here.runtime.unit)
}

/// The step that gives the runtime, which pulls images, the proxy.
pub(super) fn runtime(scene: &Scene<'_>) -> Option<Step> {
    scene.stage.cluster.proxy.as_ref()?;
    let runtime = &scene.here.runtime;
    let path = drop_in(scene);
    // By its path alone, so that `systemctl show` has no password; and a runtime without a proxy is better than none.
    let file = File::new(
        &path,
        format!("# Written by slipway; `slipway reset --purge` takes it away.\n[Service]\nEnvironmentFile=-{}\n", proxy::FILE),
    );
    let unit = quote(&runtime.unit);
    Some(
        Step::new(
            scene.id(NAME, "runtime-proxy"),
            format!("Tell {} of the proxy", runtime.name),
            format!("{} pulls the images, and knows nothing of anybody's environment.", runtime.name),
        )
        .after(NAME, "runtime")
        .after(NAME, STEP)
        .check(Check::SameAnd(
            vec![file.clone()],
            format!("systemctl show -p EnvironmentFiles {unit} | grep -Fq '{}'", proxy::FILE),
        ))
        .write(file)
        .sh("systemctl daemon-reload")
        // Undone last to first: the file as it was, then a runtime that has read it.
        .undo(Undo::Sh(format!("systemctl daemon-reload || :\nsystemctl try-restart {unit} 2>/dev/null || :")))
        .undo(Undo::Record(format!("keep {}", quote(&path))))
        .hint(format!("systemctl cat {}", runtime.unit)),
    )
}
