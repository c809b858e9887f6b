//! The command line reads what its help says.

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};

use super::{exit_codes::MEANINGS, *};
use crate::config::Role;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("slipway").chain(line.split_whitespace()))
}

#[test]
fn the_definitions_hold_together() {
    Cli::command().debug_assert();
}

#[test]
fn global_flags_stand_anywhere() {
    for line in ["-c lab.toml --only a/b,c --skip d plan --diff", "plan --diff --cluster lab.toml --only a/b --only c --skip d"] {
        let cli = parse(line).unwrap();
        assert_eq!(cli.global.cluster, PathBuf::from("lab.toml"), "{line}");
        assert_eq!((cli.global.only, cli.global.skip), (vec!["a/b".into(), "c".into()], vec!["d".into()]), "{line}");
        assert!(matches!(cli.command, Command::Plan(Plan { diff: true })), "{line}");
    }
    let cli = parse("up").unwrap();
    assert_eq!((cli.global.cluster, cli.global.concurrency.get()), (PathBuf::from("cluster.toml"), 32));
    assert_eq!((cli.global.output, cli.global.verbose, cli.global.accept_new_host_keys), (Output::Text, false, false));
}

#[test]
fn new_needs_hosts_from_somewhere() {
    let Command::New(new) = parse("new --host a=me@192.0.2.1:2222:worker --host b=local --ssh-config -").unwrap().command else {
        panic!("not new");
    };
    assert_eq!((new.host[0].role, new.host[0].port, new.host[1].address.as_deref()), (Some(Role::Worker), Some(2222), None));
    assert_eq!(parse("new --name lab").unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
    assert!(parse("new --ssh-config -").is_ok());
    let error = parse("new --host a=fd00::1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ValueValidation);
    assert!(error.to_string().contains("\"\" is neither a port nor a role here; write NAME=[USER@]ADDRESS"), "{error}");
}

#[test]
fn commands_take_their_arguments() {
    let Command::Reset(reset) = parse("reset node1 node2 --yes --purge").unwrap().command else { panic!("not reset") };
    assert_eq!((reset.whom.nodes, reset.yes, reset.purge), (vec!["node1".into(), "node2".into()], true, true));
    assert_eq!((reset.backup, reset.force), (None, false));
    let Command::Reset(reset) = parse("reset --backup kept --force").unwrap().command else { panic!("not reset") };
    assert_eq!((reset.backup, reset.force, reset.yes), (Some(PathBuf::from("kept")), true, false));
    let Command::Repair(repair) = parse("repair node2 --yes --backup kept").unwrap().command else { panic!("not repair") };
    assert_eq!((repair.node.as_str(), repair.yes, repair.backup), ("node2", true, Some(PathBuf::from("kept"))));
    let Command::Render(render) = parse("render checks --phase install").unwrap().command else { panic!("not render") };
    assert_eq!((render.form, render.host.as_str(), render.phase.as_deref()), (Form::Checks, "all", Some("install")));
    for bad in [
        "render script node1 --phase nonsense",
        "kubeconfig --merge --out x",
        "repair",
        "repair node1 node2",
        "repair node1 --force",
        "up --concurrency 0",
        "up --output yaml",
        "frobnicate",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn hosts_need_no_cluster_file() {
    let line = "reset --host me@192.0.2.1 --host [fd00::1]:2222 --local --user ubuntu --key id -y --keep-packages";
    let Command::Reset(reset) = parse(line).unwrap().command else { panic!("not reset") };
    assert_eq!((reset.whom.host.len(), reset.whom.local, reset.keep_packages, reset.purge), (2, true, true, false));
    assert_eq!((reset.whom.user.as_deref(), reset.whom.key), (Some("ubuntu"), vec!["id".to_owned()]));
    let Command::Leftovers(leftovers) = parse("leftovers node1 --keep-packages").unwrap().command else {
        panic!("not leftovers")
    };
    assert_eq!((leftovers.whom.nodes, leftovers.keep_packages), (vec!["node1".to_owned()], true));
    let Command::Render(render) = parse("render reset-script --purge").unwrap().command else { panic!("not render") };
    assert_eq!((render.form, render.purge), (Form::ResetScript, true));
    for bad in [
        "reset node1 --local",
        "reset node1 --host 192.0.2.1",
        "reset --purge --keep-packages",
        "reset --user me",
        "reset --local --key id",
        "leftovers --host cp1=192.0.2.1",
        "leftovers --host 192.0.2.1:worker",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn every_exit_code_but_success_is_in_the_help() {
    let help = Cli::command().render_long_help().to_string();
    let listed: Vec<&str> =
        help.split("Exit codes:").nth(1).unwrap().lines().filter_map(|line| line.split_whitespace().next()).collect();
    let codes: Vec<String> = MEANINGS.iter().map(|(kind, _)| kind.exit_code().to_string()).collect();
    assert_eq!(listed[0], "0");
    assert_eq!(listed[1..], codes);
    assert!(codes.len() == 23 && codes.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn every_argument_is_explained() {
    for command in Cli::command().get_subcommands() {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        for argument in command.get_arguments().filter(|argument| argument.get_id() != "shell") {
            assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
        }
    }
}

#[test]
fn completions_know_the_commands() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let script = completions(shell);
        assert!(script.contains("kubeconfig") && script.contains("accept-new-host-keys"), "{shell}");
    }
}

#[test]
fn runs_are_named_or_the_last_one_is_meant() {
    assert!(matches!(parse("runs").unwrap().command, Command::Runs(Runs { command: None })));
    for (line, wanted) in [("runs show", "last"), ("runs show 3f9a -v --output json", "3f9a")] {
        let Command::Runs(Runs { command: Some(RunsCommand::Show { run }) }) = parse(line).unwrap().command else {
            panic!("not show: {line}");
        };
        assert_eq!(run, wanted);
    }
    let Command::Report(report) = parse("report --to a.html").unwrap().command else { panic!("not report") };
    assert_eq!((report.run.as_str(), report.to), ("last", Some(PathBuf::from("a.html"))));
    assert!(parse("runs 3f9a").is_err() && parse("report a b").is_err());
}

#[test]
fn a_command_goes_by_the_name_that_is_typed() {
    for name in Cli::command().get_subcommands().map(|command| command.get_name().to_owned()) {
        let rest = match name.as_str() {
            "new" => " --host a=b",
            "repair" => " a",
            "known-hosts" => " forget a",
            "render" => " dot",
            "completions" => " bash",
            _ => "",
        };
        assert_eq!(parse(&format!("{name}{rest}")).unwrap().command.name(), name);
    }
}

#[test]
fn host_keys_are_forgotten_by_name() {
    let Command::KnownHosts(KnownHosts::Forget { nodes }) = parse("known-hosts forget a b -c lab.toml").unwrap().command else {
        panic!("not forget");
    };
    assert_eq!(nodes, ["a", "b"]);
    assert_eq!(parse("known-hosts forget").unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
}
