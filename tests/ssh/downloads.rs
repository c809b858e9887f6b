//! Files that a host sends.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use slipway::{
    error::Kind,
    lower::{Program, sha256_of},
    transport::Transport,
};

use crate::{connect, sshd::Sshd};

/// A directory of the test's own.
fn scratch(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("slipway-{name}-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    directory
}

#[tokio::test]
async fn files_come_whole_whatever_is_in_them() {
    let sshd = Sshd::start();
    let directory = scratch("downloads");
    let bytes: Vec<u8> = (0..3_000_001_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    for (name, content) in [("large", &bytes[..]), ("empty", &[]), ("words", b"n-1 end large 0 x\n".as_slice())] {
        fs::write(directory.join(name), content).unwrap();
    }
    let transport = Transport::Ssh(Box::new(connect(&sshd.reach()).await.unwrap()));
    let places = BTreeMap::from(["large", "empty", "words"].map(|name| (name, directory.join(format!("host.{name}")))));
    let sends = |name| format!("send_file {name} {}\n", directory.join(name).display());
    let program = Program::of(&format!("NONCE=n-1\n{}{}echo between\n{}", sends("large"), sends("empty"), sends("words")));
    let received = transport.download(&program, "n-1", &places).await.unwrap();
    assert_eq!(received.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["large", "empty", "words"]);
    for file in &received {
        assert!(fs::read(&file.path).unwrap() == fs::read(directory.join(&file.name)).unwrap(), "{}", file.name);
        assert_eq!(file.sha256, sha256_of(fs::File::open(&file.path).unwrap()).unwrap());
        assert_eq!(fs::metadata(&file.path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // What is there already stays, and nothing new is left beside it.
    assert_eq!(transport.download(&program, "n-1", &places).await.unwrap_err().kind, Kind::Invalid);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 6);
    fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn a_connection_that_dies_leaves_nothing_of_what_had_come() {
    let mut sshd = Sshd::start();
    let directory = scratch("download-lost");
    let transport = Transport::Ssh(Box::new(connect(&sshd.reach()).await.unwrap()));
    let places = BTreeMap::from(["one", "two"].map(|name| (name, directory.join(name))));
    let program = Program::of("NONCE=n-1\nsend_file one /etc/passwd\necho n-1 file two\necho Zm9v\nsleep 30\n");
    let mut running = std::pin::pin!(transport.download(&program, "n-1", &places));
    assert!(tokio::time::timeout(Duration::from_secs(1), &mut running).await.is_err());
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 2, "one file, and a part of the other");
    sshd.stop();
    let error = tokio::time::timeout(Duration::from_secs(5), running).await.expect("the loss is seen").unwrap_err();
    assert_eq!(error.kind, Kind::Lost, "{error}");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    fs::remove_dir_all(directory).unwrap();
}
