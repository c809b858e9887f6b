//! Container runtimes that are there already, or that differ from one version to the next.

use std::fs;

use slipway::{
    config::{Cluster, Mirror, Role},
    facts::{Facts, Unit},
    profile::Profiles,
    step::{Check, Op, Undo},
};

use super::{
    super::{cluster, debian_container, steps},
    Root, find,
};

#[test]
fn a_hosts_own_cri_dockerd_is_used() {
    let wanted = Cluster { runtime: Some("docker".to_owned()), ..cluster() };
    let facts = Facts { arch: "x86_64".to_owned(), ..debian_container() };
    let steps = steps(&wanted, "1.34.2", Role::Worker, facts).expect("steps");
    let step = find(&steps, "runtime-shim");
    let Some(Op::Sh(shell)) = step.apply.first() else { panic!("{:?}", step.apply) };
    let root = Root::new("shim", &[("bin/cri-dockerd", "#!/bin/sh\n")]);
    let doubles = format!("chmod 755 {0}/bin/cri-dockerd\nPATH={0}/bin:$PATH\nfetch() {{ die fetched; }}", root.0.display());
    assert_eq!(root.run(&doubles, shell), (Some(0), String::new()));
    assert_eq!(fs::read_link(root.0.join("usr/local/bin/cri-dockerd")).expect("a link"), root.0.join("bin/cri-dockerd"));
    let undo: Vec<&str> = step
        .undo
        .iter()
        .rev()
        .map(|undo| match undo {
            Undo::Sh(shell) | Undo::Record(shell) => shell.as_str(),
        })
        .collect();
    let at = |text: &str| undo.iter().position(|shell| shell.contains(text)).unwrap_or_else(|| panic!("{text}: {undo:#?}"));
    assert!(at("systemctl disable") < at("keep '/etc/systemd/system/cri-docker.service'"));
    assert!(at("keep '/etc/systemd") < at("daemon-reload") && at("daemon-reload") < at("systemctl restart"));
}

#[test]
fn cri_o_is_started_again_for_its_mirrors() {
    let mut wanted = cluster();
    wanted.runtime = Some("crio".to_owned());
    let check = |wanted: &Cluster| {
        let steps = steps(wanted, "1.34.2", Role::Worker, debian_container()).expect("steps");
        let Check::Sh(check) = find(&steps, "runtime-service").check.clone() else { panic!("no shell") };
        check
    };
    assert!(!check(&wanted).contains("registries.conf.d"));
    wanted.images.mirrors = vec![Mirror { registry: "docker.io".to_owned(), url: "http://192.168.77.1:5000".to_owned() }];
    assert!(check(&wanted).ends_with("[ '/var/run/crio/crio.sock' -nt '/etc/containers/registries.conf.d/90-slipway.conf' ]"));
}

#[test]
fn a_runtime_for_which_there_are_no_packages_is_kept_where_it_is() {
    let wanted = Cluster { runtime: Some("crio".to_owned()), ..cluster() };
    let refused = steps(&wanted, "1.27.16", Role::Worker, debian_container()).expect_err("no packages of that CRI-O");
    assert!(refused.what.contains("no packages of crio for Kubernetes 1.27"), "{refused}");
    let mut facts = debian_container();
    facts.units.insert("crio.service".to_owned(), Unit::default());
    let all = steps(&wanted, "1.27.16", Role::Worker, facts).expect("steps");
    assert!(all.iter().all(|step| !["runtime-key", "runtime-repository", "runtime-lists"].contains(&step.id.name.as_str())));
    let step = find(&all, "runtime");
    let Check::Sh(check) = &step.check else { panic!("{:?}", step.check) };
    let Some(Op::Sh(apply)) = step.apply.first() else { panic!("{:?}", step.apply) };
    let root = Root::new("kept", &[]);
    assert_eq!(root.run("crio() { :; }", check).0, Some(0));
    let (code, text) = root.run("", apply);
    assert!(code == Some(1) && text.contains("no packages of crio"), "{text}");
}

#[test]
fn docker_says_the_full_names_of_the_images_that_it_loads() {
    let profiles = Profiles::load(None).expect("the embedded profiles");
    let docker = profiles.runtime_of(Some("docker"), &debian_container(), 34).expect("it");
    let root = Root::new("load", &[]);
    let double = |says: &str| format!("docker() {{\n{says}\n}}\nset -- archive.tar");
    let import = docker.import_images.as_deref().expect("it loads archives");
    let says = "printf 'Loaded image: %s\\n' busybox:1.36 rancher/pause:3.6 quay.io/a/b:1 localhost/c:2 r:5000/d:3; echo 'Loaded image ID: sha256:00'";
    let names = "docker.io/library/busybox:1.36\ndocker.io/rancher/pause:3.6\nquay.io/a/b:1\nlocalhost/c:2\nr:5000/d:3\n";
    assert_eq!(root.run(&double(says), import), (Some(0), names.to_owned()));
    assert_eq!(root.run(&double("return 1"), import).0, Some(1));
}

