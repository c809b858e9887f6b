//! The proxy of the cluster file: what hosts are told of it, and the shell that tries it, here against sockets that answer as proxies do.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    process::Command,
    thread,
};

use slipway::{
    config::{Cluster, PackageFormat, PackageSource, Proxy, ProxyUrl, Role},
    facts::{Address, Facts},
    scene::proxy,
    step::{Check, Op, Step},
};

use super::{cluster, debian_container, lab, made_up_host::Root, stage_with, steps_with};

const DENIED: &str = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
const UNAUTHORIZED: &str = "HTTP/1.1 401 Unauthorized\r\n\r\n";
const NOWHERE: &str = "HTTP/1.1 503 No such host\r\n\r\n";
const PASSWORD: &str = "p@ss'wörd$(id)";

fn with_proxy(cluster: Cluster, url: ProxyUrl) -> Cluster {
    let proxy = Proxy { http: Some(url.clone()), https: Some(url), no_proxy: vec!["10.0.0.0/8".to_owned()], password_file: None };
    Cluster { proxy: Some(proxy), ..cluster }
}

fn url(user: Option<&str>, port: u16) -> ProxyUrl {
    ProxyUrl { tls: false, user: user.map(str::to_owned), host: "127.0.0.1".to_owned(), port }
}

fn proxied(cluster: &Cluster) -> Vec<Step> {
    steps_with(cluster, "1.20.2", Role::Worker, debian_container(), Some(PASSWORD)).expect("steps")
}

fn find<'a>(steps: &'a [Step], name: &str) -> &'a Step {
    steps.iter().find(|step| step.id.name == name).unwrap_or_else(|| panic!("no {name}"))
}

/// A socket that answers one request with each of these; the first request.
fn answering(answers: &'static [&'static str]) -> (u16, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let served = thread::spawn(move || {
        let mut requests = answers.iter().map(|answer| {
            let (mut stream, _) = listener.accept().expect("a client");
            let lines = BufReader::new(stream.try_clone().expect("a stream")).lines().map(|line| line.expect("text"));
            let request: String = lines.take_while(|line| !line.is_empty()).map(|line| line + "\n").collect();
            stream.write_all(answer.as_bytes()).expect("written");
            request
        });
        let first = requests.next().expect("one");
        requests.for_each(drop);
        first
    });
    (port, served)
}

/// Runs the step's trial of the proxy on a host where the files before it are written.
fn trial(cluster: &Cluster, user: Option<&str>) -> (Option<i32>, String) {
    let steps = proxied(cluster);
    let root = Root::new("proxy", &[]);
    let mut shell = None;
    for op in &find(&steps, "proxy").apply {
        match op {
            Op::Write(file) if file.path.starts_with("/run") => {
                root.write(
                    file.path.strip_prefix("/").expect("absolute").to_str().expect("text"),
                    &format!("{}\n", file.content),
                );
            }
            Op::Sh(text) => shell = Some(text),
            _ => {}
        }
    }
    let said = root.run("RUN=/run/slipway\n", shell.expect("shell"));
    assert!(user.is_none() || root.read("run/slipway/proxy-user-0").is_empty(), "the password is left in memory");
    said
}

