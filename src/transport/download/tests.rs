//! What a host may send, and what becomes of it.

use std::{os::unix::fs::PermissionsExt, sync::Arc};

use super::*;
use crate::transport::{Exit, fake::Fake};

/// `foobar`: its checksum is that of `printf foobar | sha256sum`.
const SHA256: &str = "c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2";

/// Downloads what a host sends as these lines and that exit; gives what came of it, and the names that are left in the directory.
async fn download(name: &str, lines: &[&str], exit: Result<i32, &'static str>) -> (Result<Vec<Received>>, Vec<String>) {
    let directory = std::env::temp_dir().join(format!("slipway-download-{name}-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let lines: Vec<Line> = lines
        .iter()
        .map(|line| match line.strip_prefix("2>") {
            Some(text) => Line { stderr: true, text: text.to_owned() },
            None => Line { stderr: false, text: line.replace("SHA256", SHA256) },
        })
        .collect();
    let fake = Fake::new(Arc::new(move |_| match exit {
        Ok(status) => Ok((lines.clone(), Exit { status })),
        Err(what) => Err(Error::new(Kind::Lost, what)),
    }));
    let places = BTreeMap::from([("one", directory.join("node1.one")), ("two", directory.join("node1.two"))]);
    if name == "taken" {
        fs::write(directory.join("node1.two"), "kept").unwrap();
    }
    let outcome = Transport::Fake(fake).download(&Program::new(""), "n-1", &places).await;
    let mut left = Vec::new();
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        assert!(name == "taken" || fs::metadata(&path).unwrap().permissions().mode() & 0o777 == 0o600, "{path:?}");
        left.push(format!("{}={}", path.file_name().unwrap().display(), fs::read_to_string(&path).unwrap()));
    }
    left.sort();
    fs::remove_dir_all(directory).unwrap();
    (outcome, left)
}

#[tokio::test]
async fn files_come_one_after_another() {
    let lines = [
        "noise",
        "n-1 file one",
        "Zm9v",
        "2>a warning",
        "YmFy",
        "n-1 end one 6 SHA256",
        "n-1 file two",
        "Zm9vYmFy",
        "n-1 end two 6 SHA256",
    ];
    let (outcome, left) = download("good", &lines, Ok(0)).await;
    let names: Vec<_> = outcome.unwrap().into_iter().map(|file| (file.name, file.size, file.sha256)).collect();
    assert_eq!(names, [("one".to_owned(), 6, SHA256.to_owned()), ("two".to_owned(), 6, SHA256.to_owned())]);
    assert_eq!(left, ["node1.one=foobar", "node1.two=foobar"]);
    assert_eq!(download("none", &[], Ok(0)).await.0.unwrap(), []);
}

#[tokio::test]
async fn what_is_cut_or_changed_on_its_way_leaves_nothing() {
    let whole = ["n-1 file one", "Zm9vYmFy", "n-1 end one 6 SHA256"];
    let two = |rest: &[&'static str]| [&whole, rest].concat();
    for (name, lines, exit, expected) in [
        ("cut", two(&["n-1 file two", "Zm9v"]), Ok(0), "two was cut short after 3 bytes"),
        ("lost", two(&["n-1 file two", "Zm9v"]), Err("the connection was cut"), "the connection was cut"),
        ("byte", two(&["n-1 file two", "Zm9w", "YmFy", "n-1 end two 6 SHA256"]), Ok(0), "two came as 6 bytes with SHA-256 "),
        ("less", two(&["n-1 file two", "Zm9v", "n-1 end two 6 SHA256"]), Ok(0), "two came as 3 bytes with SHA-256 "),
        ("words", two(&["n-1 file two", "tar: no", "n-1 end two 6 SHA256"]), Ok(0), "what the host sends is no file"),
        ("within", two(&["n-1 file two", "n-1 file two"]), Ok(0), "what the host sends is no file"),
        ("name", two(&["n-1 file ../three"]), Ok(0), "the host sends a file that was not asked for: \"../three\""),
        ("failed", two(&["2>error: etcd gives no snapshot"]), Ok(1), "etcd gives no snapshot"),
    ] {
        let (outcome, left) = download(name, &lines, exit).await;
        let error = outcome.unwrap_err().to_string();
        assert!(error.starts_with(expected), "{name}: {error}");
        assert!(left.is_empty(), "{name}: {left:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_there_already_stays() {
    let lines = ["n-1 file one", "Zm9vYmFy", "n-1 end one 6 SHA256", "n-1 file two", "Zm9vYmFy", "n-1 end two 6 SHA256"];
    let (outcome, left) = download("taken", &lines, Ok(0)).await;
    assert!(outcome.unwrap_err().to_string().contains("node1.two cannot be written"));
    assert_eq!(left, ["node1.two=kept"]);
}
