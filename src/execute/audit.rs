//! Asks hosts what a cluster has left there. Nothing is changed, and no host can hold up the others.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::task::JoinSet;

use super::{Hosts, survey::nonce};
use crate::{
    error::{Error, Kind, Result},
    leftover::Listing,
    lower::{Program, quote},
    transport::Transport,
};

/// Seconds that a host may take to list what is there; then it gives up by itself.
const LIMIT: u64 = 60;

/// How long the way there and back may add to that.
const GRACE: Duration = Duration::from_secs(30);

/// What one host said, and what kept it from saying it all.
#[derive(Debug, Default)]
pub struct Audit {
    pub listing: Listing,
    pub error: Option<Error>,
}

/// Asks these hosts, all at once. `shell` prints the lines that [`Listing::take`] reads.
pub async fn audit(hosts: &Hosts, names: &[String], shell: &str) -> BTreeMap<String, Audit> {
    let mut tasks = JoinSet::new();
    for name in names.iter().filter(|name| hosts.contains_key(*name)).cloned() {
        let (hosts, shell) = (Arc::clone(hosts), shell.to_owned());
        tasks.spawn(async move {
            let mut listing = Listing::default();
            let asked = match hosts.get(&name) {
                Some(transport) => ask(transport, &shell, |nonce, line| listing.take(nonce, line)).await,
                None => Ok(()),
            };
            let error = match asked {
                Ok(()) if !listing.complete => Some(Error::new(Kind::Lost, "its list ended early")),
                asked => asked.err(),
            };
            let named = |error: Error| Error { what: format!("{name}: {}", error.what), ..error };
            let error = error.map(named);
            (name, Audit { listing, error })
        });
    }
    let mut audits = BTreeMap::new();
    while let Some(joined) = tasks.join_next().await {
        audits.extend(joined);
    }
    audits
}

/// The nodes and the members of etcd that a control plane counts, as (kind, name). `shell` prints `NONCE KIND NAME`.
///
/// # Errors
/// `Lost`, `Step` when it can not be asked.
pub async fn members(transport: &Transport, shell: &str) -> Result<Vec<(String, String)>> {
    let mut members = Vec::new();
    let take = |nonce: &str, line: &str| {
        let said = line.strip_prefix(nonce).and_then(|rest| rest.strip_prefix(' '));
        if let Some((kind, name)) = said.and_then(|said| said.split_once(' ')) {
            members.push((kind.to_owned(), name.to_owned()));
        }
    };
    ask(transport, shell, take).await?;
    Ok(members)
}

/// Runs shell that is given a nonce and so many seconds, and gives its lines to `take`.
async fn ask(transport: &Transport, shell: &str, mut take: impl FnMut(&str, &str) + Send) -> Result<()> {
    let nonce = nonce()?;
    let late = format!("{nonce} late ");
    let (mut said, mut doing) = (String::new(), None);
    let program = program(&nonce, shell);
    let mut on_line = |line: crate::transport::Line| {
        if let Some(text) = line.text.strip_prefix(&late) {
            doing = Some(text.to_owned());
        } else if line.stderr {
            said = line.text;
        } else {
            take(&nonce, &line.text);
        }
    };
    let ran = tokio::time::timeout(Duration::from_secs(LIMIT) + GRACE, transport.run(&program, &mut on_line)).await;
    let slow = |what: String| Error::new(Kind::Lost, what).hint("a disk or mount that does not answer holds up whoever asks it");
    match (ran, doing) {
        (Err(_), _) => Err(slow(format!("no answer within {} s", LIMIT + GRACE.as_secs()))),
        (Ok(_), Some(doing)) => Err(slow(format!("it was not done within {LIMIT} s; under way: {doing}"))),
        (Ok(Ok(exit)), None) if exit.status != 0 => Err(Error::new(Kind::Step, format!("exit code {}: {said}", exit.status))),
        (Ok(ran), None) => ran.map(|_| ()),
    }
}

fn program(nonce: &str, shell: &str) -> Program {
    Program::of(&format!(
        "\
NONCE={}
ask() {{
{shell}
}}
within_limit {LIMIT} ask
status=$?
[ \"$status\" != 124 ] || printf '%s late %s\\n' \"$NONCE\" \"$l_doing\"
exit \"$status\"
",
        quote(nonce)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{Exit, Line, fake::Fake};

    async fn audited(lines: &'static [&'static str], status: i32) -> Audit {
        let fake = Fake::new(Arc::new(move |program: &Program| {
            let nonce = program.text().split("NONCE='").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce");
            let line = |text: &&str| Line { stderr: false, text: text.replace("NONCE", nonce) };
            Ok((lines.iter().map(line).collect(), Exit { status }))
        }));
        let hosts: Hosts = Arc::new(BTreeMap::from([("a".to_owned(), Transport::Fake(fake))]));
        let names = ["a".to_owned(), "out-of-reach".to_owned()];
        let mut audits = audit(&hosts, &names, "list_all\n").await;
        assert_eq!(audits.len(), 1);
        audits.remove("a").expect("it was asked")
    }

    #[tokio::test]
    async fn a_list_that_ends_early_is_no_list() {
        let whole = audited(&["NONCE left\tfile\tx\tgoes\ty\t/z", "NONCE left-end"], 0).await;
        assert!(whole.error.is_none() && whole.listing.complete && whole.listing.leftovers().len() == 1);
        let cut = audited(&["NONCE left\tfile\tx\tgoes\ty\t/z"], 0).await;
        assert_eq!(cut.error.expect("an error").to_string(), "a: its list ended early");
        let failed = audited(&["NONCE left-end"], 2).await;
        assert!(failed.error.expect("an error").to_string().starts_with("a: exit code 2"));
        let late = audited(&["NONCE left\tfile\tx\tgoes\ty\t/z", "NONCE late stat /mnt"], 124).await;
        assert_eq!(late.listing.leftovers().len(), 1, "what came counts");
        assert_eq!(late.error.expect("an error").to_string(), "a: it was not done within 60 s; under way: stat /mnt");
    }
}
