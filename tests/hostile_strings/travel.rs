//! The two ways in which data travels to a host, word and file, through real shells.

use std::{
    cell::Cell,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use proptest::prelude::*;
use slipway::{
    lower::{self, quote},
    step::{File, Step, StepId},
};

use crate::{hostile, runner, shells};

fn scratch(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("slipway-hostile-{name}-{}", std::process::id()));
    fs::create_dir_all(&path).unwrap();
    path
}

/// What a shell prints that reads this on its standard input.
fn feed(shell: &str, text: &str, directory: &Path) -> Vec<u8> {
    let mut child = Command::new(shell)
        .arg("-s")
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap().stdout
}

/// Many words in one program, since a shell takes its time to start.
#[test]
fn a_word_arrives_as_the_same_argument() {
    let directory = scratch("words");
    let count = Cell::new(0);
    let words = prop::collection::vec(hostile(), 50);
    runner("hostile words", 40)
        .run(&words, |words| {
            let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
            let program = format!("show() {{\nprintf '%s\\0' \"$@\"\n}}\nshow {}\n", quoted.join(" "));
            for shell in shells() {
                let wanted: Vec<u8> = words.iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect();
                prop_assert_eq!(feed(shell, &program, &directory), wanted, "{}", shell);
                count.set(count.get() + words.len());
            }
            prop_assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
            Ok(())
        })
        .unwrap();
    fs::remove_dir_all(&directory).unwrap();
    println!("hostile words: {} through {:?}, all arrived, nothing was run", count.get(), shells());
}

/// A whole step that writes a file of such a name with such a content, and undoes it.
#[test]
fn a_file_arrives_byte_for_byte_and_goes_again() {
    let directory = scratch("files");
    let owner = |what: &str| {
        let name = Command::new("id").arg(what).output().unwrap().stdout;
        String::from_utf8(name).unwrap().trim().to_owned()
    };
    let owner = format!("{}:{}", owner("-un"), owner("-gn"));
    let count = Cell::new(0);
    // Names of files are slipway's own, and hold no quotes and no line ends, which its undo could not bear.
    let name = hostile().prop_map(|name| name.replace(['/', '\'', '\n'], "_").chars().take(30).collect::<String>());
    runner("hostile files", 30)
        .run(&(name, hostile()), |(name, content)| {
            for shell in shells() {
                let _ = fs::remove_dir_all(&directory);
                let root = directory.join("root");
                fs::create_dir_all(&root).unwrap();
                let path = root.join(format!("f{name}"));
                let file = File { owner: owner.clone(), ..File::new(&path, &content) };
                let step = Step::files(StepId::new("a", "install", "file"), "", "", vec![file]);
                let moved = |text: &str| {
                    text.replace("STATE=/var/lib/slipway", &format!("STATE={}/state", directory.display()))
                        .replace("RUN=/run/slipway", &format!("RUN={}/run", directory.display()))
                };
                feed(shell, &moved(lower::lower(&step).text()), &directory);
                let wanted = if content.ends_with('\n') { content.clone() } else { format!("{content}\n") };
                prop_assert_eq!(fs::read_to_string(&path).ok(), Some(wanted), "{}", shell);
                prop_assert_eq!(fs::read_dir(&root).unwrap().count(), 1);
                for undo in fs::read_dir(directory.join("state/undo")).unwrap() {
                    feed(shell, &format!(". '{}'\n", undo.unwrap().path().display()), &directory);
                }
                prop_assert_eq!(fs::read_dir(&root).unwrap().count(), 0, "its undo takes it away");
                prop_assert!(!directory.join("CANARY").exists());
                count.set(count.get() + 1);
            }
            Ok(())
        })
        .unwrap();
    let _ = fs::remove_dir_all(&directory);
    println!("hostile files: {} written and undone by {:?}, byte for byte", count.get(), shells());
}