#[test]
fn everything_of_the_cluster_is_reached_without_the_proxy() {
    let mut cluster = with_proxy(lab(), url(Some("me"), 3128));
    cluster.endpoint = Some("api.example.com:6443".to_owned());
    cluster.node_cidr = Some("192.168.77.0/24".parse().expect("a network"));
    let facts = Facts {
        addresses: vec![Address { interface: "eth0".to_owned(), ip: "192.168.77.13".parse().expect("an address"), prefix: 20 }],
        ..debian_container()
    };
    stage_with(&cluster, "1.20.2", Role::Worker, facts, None, |stage| {
        let direct = proxy::direct(&cluster, stage.sites.iter());
        let wanted = "localhost,127.0.0.1,::1,.svc,.cluster.local,node3,192.168.77.13,api.example.com,10.244.0.0/16,10.96.0.0/12,\
                      192.168.77.0/24,10.0.0.0/8,192.168.77.1";
        assert_eq!(direct.join(","), wanted, "the repository and the registry in one of the networks are named for apt");
        let pods = proxy::direct_for_pods(&cluster, &stage.sites);
        assert_eq!(pods.join(","), format!("{wanted},192.168.64.0/20"), "a node that is added later is reached by pods of now");
        let wanted_by_workers = wanted.replace("node3,192.168.77.13,", "");
        assert_eq!(stage.direct_for_workers(), wanted_by_workers, "a worker's kubeadm asks control planes alone");
        let text = proxy::environment(&cluster, &stage.sites, Some(PASSWORD)).expect("a proxy");
        let value = "http://me:p%40ss%27w%C3%B6rd%24%28id%29@127.0.0.1:3128";
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"] {
            assert!(text.contains(&format!("\n{name}={value}\n")), "{text}");
        }
        assert!(text.contains(&format!("\nno_proxy={wanted}\nNO_PROXY={wanted}\n")), "{text}");
        assert_eq!(proxy::environment(&lab(), &stage.sites, None), None);
    });
}

#[test]
fn only_secret_files_hold_the_password_and_a_runtime_is_restarted_by_them() {
    let steps = proxied(&with_proxy(lab(), url(Some("me"), 3128)));
    let mut files = Vec::new();
    for step in &steps {
        for op in &step.apply {
            match op {
                Op::Write(file) if file.secret => files.push((file.path.to_str().expect("text"), file.mode)),
                Op::Write(file) => assert!(!file.content.contains("p%40ss") && !file.content.contains("p@ss"), "{}", step.id),
                Op::Sh(shell) => assert!(!shell.contains("p%40ss") && !shell.contains("p@ss"), "{}", step.id),
                _ => {}
            }
        }
        assert!(!format!("{} {} {:?}", step.title, step.why, step.hint).contains("p@ss"));
    }
    assert_eq!(files, [("/run/slipway/proxy-user-0", 0o600), ("/etc/slipway-proxy.env", 0o600)]);
    let Check::Sh(check) = &find(&steps, "runtime-service").check else { panic!("no shell") };
    assert!(check.contains("-nt '/etc/slipway-proxy.env' ]") && check.contains("-nt '/etc/systemd/system/containerd.service.d/"));
    for (name, need) in [("dead-repositories", "proxy"), ("runtime-proxy", "proxy"), ("runtime-service", "runtime-proxy")] {
        assert!(find(&steps, name).needs.iter().any(|id| id.name == need), "{name} before {need}");
    }
    let without = proxied(&lab());
    assert!(!without.iter().any(|step| step.id.name.contains("proxy")), "a host that knows no proxy has nothing to forget");
}

