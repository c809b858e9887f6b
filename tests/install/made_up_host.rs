//! The shell of install's steps, run here against files of a made-up host.

mod firewalls;
mod runtimes;

use std::{fs, path::PathBuf, process::Command};

use slipway::{
    config::Role,
    lower::Program,
    profile::Profiles,
    step::{Check, Op, Step, Undo},
};

use super::{centos_machine, cluster, debian_container, os, steps};

/// A directory that stands for a host's root.
pub(super) struct Root(pub(super) PathBuf);

impl Root {
    pub(super) fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = Self(std::env::temp_dir().join(format!("slipway-test-{name}-{}", std::process::id())));
        for (path, text) in files {
            root.write(path, text);
        }
        for dir in ["var/lib/slipway/before", "run/slipway"] {
            fs::create_dir_all(root.0.join(dir)).expect("a directory of ours");
        }
        root
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory of ours");
        fs::write(path, text).expect("writable");
    }

    pub(super) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.join(path)).unwrap_or_default()
    }

    /// Runs shell with `doubles` before it; its code, and what it prints on either stream.
    pub(super) fn run(&self, doubles: &str, shell: &str) -> (Option<i32>, String) {
        let mut program = Program::of(&format!("exec 2>&1\nset -eu\n{doubles}\n{shell}\n")).text().to_owned();
        for path in ["/etc/", "/run/", "/var/lib/slipway", "/usr/local/bin"] {
            let from = |before: char| format!("{before}{path}");
            for before in [' ', '\'', '"', '=', ':', '>'] {
                program = program.replace(&from(before), &format!("{before}{}{path}", self.0.display()));
            }
        }
        let output = Command::new("sh").arg("-c").arg(program).output().expect("sh runs");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    }

    /// Runs a step as its program would: check, undo recorded, apply, check. The undo.
    #[track_caller]
    pub(super) fn apply(&self, doubles: &str, step: &Step) -> String {
        let Check::Sh(check) = &step.check else { panic!("{:?}", step.check) };
        assert_ne!(self.run(doubles, check).0, Some(0), "there is something to do");
        let mut undo = String::new();
        for each in step.undo.iter().rev() {
            match each {
                Undo::Sh(shell) => undo.push_str(&format!("{shell}\n")),
                Undo::Record(shell) => {
                    let (code, text) = self.run(doubles, shell);
                    assert_eq!(code, Some(0), "{text}");
                    undo.push_str(&text);
                }
            }
        }
        for op in &step.apply {
            let Op::Sh(shell) = op else { panic!("{op:?}") };
            let (code, text) = self.run(doubles, shell);
            assert_eq!(code, Some(0), "{text}");
        }
        let (code, text) = self.run(doubles, check);
        assert_eq!(code, Some(0), "it is done: {text}");
        undo
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn find<'a>(steps: &'a [Step], name: &str) -> &'a Step {
    steps.iter().find(|step| step.id.name == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn a_swap_unit_with_an_escaped_name_comes_back() {
    let unit = r"etc/systemd/system/var-swap\x2dfile.swap";
    let root = Root::new("swap", &[(unit, "[Swap]\n"), ("etc/fstab", "/dev/sda1 / ext4 defaults 0 1\n")]);
    let steps = steps(&cluster(), "1.34.2", Role::Worker, slipway::facts::Facts { container: false, ..debian_container() });
    let steps = steps.expect("steps");
    let mask = "mask) ln -s /dev/null \"/etc/systemd/system/$4\" ;; unmask) rm -f \"/etc/systemd/system/$3\" ;;";
    let doubles = format!(
        "swapoff() {{ :; }}\nsystemctl() {{ case $1 in {mask} is-active) return 0 ;; *) echo \"systemctl $*\" ;; esac; }}\n"
    );
    // What swap this machine has itself is not the test's.
    let mut step = find(&steps, "swap").clone();
    let Check::Sh(check) = &step.check else { panic!("{:?}", step.check) };
    step.check = Check::Sh(check.replace("/proc/swaps", "/run/swaps"));
    step.undo.remove(0);
    let undo = root.apply(&doubles, &step);
    assert!(fs::read_link(root.0.join(unit)).is_ok(), "it is masked");
    assert!(undo.contains(r"systemctl start 'var-swap\x2dfile.swap'"), "{undo}");
    let (code, text) = root.run(&doubles, &undo);
    assert_eq!((code, root.read(unit).as_str()), (Some(0), "[Swap]\n"), "{undo}\n{text}");
}

/// Where Google kept Kubernetes' packages until March 2024, beside others that it still keeps there.
fn closed() -> String {
    ["packages", "cloud", "google", "com"].join(".")
}

#[test]
fn of_a_shared_repository_file_only_the_dead_section_goes() {
    let google = closed();
    let text = format!(
        "[main]\nname=x\n\n[kubernetes]\nname=Kubernetes\n# old\nbaseurl = https://{google}/yum/repos/kubernetes-el7-x86_64\nenabled=1\n\n\
         [ours]\nbaseurl=https://mirror.example/\ngpgkey=https://{google}/yum/doc/yum-key.gpg\n"
    );
    let file = "etc/yum.repos.d/all of it.repo";
    let root = Root::new("section", &[(file, &text)]);
    let steps = steps(&cluster(), "1.34.2", Role::Worker, centos_machine()).expect("steps");
    let undo = root.apply("", find(&steps, "dead-repositories"));
    let wanted = text
        .replace("[kubernetes]\nname=", "#slipway# [kubernetes]\n#slipway# name=")
        .replace("baseurl = ", "#slipway# baseurl = ")
        .replace("enabled=1", "#slipway# enabled=1");
    assert_eq!(root.read(file), wanted);
    assert_eq!(root.run("", &undo).0, Some(0));
    assert_eq!(root.read(file), text);
}

#[test]
fn a_dead_stanza_is_disabled_and_its_neighbours_are_not() {
    let debian = "Types: deb\nURIs: https://mirror.example.org/debian\nSuites: bookworm\nComponents: main\n";
    let google =
        format!("# Google's\nTypes: deb\nURIs: https://{}/apt/\nSuites: SUITE\nEnabled: yes\nComponents: main\n", closed());
    let (sdk, kubernetes) = (google.replace("SUITE", "cloud-sdk"), google.replace("SUITE", "kubernetes-xenial"));
    let file = "etc/apt/sources.list.d/all of it.sources";
    let text = format!("{debian}\n{kubernetes}\n{sdk}");
    let root = Root::new("stanza", &[(file, &text)]);
    let steps = steps(&cluster(), "1.34.2", Role::Worker, debian_container()).expect("steps");
    let undo = root.apply("", find(&steps, "dead-repositories"));
    let disabled = format!("Enabled: no\n{}", kubernetes.replace("Enabled: yes\n", ""));
    assert_eq!(root.read(file), format!("{debian}\n{disabled}\n{sdk}"));
    assert_eq!(root.run("", &undo).0, Some(0));
    assert_eq!(root.read(file), text);
}

#[test]
fn dnf_that_does_not_say_what_it_would_install_installs_nothing() {
    let profiles = Profiles::load(None).expect("the embedded profiles");
    let shell = profiles.os(None, &os("centos", "9")).expect("it").packages.shell.with("pkg_added socat");
    let root = Root::new("dnf", &[]);
    let dnf = |says: &str| root.run(&format!("dnf() {{\n{says}\n}}\n"), &shell);
    let rows = "printf 'Installing:\\n socat x86_64 1.7 repo 1k\\nInstalling dependencies:\\n tcp_w x86_64 1 repo 1k\\n\\nOperation aborted.\\n'; return 1";
    assert_eq!(dnf(rows), (Some(0), "socat\ntcp_w\n".to_owned()));
    assert_eq!(dnf("echo 'Nothing to do.'"), (Some(0), String::new()));
    let (code, text) = dnf("echo 'Error: Failed to download metadata for repo'; return 1");
    assert!(code == Some(1) && text.contains("error: ") && text.contains("Failed to download metadata"), "{text}");
    // Fresh lists help.
    let stale = format!(
        "case \"$*\" in *clean*) : >/run/fresh; return 0 ;; esac\n[ -e /run/fresh ] || {{ echo 'Error'; return 1; }}\n{rows}"
    );
    assert_eq!(dnf(&stale), (Some(0), "socat\ntcp_w\n".to_owned()));
}

#[test]
fn an_expired_key_puts_its_own_section_or_stanza_out_of_use() {
    let expired = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/expired.asc")).expect("the fixture");
    let root = Root::new("expired", &[("etc/kubernetes.asc", &expired)]);
    let key = root.0.join("etc/kubernetes.asc").display().to_string();
    let section = format!("[kubernetes]\nbaseurl = https://pkgs.k8s.io/core:/stable:/v1.28/rpm/\ngpgkey = file://{key}\n");
    let stanza = format!("Types: deb\nURIs: https://pkgs.k8s.io/core:/stable:/v1.28/deb/\nSuites: /\nSigned-By: {key}\n");
    for (facts, file, text, wanted) in [
        (
            centos_machine(),
            "etc/yum.repos.d/all of it.repo",
            format!("{section}[ours]\nbaseurl=https://mirror.example/\n"),
            format!(
                "#slipway# {}[ours]\nbaseurl=https://mirror.example/\n",
                section.replace("\nbase", "\n#slipway# base").replace("\ngpg", "\n#slipway# gpg")
            ),
        ),
        (debian_container(), "etc/apt/sources.list.d/k 1.28.sources", stanza.clone(), format!("Enabled: no\n{stanza}")),
    ] {
        root.write(file, &text);
        let steps = steps(&cluster(), "1.34.2", Role::Worker, facts).expect("steps");
        let undo = root.apply("", find(&steps, "dead-repositories"));
        assert_eq!(root.read(file), wanted);
        assert_eq!(root.run("", &undo).0, Some(0));
        assert_eq!(root.read(file), text);
    }
}

#[test]
fn a_mirror_stands_for_the_distributions_own_repositories_and_no_others() {
    let apt = "etc/apt/sources.list";
    let deb822 = "etc/apt/sources.list.d/os.sources";
    let stream = |repository: &str| {
        format!(
            "[x]\nname=x\nmetalink=https://mirrors.centos.org/metalink?repo=centos-{repository}-$stream&arch=$basearch&protocol=https,http\n"
        )
    };
    // Each as the distribution ships it.
    for (system, file, text, wanted) in [
        (
            os("debian", "12"),
            apt,
            "deb [signed-by=/k] http://ftp.example.org/debian bookworm main\n# deb-src http://ftp.example.org/debian bookworm main\n\
             deb http://security.example.org/debian-security/ bookworm-security main\n\
             deb https://packages.icinga.com/debian icinga-bookworm main\ndeb https://download.docker.com/linux/debian bookworm stable\n"
                .to_owned(),
            "deb [signed-by=/k] MIRROR/debian bookworm main\n# deb-src http://ftp.example.org/debian bookworm main\n\
             deb MIRROR/debian-security bookworm-security main\n\
             deb https://packages.icinga.com/debian icinga-bookworm main\ndeb https://download.docker.com/linux/debian bookworm stable\n",
        ),
        (
            os("debian", "12"),
            deb822,
            "Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian-security.list\nSuites: bookworm-security\n\n\
             Types: deb\nURIs: https://repos.example.com/debian\nSuites: stable\n\n\n\
             Suites: bookworm bookworm-updates\nComponents: main\nURIs: http://ftp.example.org/debian/\n"
                .to_owned(),
            "Types: deb\nURIs: MIRROR/debian-security\nSuites: bookworm-security\n\n\
             Types: deb\nURIs: https://repos.example.com/debian\nSuites: stable\n\n\n\
             Suites: bookworm bookworm-updates\nComponents: main\nURIs: MIRROR/debian\n",
        ),
        (
            os("ubuntu", "24.04"),
            deb822,
            "URIs: http://de.archive.ubuntu.com/ubuntu/\nSuites: noble noble-updates\n\nURIs: http://ppa.launchpad.net/a/b/ubuntu\n\
             Suites: noble\n\nURIs: http://security.ubuntu.com/ubuntu/\nSuites: noble-security\n"
                .to_owned(),
            "URIs: MIRROR/ubuntu\nSuites: noble noble-updates\n\nURIs: http://ppa.launchpad.net/a/b/ubuntu\n\
             Suites: noble\n\nURIs: MIRROR/ubuntu\nSuites: noble-security\n",
        ),
        (
            os("centos", "9"),
            "etc/yum.repos.d/centos.repo",
            stream("appstream"),
            "[x]\nname=x\nbaseurl=MIRROR/centos-stream/$stream/AppStream/$basearch/os/\n",
        ),
        (
            os("rocky", "9"),
            "etc/yum.repos.d/rocky.repo",
            "[x]\nmirrorlist=https://mirrors.rockylinux.org/mirrorlist?arch=$basearch&repo=BaseOS-$releasever$rltype\n\
             #baseurl=http://dl.rockylinux.org/$contentdir/$releasever/BaseOS/$basearch/os/\n"
                .to_owned(),
            "[x]\n#mirrorlist=https://mirrors.rockylinux.org/mirrorlist?arch=$basearch&repo=BaseOS-$releasever$rltype\n\
             baseurl=MIRROR/rocky/$releasever/BaseOS/$basearch/os/\n",
        ),
        (
            os("almalinux", "8"),
            "etc/yum.repos.d/almalinux.repo",
            "[x]\nmirrorlist=https://mirrors.almalinux.org/mirrorlist/8/baseos\n# baseurl=https://repo.almalinux.org/almalinux/8/BaseOS/$basearch/os/\n"
                .to_owned(),
            "[x]\n#mirrorlist=https://mirrors.almalinux.org/mirrorlist/8/baseos\nbaseurl=MIRROR/almalinux/8/BaseOS/$basearch/os/\n",
        ),
    ] {
        let root = Root::new("mirror", &[(file, &text)]);
        let mut undo = String::new();
        // A second one takes the place of the first.
        for mirror in ["http://mirror.lan/of/all", "https://192.0.2.1:8443"] {
            let mut wanted_cluster = cluster();
            wanted_cluster.packages.mirror = Some(mirror.to_owned());
            let codename = if system.id == "ubuntu" { "noble" } else { "bookworm" };
            let os = slipway::facts::Os { codename: codename.to_owned(), ..system.clone() };
            let facts = slipway::facts::Facts { os, ..debian_container() };
            let steps = steps(&wanted_cluster, "1.34.2", Role::Worker, facts).expect("steps");
            undo = root.apply("", find(&steps, "mirror"));
            assert_eq!(root.read(file), wanted.replace("MIRROR", mirror), "{}", system.name);
        }
        assert_eq!(root.run("", &undo).0, Some(0));
        assert_eq!(root.read(file), wanted.replace("MIRROR", "http://mirror.lan/of/all"), "what was there before is back");
    }
    let rhel = slipway::facts::Facts { os: os("rhel", "9"), ..centos_machine() };
    let mut wanted = cluster();
    wanted.packages.mirror = Some("http://mirror.lan".to_owned());
    let error = steps(&wanted, "1.34.2", Role::Worker, rhel).expect_err("no such mirrors");
    assert!(error.what.contains("how mirrors of rhel 9 are laid out") && !error.hints.is_empty(), "{error}");
}
