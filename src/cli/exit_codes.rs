//! The exit codes, as the help lists them.

use std::fmt::Write as _;

use crate::error::Kind;

/// Every kind of error, and what it means in a few words.
pub(super) const MEANINGS: &[(Kind, &str)] = &[
    (Kind::Usage, "the command line is wrong"),
    (Kind::NoFile, "a file is missing, or cannot be read or written"),
    (Kind::Syntax, "a file is not what it should be: not TOML, or a value of the wrong type"),
    (Kind::UnknownKey, "a key in the cluster file is unknown"),
    (Kind::DuplicateHost, "two hosts have one name or address"),
    (Kind::NoControlPlane, "no host is a control plane"),
    (Kind::Cidr, "networks overlap, have the wrong size, or are none"),
    (Kind::UnsupportedVersion, "the Kubernetes version is not supported"),
    (Kind::UnknownStep, "--only or --skip matches no step"),
    (Kind::Invalid, "a value makes no sense"),
    (Kind::Unreachable, "a host does not answer"),
    (Kind::Authentication, "a host refuses the login"),
    (Kind::HostKey, "a host's SSH key is unknown or has changed"),
    (Kind::Privilege, "the login user cannot become root"),
    (Kind::UnknownOs, "a host's operating system is unknown"),
    (Kind::Lost, "a connection was lost, and with it the outcome"),
    (Kind::Held, "another slipway is at work on a host"),
    (Kind::Preflight, "preflight found what would go wrong"),
    (Kind::Step, "a step failed"),
    (Kind::Verify, "the cluster does not work as it should"),
    (Kind::Leftovers, "after a reset, something is still there"),
    (Kind::Internal, "a defect of slipway"),
    (Kind::Interrupted, "interrupted: Ctrl-C, SIGTERM, SIGHUP"),
];

/// The list of exit codes that stands below the help.
pub(super) fn help() -> String {
    let mut help = "Exit codes:\n    0  done, or nothing to do".to_owned();
    for (kind, meaning) in MEANINGS {
        // A String takes all that is written to it.
        let _ = write!(help, "\n  {:>3}  {meaning}", kind.exit_code());
    }
    help
}
