//! `plan --diff`: how the files that a plan may write differ from those on the hosts.

use std::collections::BTreeMap;

use super::site::Known;
use crate::{
    error::Result,
    execute::survey::{ask_host, nonce},
    lower::{Program, quote},
    plan::{Plan, Verdict},
    render,
    step::{File, Op},
    transport::Transport,
};

/// How each file that the plan may write differs from what is on the host.
///
/// # Errors
/// Whatever a host has against being asked.
pub(super) async fn diffs(known: &Known, plan: &Plan) -> Result<String> {
    let mut text = String::new();
    for (host, transport) in known.hosts.iter() {
        let files: Vec<&File> = plan
            .graph
            .steps()
            .filter(|step| step.id.host == *host && plan.verdict(&step.id) != Verdict::Done)
            .flat_map(|step| &step.apply)
            .filter_map(|op| if let Op::Write(file) = op { Some(file) } else { None })
            .collect();
        if files.is_empty() {
            continue;
        }
        let there = current(transport, &files).await?;
        for (index, file) in files.iter().enumerate() {
            let difference = render::diff(file, there.get(&index).map(String::as_str));
            if !difference.is_empty() {
                text.push_str(&format!("{host}:\n{difference}"));
            }
        }
    }
    Ok(text)
}

/// What these files hold on a host now, by index; secret ones are not read.
async fn current(transport: &Transport, files: &[&File]) -> Result<BTreeMap<usize, String>> {
    let mark = nonce()?;
    let mut body = String::new();
    for (index, file) in files.iter().enumerate().filter(|(_, file)| !file.secret) {
        let path = quote(&file.path.to_string_lossy());
        // sed(1) ends no line that has no end: the one that is printed behind it stands alone only where the file ends with one, or is empty.
        body.push_str(&format!("if [ -f {path} ]; then\n    echo '{mark} {index}'\n    sed 's/^/=/' {path}\n    echo\nfi\n"));
    }
    Ok(parse(&mark, &ask_host(transport, &Program::of(&body)).await?))
}

/// The files, from the lines that a host has printed.
fn parse(mark: &str, lines: &[String]) -> BTreeMap<usize, String> {
    let mut found: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    let mut last = None;
    for line in lines {
        match line.strip_prefix(mark).and_then(|index| index.trim_start().parse().ok()) {
            Some(index) => last = Some(found.entry(index).or_default()),
            None => last.iter_mut().for_each(|file| file.push(line)),
        }
    }
    let whole = |mut lines: Vec<&str>| {
        let is_ended = lines.pop_if(|line| line.is_empty()).is_some();
        // What stands before a carriage return does not come, the sign included.
        let lines: Vec<&str> = lines.into_iter().map(|line| line.strip_prefix('=').unwrap_or(line)).collect();
        let end = if is_ended && !lines.is_empty() { "\n" } else { "" };
        lines.join("\n") + end
    };
    found.into_iter().map(|(index, lines)| (index, whole(lines))).collect()
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process::Command, sync::Arc};

    use super::*;
    use crate::transport::{Exit, Line, fake::Fake};

    /// A host that is a shell on this machine.
    fn shell() -> Transport {
        Transport::Fake(Fake::new(Arc::new(|program: &Program| {
            let ran = Command::new("sh").arg("-c").arg(program.text()).output().expect("a shell");
            let text = String::from_utf8(ran.stdout).expect("text");
            let lines = text.lines().map(|line| Line { stderr: false, text: line.to_owned() }).collect();
            Ok((lines, Exit { status: ran.status.code().expect("it ended by itself") }))
        })))
    }

    #[tokio::test]
    async fn files_come_as_they_are_with_and_without_an_end() {
        let dir = env::temp_dir().join(format!("slipway-diffs-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("writable");
        let contents = ["a\nb\n", "no end", "", "\n", "a\n\n", "\nno end", "1 =\n=\n", "=", "2 x\n"];
        let files: Vec<File> = (0..=contents.len())
            .map(|index| File::new(dir.join(format!("it's {index}")).to_string_lossy().into_owned(), "new\n"))
            .collect();
        for (file, content) in files.iter().zip(contents) {
            fs::write(&file.path, content).expect("writable");
        }
        let there = current(&shell(), &files.iter().collect::<Vec<_>>()).await.expect("it answers");
        fs::remove_dir_all(&dir).expect("ours");
        let expected: BTreeMap<usize, String> = contents.into_iter().map(str::to_owned).enumerate().collect();
        assert_eq!(there, expected, "and what is not there does not come");
        assert!(
            render::diff(&files[2], there.get(&2).map(String::as_str)).starts_with(&format!("--- {}\n", files[2].path.display()))
        );
    }
}
