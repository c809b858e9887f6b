//! `slipway runs` and `slipway report`: runs from their journals. No host is asked.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    os::unix::fs::OpenOptionsExt,
};

use super::Run;
use crate::{
    cli::{self, RunsCommand},
    error::{Error, Kind, Result},
    journal::{Brief, Recorded, Store},
    render, ui,
};

/// `slipway runs`.
pub(super) fn runs(run: &Run, wanted: Option<RunsCommand>) -> Result<u8> {
    let store = Store::of_user()?;
    match wanted {
        None => {
            // One that has just expired, or is not ours to read, is no reason to hide the others.
            ui::runs(store.runs().into_iter().filter_map(|kept| Brief::read(kept).ok()), run.json)?;
        }
        Some(RunsCommand::Show { run: wanted }) => {
            let kept = store.find(&wanted)?;
            if run.json {
                ui::print(&Recorded::text(&kept)?)?;
            } else {
                ui::replay(&Recorded::read(kept)?, run.verbose)?;
            }
        }
    }
    Ok(0)
}

/// `slipway report`.
pub(super) fn report(wanted: &cli::Report) -> Result<u8> {
    if wanted.to.is_none() && io::stdout().is_terminal() {
        return Err(Error::new(Kind::Usage, "a report is a page for a browser, and standard output is a terminal")
            .hint(format!("slipway report {} --to report.html", wanted.run)));
    }
    let recorded = Recorded::read(Store::of_user()?.find(&wanted.run)?)?;
    let page = render::report(&recorded);
    match &wanted.to {
        None => ui::print(&page)?,
        Some(file) => {
            // As private as the journal that it shows.
            let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file);
            opened
                .and_then(|mut file| file.write_all(page.as_bytes()))
                .map_err(|error| Error::new(Kind::NoFile, format!("{} can not be written", file.display())).because(error))?;
            ui::tell(&format!("wrote {}\n", file.display()));
        }
    }
    Ok(0)
}