#[test]
fn a_containerd_that_knows_no_directory_of_mirrors_has_them_in_its_configuration() {
    let mut wanted = cluster();
    let url = "http://192.168.77.1:5000";
    wanted.images.mirrors = vec![Mirror { registry: "docker.io".to_owned(), url: url.to_owned() }];
    let all = steps(&wanted, "1.34.2", Role::Worker, debian_container()).expect("steps");
    let Some(Op::Sh(apply)) = find(&all, "runtime-config").apply.first() else { panic!("no shell") };
    for (version, generation) in [("1.4.13~ds1", 1), ("1.10.1", 2), ("1.6.20", 2), ("v2.1.4", 3)] {
        let root = Root::new("old-containerd", &[]);
        let says = format!("containerd() {{ echo containerd github.com/containerd/containerd {version} 00; }}\nchown() {{ :; }}");
        assert_eq!(root.run(&says, apply), (Some(0), String::new()));
        let text = root.read("etc/containerd/config.toml");
        let config: toml::Table = text.parse().expect("TOML");
        let cri = if generation == 3 { "io.containerd.cri.v1.images" } else { "io.containerd.grpc.v1.cri" };
        let registry = &config["plugins"][cri]["registry"];
        if generation == 1 {
            assert_eq!(registry["mirrors"]["docker.io"]["endpoint"][0].as_str(), Some(url), "{text}");
        } else {
            assert!(registry["config_path"].as_str().is_some_and(|path| path.ends_with("/etc/containerd/certs.d")), "{text}");
        }
    }
}

#[test]
fn a_unit_that_somebody_has_masked_is_unmasked_and_masked_again_by_a_purge() {
    let all = steps(&cluster(), "1.34.2", Role::Worker, debian_container()).expect("steps");
    let root = Root::new("masked", &[("run/unit", "masked\n"), ("etc/containerd/config.toml", "version = 2\n")]);
    let doubles = "\
wait_for() { :; }
systemctl() {
    case $1 in
    is-enabled) cat \"/run/unit\" && grep -qx enabled \"/run/unit\" ;;
    is-active) [ -e \"/run/containerd/containerd.sock\" ] ;;
    unmask) echo disabled >\"/run/unit\" ;;
    enable) ! grep -qx masked \"/run/unit\" && echo enabled >\"/run/unit\" ;;
    restart) mkdir -p \"/run/containerd\" && sleep 0.1 && : >\"/run/containerd/containerd.sock\" ;;
    esac
}
";
    let undo = root.apply(doubles, find(&all, "runtime-service"));
    let at = |text: &str| undo.find(text).unwrap_or_else(|| panic!("{text}: {undo}"));
    assert!(at("systemctl disable -q --now 'containerd.service'") < at("systemctl mask -q 'containerd.service'"), "{undo}");
    // One that was not is not.
    let root = Root::new("unmasked", &[("run/unit", "disabled\n"), ("etc/containerd/config.toml", "version = 2\n")]);
    let undo = root.apply(doubles, find(&all, "runtime-service"));
    assert!(undo.contains("disable") && !undo.contains("systemctl mask"), "{undo}");
}

#[test]
fn a_package_without_its_program_is_not_installed() {
    let all = steps(&cluster(), "1.34.2", Role::Worker, debian_container()).expect("steps");
    let step = find(&all, "kubernetes-packages");
    let Check::Sh(check) = &step.check else { panic!("{:?}", step.check) };
    let says = "#!/bin/sh\ncase $* in *Version*) echo installed 1.34.2-1.1 ;; *) echo installed ;; esac\n";
    let root = Root::new("deleted", &[("bin/dpkg-query", says)]);
    let path = format!("chmod 755 {0}/bin/dpkg-query\nPATH={0}/bin:$PATH\n", root.0.display());
    assert_eq!(root.run(&format!("{path}have() {{ :; }}"), check), (Some(0), String::new()));
    assert_eq!(root.run(&format!("{path}have() {{ [ \"$1\" != kubeadm ]; }}"), check).0, Some(1));
    // It is put back by the same package once more; where all is well, or nothing is there, that is left out.
    let Some(Op::Sh(again)) = step.apply.first() else { panic!("{:?}", step.apply) };
    let says = |have: &str| {
        let doubles = format!("{path}have() {{ {have}; }}\n");
        let (before, last) = again.rsplit_once("\nif pkg_installed").expect("it stands last");
        root.run(&doubles, &format!("{before}\npkg_specs() {{ echo kubeadm=1.34.2-1.1; }}\npkg_run() {{ echo \"$*\"; }}\nif pkg_installed{last}\necho untouched"))
    };
    let (code, text) = says("[ \"$1\" != kubeadm ] && [ \"$1\" != mark ]");
    assert!(code == Some(0) && text.contains("install --reinstall kubeadm=1.34.2-1.1") && !text.contains("untouched"), "{text}");
    assert_eq!(says("[ \"$1\" != mark ]"), (Some(0), "untouched\n".to_owned()));
}
