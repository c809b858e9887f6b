//! Somebody who runs slipway against one host, and what is on that host.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::sshd::{Sshd, me};

/// How long anything may take that nobody holds up.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A step that runs on the connection itself, and one that runs apart from it.
pub(crate) const DIRECT: &str = "install.sysctls";
pub(crate) const DETACHED: &str = "install.kubernetes-packages";

/// Both, one before, one between and one behind them: all that is left of a run, which goes faster so.
pub(crate) const ONLY: [&str; 2] =
    ["--only", "*/install/modules,*/install/sysctls,*/install/package-lists,*/install/kubernetes-packages,*/install/hold"];

pub(crate) struct Operator {
    pub(crate) sshd: Sshd,
    pub(crate) home: PathBuf,
}

impl Operator {
    pub(crate) fn new() -> Self {
        let sshd = Sshd::start_with("ForceCommand DIR/host.sh", |sshd| {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
            for script in ["host.sh", "step.sh"] {
                fs::copy(root.join("signals").join(script), sshd.dir.join(script)).unwrap();
                fs::set_permissions(sshd.dir.join(script), fs::Permissions::from_mode(0o755)).unwrap();
            }
            let facts = fs::read_to_string(root.join("captured/debian-12/node7.txt")).unwrap();
            let facts: String = facts.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
            fs::write(sshd.dir.join("facts"), facts).unwrap();
        });
        let home = sshd.dir.join("home");
        fs::create_dir(&home).unwrap();
        let operator = Self { sshd, home };
        let text =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captured/debian-12/cluster.toml")).unwrap();
        let dir = operator.sshd.dir.display();
        let way = format!(
            "[ssh]\nuser = \"{}\"\nport = {}\nkey = \"{dir}/client\"\nknown_hosts = \"{dir}/known_hosts\"\nagent = false\nssh_config = \"none\"\n",
            me(),
            operator.sshd.port
        );
        let (before, host) = text.split_once("[[host]]").unwrap();
        let host = host.replace("192.168.77.17", "127.0.0.1");
        fs::write(operator.home.join("cluster.toml"), format!("{before}{way}\n[[host]]{host}")).unwrap();
        operator
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
        command.args(line.split_whitespace()).args(["-c", "cluster.toml"]).args(ONLY).current_dir(&self.home);
        command.env_clear().env("HOME", &self.home).env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        command
    }

    /// Starts a run that waits in this step, with its output in files.
    pub(crate) fn held_in(&self, step: &str, line: &str) -> Child {
        self.slow(step);
        let out = fs::File::create(self.home.join("out")).unwrap();
        let err = fs::File::create(self.home.join("err")).unwrap();
        let run = self.command(line).stdout(out).stderr(err).spawn().unwrap();
        self.until(&format!("{step} begins"), || self.sshd.dir.join("began").join(step).exists());
        run
    }

    pub(crate) fn slow(&self, step: &str) {
        fs::create_dir_all(self.sshd.dir.join("slow")).unwrap();
        fs::write(self.sshd.dir.join("slow").join(step), "").unwrap();
    }

    /// What holds steps up is over.
    pub(crate) fn release(&self) {
        fs::write(self.sshd.dir.join("go"), "").unwrap();
    }

    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < SOON, "{what}: not in {SOON:?}\n{}", self.said());
            sleep(Duration::from_millis(10));
        }
    }

    /// What the last run that was held said.
    pub(crate) fn said(&self) -> String {
        ["out", "err", "typescript"]
            .iter()
            .map(|name| String::from_utf8_lossy(&fs::read(self.home.join(name)).unwrap_or_default()).into_owned())
            .collect()
    }

    pub(crate) fn names(&self, of: &str) -> BTreeSet<String> {
        let entries = fs::read_dir(self.sshd.dir.join(of)).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    /// Whether a detached step is under way on the host.
    pub(crate) fn has_a_job(&self) -> bool {
        self.names("run").iter().filter(|name| name.starts_with("job.")).any(|name| self.is_locked(&format!("{name}/lock")))
    }

    pub(crate) fn is_locked(&self, name: &str) -> bool {
        let file = self.sshd.dir.join("run").join(name);
        file.exists() && !Command::new("flock").arg("-n").arg(file).arg("true").status().unwrap().success()
    }

    /// Nothing of slipway's runs on the host, and nobody holds it.
    pub(crate) fn nothing_runs(&self, case: &str) {
        self.until(&format!("{case}: the host is let go"), || {
            !self.has_a_job() && !self.is_locked("lock") && !self.names("run").contains("lease")
        });
    }

    /// The next run ends well, and the one after that has nothing to do.
    pub(crate) fn converges(&self, case: &str) {
        self.release();
        let ran = self.command("install").output().unwrap();
        assert_eq!(ran.status.code(), Some(0), "{case}: the second run: {ran:?}");
        self.is_done(case);
        self.nothing_runs(case);
    }

    pub(crate) fn is_done(&self, case: &str) {
        let ran = self.command("install").output().unwrap();
        assert_eq!(ran.status.code(), Some(0), "{case}: the last run: {ran:?}");
        assert!(text(&ran).starts_with("nothing to do"), "{case}: {ran:?}");
    }
}

pub(crate) fn text(ran: &Output) -> String {
    String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr)
}

pub(crate) fn signal(run: &Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &run.id().to_string()]).status().unwrap().success());
}

/// The exit code of a run that ends soon; none if a signal ended it.
pub(crate) fn ends(run: &mut Child, case: &str) -> Option<i32> {
    let began = Instant::now();
    loop {
        if let Some(status) = run.try_wait().unwrap() {
            return status.code();
        }
        assert!(began.elapsed() < SOON, "{case}: it does not end");
        sleep(Duration::from_millis(10));
    }
}

/// It goes on for a while.
pub(crate) fn goes_on(run: &mut Child, case: &str) {
    sleep(Duration::from_millis(300));
    assert_eq!(run.try_wait().unwrap(), None, "{case}: it should go on");
}
