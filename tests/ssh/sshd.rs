//! A real sshd on loopback, with keys of its own, in a directory that goes when it does.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use slipway::config::Ssh;

const SSHD: &str = "/usr/sbin/sshd";

/// Stands in for sudo where the tests are not run by root: what root may do is not their business.
const SUDO: &str = "#!/bin/sh\n[ \"$1\" = -n ] && shift\nexec \"$@\"\n";

pub(crate) struct Sshd {
    pub(crate) dir: PathBuf,
    pub(crate) port: u16,
    /// Lines of its configuration that count before the usual ones; `DIR` is its directory.
    extra: &'static str,
    child: Option<Child>,
}

impl Sshd {
    /// Starts one that takes the key `client` of its directory.
    pub(crate) fn start() -> Self {
        Self::start_with("", |_| {})
    }

    /// As `start`, with lines for its configuration and something to do once its keys are there.
    pub(crate) fn start_with(extra: &'static str, prepare: impl FnOnce(&Self)) -> Self {
        assert!(Path::new(SSHD).exists(), "{SSHD} is missing, and these tests need a real one: apt-get install openssh-server");
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("slipway-sshd-{}-{count}", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&dir).unwrap();
        fs::create_dir(dir.join("bin")).unwrap();
        fs::write(dir.join("bin/sudo"), SUDO).unwrap();
        fs::set_permissions(dir.join("bin/sudo"), fs::Permissions::from_mode(0o755)).unwrap();
        let mut sshd = Self { dir, port: 0, extra, child: None };
        sshd.keygen("host", "ed25519", "");
        sshd.keygen("client", "ed25519", "");
        sshd.authorize(&["client"]);
        prepare(&sshd);
        sshd.launch();
        fs::write(sshd.dir.join("known_hosts"), format!("[127.0.0.1]:{} {}", sshd.port, sshd.read("host.pub"))).unwrap();
        sshd
    }

    /// Starts it, on a new port the first time and on the same one later.
    pub(crate) fn launch(&mut self) {
        // Root's sshd wants its directory for separated privileges; for others it can not be made, and is not needed.
        let _ = fs::create_dir_all("/run/sshd");
        for _ in 0..5 {
            if self.port == 0 {
                self.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            }
            fs::write(self.dir.join("config"), self.config()).unwrap();
            let mut child = Command::new(SSHD)
                .arg("-D")
                .arg("-f")
                .arg(self.dir.join("config"))
                .arg("-E")
                .arg(self.dir.join("log"))
                .stdin(Stdio::null())
                .spawn()
                .unwrap();
            let until = Instant::now() + Duration::from_secs(10);
            while Instant::now() < until && child.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                    self.child = Some(child);
                    return;
                }
                sleep(Duration::from_millis(10));
            }
            let _ = child.kill();
            let _ = child.wait();
            self.port = 0;
        }
        panic!("sshd does not start:\n{}", self.log());
    }

    /// HOME is its own directory, since sshd has bash read ~/.bashrc, and nobody knows what a developer keeps there.
    fn config(&self) -> String {
        let dir = self.dir.display();
        let extra = self.extra.replace("DIR", &dir.to_string());
        format!(
            "{extra}\nListenAddress 127.0.0.1\nPort {}\nHostKey {dir}/host\nPidFile none\nAuthorizedKeysFile {dir}/authorized_keys\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n\
             MaxSessions 10\nLogLevel DEBUG1\nSetEnv HOME={dir} PATH={dir}/bin:/usr/sbin:/usr/bin:/sbin:/bin\n",
            self.port
        )
    }

    /// Kills it, and all that it has started.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let family = descendants(child.id());
            let _ = child.kill();
            let _ = child.wait();
            for pid in family {
                let _ = Command::new("kill").args(["-9", &pid.to_string()]).stderr(Stdio::null()).status();
            }
        }
    }

    /// Makes the key pair `name` and `name.pub`.
    pub(crate) fn keygen(&self, name: &str, kind: &str, passphrase: &str) -> PathBuf {
        let file = self.dir.join(name);
        let _ = fs::remove_file(&file);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", kind, "-N", passphrase, "-C", name, "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .output()
            .expect("ssh-keygen: apt-get install openssh-client");
        assert!(made.status.success(), "{made:?}");
        file
    }

    /// Runs ssh-keygen, which must succeed.
    pub(crate) fn ssh_keygen(&self, arguments: &[&str]) {
        let ran = Command::new("ssh-keygen").args(arguments).current_dir(&self.dir).stdin(Stdio::null()).output().unwrap();
        assert!(ran.status.success(), "{arguments:?}: {ran:?}");
    }

    /// Takes these keys, and no others.
    pub(crate) fn authorize(&self, names: &[&str]) {
        let keys: String = names.iter().map(|name| self.read(&format!("{name}.pub"))).collect();
        fs::write(self.dir.join("authorized_keys"), keys).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir.join(name)).unwrap()
    }

    pub(crate) fn log(&self) -> String {
        fs::read(self.dir.join("log")).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// How many logins it let in.
    pub(crate) fn logins(&self) -> usize {
        self.log().matches("Accepted publickey").count()
    }

    /// Whether anyone has tried to log in.
    pub(crate) fn saw_a_login(&self) -> bool {
        self.log().contains("userauth-request")
    }

    /// `SHA256:…` of the host key, as ssh-keygen says.
    pub(crate) fn fingerprint(&self) -> String {
        let printed = Command::new("ssh-keygen").arg("-lf").arg(self.dir.join("host.pub")).output().unwrap();
        String::from_utf8(printed.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
    }

    /// How to get in: with the key `client`, and a known_hosts that is right.
    pub(crate) fn reach(&self) -> Ssh {
        Ssh {
            user: me(),
            port: self.port,
            keys: vec![self.dir.join("client")],
            agent: Some(false),
            known_hosts: self.dir.join("known_hosts"),
            connect_timeout: 10,
            more_known_hosts: Vec::new(),
            ..Ssh::default()
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
        // A child of sshd that is about to end may write its log once more, and make the directory's file anew.
        for _ in 0..5 {
            let _ = fs::remove_dir_all(&self.dir);
            if !self.dir.exists() {
                break;
            }
            sleep(Duration::from_millis(50));
        }
    }
}

pub(crate) fn me() -> String {
    let printed = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(printed.stdout).unwrap().trim().to_owned()
}

/// All processes below `pid`.
fn descendants(pid: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let own: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let mut stat = String::new();
            BufReader::new(File::open(format!("/proc/{own}/stat")).ok()?).read_line(&mut stat).ok()?;
            Some((own, stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?))
        })
        .collect();
    let mut family = vec![pid];
    let mut next = 0;
    while next < family.len() {
        let parent = family[next];
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(own, _)| *own));
        next += 1;
    }
    family.split_off(1)
}
