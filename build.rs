//! Puts every profile below profiles/{os,runtime,cni,component} into the binary: a new one is a new file there, and nothing else.

use std::{
    env, fs,
    io::{Error, ErrorKind},
    path::Path,
};

fn main() -> Result<(), Error> {
    let variable = |name: &str| env::var(name).map_err(|error| Error::new(ErrorKind::NotFound, error));
    let (root, out) = (variable("CARGO_MANIFEST_DIR")?, variable("OUT_DIR")?);
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=profiles");
    let mut list = String::from("&[\n");
    for family in ["cni", "component", "os", "runtime"] {
        let entries = fs::read_dir(Path::new(&root).join("profiles").join(family))?;
        let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            list.push_str(&format!("    ({:?}, include_str!({path:?})),\n", format!("{family}/{name}")));
        }
    }
    fs::write(Path::new(&out).join("profiles.rs"), list + "]\n")
}
