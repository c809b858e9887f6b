//! `slipway profiles`: what is known of operating systems, runtimes and pod networks.

use super::Run;
use crate::{
    cli::ProfilesCommand,
    error::{Error, Kind, Result, nearest},
    profile::{Listed, Profiles},
    ui,
};

pub(super) fn profiles(run: &Run, command: Option<ProfilesCommand>) -> Result<u8> {
    let profiles = Profiles::load(run.profiles.as_deref())?;
    match command {
        None => ui::profiles(&profiles.listed, run.json)?,
        Some(ProfilesCommand::Show { name }) => ui::print(&find(&profiles.listed, &name)?.text)?,
    }
    Ok(0)
}

/// A profile by its name, or by its family and its name.
fn find<'a>(listed: &'a [Listed], name: &str) -> Result<&'a Listed> {
    let path = |each: &Listed| format!("{}/{}", each.family.name(), each.name);
    let found: Vec<&Listed> = listed.iter().filter(|each| each.name == name || path(each) == name).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => {
            let error = Error::new(Kind::Invalid, format!("there is no profile {name:?}"));
            Err(match nearest(name, listed.iter().map(|each| each.name.as_str())) {
                Some(near) => error.hint(format!("did you mean `slipway profiles show {near}`?")),
                None => error.hint("`slipway profiles` lists them all"),
            })
        }
        several => {
            let paths: Vec<String> = several.iter().map(|each| path(each)).collect();
            Err(Error::new(Kind::Invalid, format!("several profiles are called {name:?}"))
                .hint(format!("say which: slipway profiles show {}", paths.join(" or "))))
        }
    }
}