#[test]
fn a_proxy_that_does_not_answer_or_does_not_take_the_user_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let (code, said) = trial(&with_proxy(lab(), url(Some("me"), free)), Some("me"));
    let wanted = format!("error: this host does not reach the proxy http://me@127.0.0.1:{free}: Connection refused\n");
    assert_eq!((code, said), (Some(1), wanted));

    type Case = (Option<&'static str>, &'static [&'static str], i32, &'static str);
    let cases: [Case; 9] = [
        (
            Some("me"),
            &[DENIED],
            1,
            "error: the proxy SHOWN does not take the user or the password (407 Proxy Authentication Required)\n",
        ),
        (
            None,
            &[DENIED],
            1,
            "error: the proxy SHOWN wants a user and a password (407): write them as http = \"http://USER@HOST:PORT\" and password_file under [proxy]\n",
        ),
        (
            Some("me"),
            &["SSH-2.0-OpenSSH_9.2\r\n"],
            1,
            "error: what answers at SHOWN is no HTTP proxy: it said SSH-2.0-OpenSSH_9.2\n",
        ),
        (Some("me"), &[""], 1, "error: what answers at SHOWN is no HTTP proxy: it said nothing\n"),
        (None, &["HTTP/1.0 403 Filtered\r\n\r\n"], 0, "the proxy SHOWN says for 192.168.77.1:8080: 403 Filtered\n"),
        (Some("me"), &["HTTP/1.1 200 OK\r\n\r\n"], 0, ""),
        (
            Some("me"),
            &[UNAUTHORIZED, UNAUTHORIZED],
            1,
            "error: the proxy SHOWN does not take the user or the password (407 Unauthorized)\n",
        ),
        (Some("me"), &[UNAUTHORIZED, NOWHERE], 0, "the proxy SHOWN says for 192.168.77.1:8080: 401 Unauthorized\n"),
        (None, &["HTTP/1.1 404 Not Found\r\n\r\n"], 0, ""),
    ];
    for (user, answers, code, wanted) in cases {
        let (port, served) = answering(answers);
        let url = url(user, port);
        let (is, said) = trial(&with_proxy(lab(), url.clone()), user);
        assert_eq!((is, said), (Some(code), wanted.replace("SHOWN", &url.to_string())), "{answers:?}");
        let request = served.join().expect("served");
        assert!(request.starts_with("HEAD http://192.168.77.1:8080/ HTTP/1.1\nHost: 192.168.77.1:8080\n"), "{request}");
        // me:p@ss'wörd$(id)
        let authorization = "Proxy-Authorization: Basic bWU6cEBzcyd3w7ZyZCQoaWQp\n";
        assert_eq!(request.contains(authorization), user.is_some(), "{request}");
    }
    let (port, served) = answering(&["HTTP/1.1 200 Connection established\r\n\r\n"]);
    let (code, said) = trial(&with_proxy(Cluster { packages: elsewhere(), ..lab() }, url(None, port)), None);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert!(served.join().expect("served").starts_with("CONNECT mirror.example.com:8443 HTTP/1.1\n"));
}

fn elsewhere() -> slipway::config::Packages {
    let mut packages = lab().packages;
    packages.kubernetes = PackageSource { url: Some("https://mirror.example.com:8443/deb".to_owned()), ..packages.kubernetes };
    assert!(packages.kubernetes(PackageFormat::Deb).url.is_some());
    packages
}

/// What a program sees of proxies in its environment, after this shell on a host with this file.
fn environment(file: &str, before: &[(&str, &str)], shell: &str) -> String {
    let root = Root::new("proxy-environment", &[]);
    if !file.is_empty() {
        root.write("etc/slipway-proxy.env", file);
    }
    let mut exports = String::new();
    for (name, value) in before {
        exports.push_str(&format!("export {name}='{value}'\n"));
    }
    let clean = "unset http_proxy https_proxy no_proxy all_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY HOST_NO_PROXY\n";
    let (code, said) =
        root.run(&format!("{clean}{exports}"), &format!("{shell}\nenv | grep -i '_proxy=' | grep -v '^HOST_' | sort || :"));
    assert_eq!(code, Some(0), "{said}");
    said
}

#[test]
fn downloads_go_through_the_proxy_and_pods_are_told_of_none_with_a_password() {
    let secret = "# x\nhttp_proxy=http://me:p%40ss@p:1\nHTTP_PROXY=http://me:p%40ss@p:1\nno_proxy=a,.b\nNO_PROXY=a,.b\n";
    let open = secret.replace("me:p%40ss@", "");
    let seen = "HTTP_PROXY=http://p:1\nNO_PROXY=a,.b\nhttp_proxy=http://p:1\nno_proxy=a,.b\n";
    assert_eq!(environment(&open, &[("ALL_PROXY", "socks5://own:1"), ("HOST_NO_PROXY", "own")], "use_proxy"), seen);
    assert_eq!(environment("", &[("HTTP_PROXY", "http://own:1")], "use_proxy"), "HTTP_PROXY=http://own:1\n");

    let pods = "use_proxy_for_pods a,.b,10.0.0.0/8";
    let all = "NO_PROXY=a,.b,10.0.0.0/8\n";
    let lower = all.to_lowercase();
    assert_eq!(environment(&open, &[], pods), format!("HTTP_PROXY=http://p:1\n{all}http_proxy=http://p:1\n{lower}"));
    assert_eq!(environment(secret, &[], pods), "");
    assert_eq!(environment("", &[("HOST_NO_PROXY", "own")], pods), "");
    assert_eq!(environment("", &[("https_proxy", "http://me:x@own:1"), ("HOST_NO_PROXY", "own")], pods), "");
    let completed = "NO_PROXY=own,a,.b,10.0.0.0/8\n";
    let lower = completed.to_lowercase();
    assert_eq!(
        environment("", &[("https_proxy", "http://own:1"), ("HOST_NO_PROXY", "own")], pods),
        format!("{completed}https_proxy=http://own:1\n{lower}")
    );
}

#[test]
fn systemd_and_the_shell_read_the_file_alike() {
    let cluster = with_proxy(cluster(), url(Some("me"), 3128));
    stage_with(&cluster, "1.34.2", Role::Worker, debian_container(), None, |stage| {
        let text = proxy::environment(&cluster, &stage.sites, Some(PASSWORD)).expect("a proxy");
        // Neither finds anything in a line that it would take for more than NAME=VALUE.
        for line in text.lines().skip(1) {
            let (name, value) = line.split_once('=').expect("an assignment");
            assert!(name.chars().all(|c| c.is_ascii_alphabetic() || c == '_'), "{line}");
            assert!(value.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/@%,[]".contains(c)), "{line}");
        }
        let read = Command::new("sh").arg("-c").arg(format!("set -a\n{text}env")).env_clear().output().expect("sh runs");
        let read = String::from_utf8(read.stdout).expect("text");
        assert!(text.lines().skip(1).all(|line| read.lines().any(|other| other == line)), "{read}");
    });
}

#[test]
fn a_proxy_that_is_not_wanted_any_more_is_taken_from_the_runtime_too() {
    let drop_in = "etc/systemd/system/containerd.service.d/slipway-proxy.conf";
    let root = Root::new("proxy-away", &[("etc/slipway-proxy.env", "x"), (drop_in, "x")]);
    let steps = steps_with(&lab(), "1.20.2", Role::Worker, Facts { proxied: true, ..debian_container() }, None).expect("steps");
    let mut said = String::new();
    let step = find(&steps, "proxy");
    let Check::Sh(check) = &step.check else { panic!("no shell") };
    assert_eq!(root.run("", check).0, Some(1));
    for op in &step.apply {
        let Op::Sh(shell) = op else { panic!("{op:?}") };
        said.push_str(&root.run("systemctl() { echo \"systemctl $*\"; }", shell).1);
    }
    assert_eq!(said, "systemctl daemon-reload\nsystemctl try-restart containerd.service\n");
    assert_eq!(root.run("", check), (Some(0), String::new()));
    assert_eq!(root.read(drop_in), "");
    assert!(find(&steps, "dead-repositories").needs.iter().any(|id| id.name == "proxy"));
}

#[test]
fn the_api_is_asked_directly_even_after_a_download() {
    let root = Root::new("direct", &[]);
    let doubles = "export HTTPS_PROXY=http://192.0.2.1:3128 NO_PROXY='*' HOST_NO_PROXY=corp.example.com
curl() { : >/run/slipway/manifest.part; }
kubectl() { printf '%s %s\\n' \"$NO_PROXY\" \"$no_proxy\"; }";
    let (code, text) =
        root.run(doubles, "fetch http://mirror.example/x /run/slipway/manifest\nkube get nodes\nkubelet_kube get nodes");
    assert_eq!((code, text.as_str()), (Some(0), "* *\n* *\n"));
}
