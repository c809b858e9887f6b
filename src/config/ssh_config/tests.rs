use super::*;
use crate::config::{HostKeys, new::Host};

#[test]
fn vagrants_output_is_read() {
    let text = include_str!("../../../tests/config/vagrant.ssh_config");
    let host = |name: &str, port, key: &str| Host {
        name: name.into(),
        address: Some("127.0.0.1".into()),
        user: Some("vagrant".into()),
        port: Some(port),
        keys: vec![key.into()],
        accept_new: true,
        ..Host::default()
    };
    let expected = [
        host("cp1", 2222, "/home/me/my lab/.vagrant/machines/cp1/virtualbox/private_key"),
        host("node1", 2200, "C:/Users/me/.vagrant/machines/node1/virtualbox/private_key"),
    ];
    assert_eq!(parse(text).unwrap(), expected);
}

/// As Vagrant writes it on Windows, in WSL and on a Mac.
#[test]
fn odd_quoting_is_read() {
    for (written, key) in [
        (r#""C:/Users/My Name/.vagrant/private_key""#, "C:/Users/My Name/.vagrant/private_key"),
        (r#""C:\Users\My Name\.vagrant\private_key""#, r"C:\Users\My Name\.vagrant\private_key"),
        (r"'/mnt/c/My Lab/private_key'", "/mnt/c/My Lab/private_key"),
        (r"/Users/me/My\ Lab/private_key", "/Users/me/My Lab/private_key"),
        (r#"="/Users/me/My Lab/private_key""#, "/Users/me/My Lab/private_key"),
    ] {
        let text = format!("Host a\r\n  HostName 127.0.0.1\r\n  IdentityFile {written}\r\n");
        assert_eq!(parse(&text).unwrap()[0].keys, [key], "{written}");
    }
}

#[test]
fn checking_and_defaults_are_kept() {
    let text = "Host a\n HostName=192.0.2.1\nStrictHostKeyChecking yes\nUserKnownHostsFile \"/k h\"\r\n\nHost b\nPort 1\nHost *\nPort 2\nUser me\n";
    let hosts = parse(text).unwrap();
    assert_eq!((hosts[0].known_hosts.as_deref(), hosts[0].accept_new), (Some("/k h"), false));
    let ports: Vec<_> = hosts.iter().map(|host| (host.name.as_str(), host.port, host.user.as_deref())).collect();
    assert_eq!(ports, [("a", Some(2), Some("me")), ("b", Some(1), Some("me"))]);
    assert_eq!(hosts[1].address.as_deref(), Some("b"));
}

#[test]
fn several_names_patterns_and_jump_hosts_are_imported() {
    let text = "Host a b !c d*\nUser me\nProxyJump gate,you@10.0.0.9:23\nHost gate\nHostName 192.0.2.1\nPort 2222\nUser jumper\n";
    let hosts = parse(text).unwrap();
    let said: Vec<_> = hosts.iter().map(|host| (host.name.as_str(), host.jump.as_deref())).collect();
    let way = "jumper@192.0.2.1:2222,you@10.0.0.9:23";
    assert_eq!(said, [("a", Some(way)), ("b", Some(way)), ("gate", None)]);
}

#[test]
fn what_can_not_be_followed_is_refused_with_its_line() {
    for (text, kind, what) in [
        ("", Kind::Invalid, "the ssh configuration has no Host"),
        ("Host *\nPort 1\n", Kind::Invalid, "the ssh configuration has no Host"),
        ("Host a\nPort x\n", Kind::Syntax, "ssh configuration:2: \"x\" is no port"),
        (
            "Host a\n\nProxyCommand nc %h %p\n",
            Kind::Invalid,
            "ssh configuration:3: a is behind a ProxyCommand, which slipway does not run",
        ),
        ("Host a\nIdentityFile \"/x\n", Kind::Syntax, "ssh configuration:2: a quote without its end in \"\\\"/x\""),
        ("Host\n", Kind::Syntax, "ssh configuration:1: \"host\" has no value"),
        ("Host a\nIdentityFile %C\n", Kind::Invalid, "ssh configuration:2: slipway does not know what %C in \"%C\" stands for"),
        ("Host a\nUser $(id)\n", Kind::Syntax, "ssh configuration:2: \"$(id)\" is no user name"),
        ("Host a\nHostName a;b\n", Kind::Syntax, "ssh configuration:2: \"a;b\" is no address"),
        ("Host a\nProxyJump -x\n", Kind::Syntax, "ssh configuration:2: \"-x\" is no jump host"),
        ("Match host\nPort 1\nHost a\n", Kind::Syntax, "ssh configuration:1: Match host does not say which"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!((error.kind, error.what.as_str()), (kind, what));
        assert_eq!(error.hints.len(), 1);
    }
}

#[test]
fn nothing_that_a_cluster_file_can_not_say_is_dropped() {
    let can_not = "which a cluster file can not say";
    for (text, what) in [
        ("Host a\nHostKeyAlias b\n", format!("a has HostKeyAlias b, {can_not}")),
        ("Host a\nIdentityAgent /run/agent\n", format!("a has IdentityAgent /run/agent, {can_not}")),
        ("Host a\nIdentityFile none\n", format!("a has IdentityFile none, {can_not}")),
        ("Host a\nUserKnownHostsFile /a /b\n", format!("a has a second UserKnownHostsFile, /b, {can_not}")),
        ("Host a\nGlobalKnownHostsFile /g\n", format!("a has GlobalKnownHostsFile /g, {can_not}")),
        ("Host a\nProxyJump g\nHost g\nIdentityFile /k\n", format!("a and its jump host g differ in IdentityFile, {can_not}")),
        (
            "Host a\nProxyJump g\nHost g\nUserKnownHostsFile /k\n",
            format!("a and its jump host g differ in UserKnownHostsFile, {can_not}"),
        ),
        (
            "Host a\nMatch host a exec true\nPort 23\n",
            "ssh configuration:2: slipway can not judge `Match exec`; what stands below it is passed over".into(),
        ),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.what, what);
        assert_eq!(error.hints, ["leave the file where it is, and name it there: ssh_config = \"FILE\" under [ssh]"]);
    }
    // What holds for both alike can be said, and so can an agent that is not to be asked.
    let text =
        "Host a\nIdentityAgent none\nProxyJump g\nHost *\nIdentityFile /k\nIdentityAgent none\nGlobalKnownHostsFile /dev/null\n";
    let host = &parse(text).unwrap()[0];
    assert_eq!((host.keys.as_slice(), host.agent, host.jump.as_deref()), (["/k".to_owned()].as_slice(), Some(false), Some("g")));
}

#[test]
fn jump_hosts_behind_jump_hosts_are_written_out() {
    let text = "Host a\nProxyJump in,last\nHost in\nHostName 192.0.2.2\nProxyJump me@out:23\nHost out\nHostName 192.0.2.1\n\
                Host last\nProxyJump never\n";
    assert_eq!(parse(text).unwrap()[0].jump.as_deref(), Some("me@192.0.2.1:23,192.0.2.2,last"));
    let error = parse("Host a\nProxyJump b\nHost b\nProxyJump a\n").unwrap_err();
    assert!(error.what.ends_with("has more than 8 jump hosts, or goes in a circle"), "{error}");
}

fn found(text: &str, host: &str) -> Found {
    SshConfig::parse(text, "config").unwrap().lookup(host, Said::default(), false).unwrap()
}

#[test]
fn the_first_value_wins_and_patterns_choose() {
    let text =
        "User first\nHost web* !web9\n User second\n Port 1\n IdentityFile ~/.ssh/web\nHost *\n Port 2\n IdentityFile /all\n";
    let web1 = found(text, "web1");
    assert_eq!((web1.user.as_deref(), web1.port), (Some("first"), Some(1)));
    assert_eq!(web1.keys.unwrap(), ["~/.ssh/web", "/all"]);
    let web9 = found(text, "web9");
    assert_eq!((web9.port, web9.keys.unwrap()), (Some(2), vec!["/all".to_owned()]));
}

#[test]
fn tokens_are_filled_in() {
    let text = "Host a\nHostName %h.example.com\nUser me\nPort 23\nIdentityFile %d/%n-%h-%r-%p-%%\nHostKeyAlias alias-%n\nIdentityFile ${PATH}\n";
    let found = found(text, "a");
    let home = env::home_dir().unwrap();
    assert_eq!(found.hostname.as_deref(), Some("a.example.com"));
    assert_eq!(found.alias.as_deref(), Some("alias-a"));
    assert_eq!(found.keys.unwrap(), [format!("{}/a-a.example.com-me-23-%", home.display()), env::var("PATH").unwrap()]);
}

#[test]
fn matches_that_can_be_judged_are_and_others_are_passed_over_with_a_note() {
    let text = "Host a\nHostName 10.0.0.1\nMatch host 10.0.0.*\nPort 1\nMatch originalhost a user root\nUser me\n\
                Match all\nIdentityFile /all\nMatch !originalhost a\nIdentityFile /never\n\
                Match exec \"true\"\nIdentityFile /exec\nMatch host b exec \"true\"\nIdentityFile /b\n";
    let found = found(text, "a");
    assert_eq!((found.port, found.user.as_deref(), found.keys.unwrap()), (Some(1), Some("me"), vec!["/all".to_owned()]));
    assert_eq!(found.notes, ["config:11: slipway can not judge `Match exec`; what stands below it is passed over"]);
}

#[test]
fn a_match_sees_the_host_name_with_its_tokens_filled_in_and_jump_hosts_have_tokens_too() {
    let text = "Host web\nHostName %h.example.com\nPort 23\nUser me\nMatch host web.example.com\nProxyJump %r@gate-%n.%h:%p\n\
                Match host %h.example.com\nHostKeyAlias never\n";
    let found = found(text, "web");
    let spec = Spec { user: Some("me".into()), host: "gate-web.web.example.com".into(), port: Some(23) };
    assert_eq!((found.jump, found.alias), (Some(vec![spec]), None));
}

#[test]
fn a_match_that_can_not_be_judged_is_no_news_where_nothing_below_it_counts() {
    assert!(found("Match final all\nGSSAPIAuthentication yes\n", "a").notes.is_empty());
    assert_eq!(found("Match final all\nUser me\n", "a").notes.len(), 1);
}

/// A directory with the ssh configurations of a user and of a system, gone with the test.
struct Files(Usual, PathBuf);

impl Files {
    fn of(name: &str, user: &str, system: &str) -> Self {
        let dir = env::temp_dir().join(format!("slipway-usual-{name}-{}", std::process::id()));
        fs::create_dir_all(dir.join("etc/ssh_config.d")).unwrap();
        fs::write(dir.join("config"), user).unwrap();
        fs::write(dir.join("etc/ssh_config"), system).unwrap();
        Self(Usual { user: Some(dir.join("config")), system: dir.join("etc/ssh_config") }, dir)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.1).unwrap();
    }
}

#[test]
fn the_systems_file_counts_after_the_users() {
    let files = Files::of("both", "Host a\nUser mine\n", "Include ssh_config.d/*.conf\nHost *\nUser theirs\nPort 23\n");
    fs::write(files.1.join("etc/ssh_config.d/10-alias.conf"), "Host a b\nHostKeyAlias included\n").unwrap();
    let look = |files: &Usual, host: &str| {
        let found = SshConfig::usual(files).unwrap().lookup(host, Said::default(), false).unwrap();
        (found.user, found.port, found.alias)
    };
    assert_eq!(look(&files.0, "a"), (Some("mine".into()), Some(23), Some("included".into())));
    assert_eq!(look(&files.0, "c"), (Some("theirs".into()), Some(23), None));
    let system = files.0.system.clone();
    assert_eq!(look(&Usual { user: None, system }, "a").0, Some("theirs".into()));
    let nowhere = || "/nowhere/config".into();
    assert_eq!(look(&Usual { user: Some(nowhere()), system: nowhere() }, "a"), (None, None, None));
}

#[test]
fn a_proxy_command_of_the_system_is_passed_over_with_a_note() {
    let system =
        "Host *\nGlobalKnownHostsFile /var/lib/sss/pubconf/known_hosts\nProxyCommand lookup %h\nHost b\nProxyJump gate\n";
    let files = Files::of("command", "Host c\nProxyCommand nc %h %p\nHost d\nProxyJump gate\n", system);
    let config = SshConfig::usual(&files.0).unwrap();
    let look = |host: &str, own_jump| config.lookup(host, Said::default(), own_jump);
    let found = look("a", false).unwrap();
    assert_eq!(found.global_known_hosts.unwrap(), ["/var/lib/sss/pubconf/known_hosts"]);
    let note = format!("{}:3: slipway does not run the system's ProxyCommand", files.0.system.display());
    assert_eq!((found.notes, found.jump), (vec![note], None));
    assert_eq!(look("b", false).unwrap().jump.unwrap().len(), 1);
    assert!(look("c", false).unwrap_err().what.ends_with("config:2: c is behind a ProxyCommand, which slipway does not run"));
    assert!(look("d", false).unwrap().notes.is_empty() && look("a", true).unwrap().notes.is_empty());
}

/// As `ssh -F`.
#[test]
fn a_cluster_file_that_names_a_configuration_does_without_the_systems() {
    let files = Files::of("named", "Port 23\n", "User theirs\n");
    fs::write(files.1.join("own"), "Port 24\n").unwrap();
    let way = |ssh: &str| {
        let text = format!(
            "[cluster]\nname = \"lab\"\nkubernetes = \"1.34\"\n[ssh]\n{ssh}\n[[host]]\nname = \"cp1\"\naddress = \"192.0.2.11\"\n\
             role = \"control-plane\"\n"
        );
        let source = crate::config::source::Source::unnamed(&text);
        let cluster = crate::config::check::cluster(&source, &files.1, Some(&files.0)).unwrap();
        let crate::config::Reach::Ssh(ssh) = &cluster.hosts[0].reach else { panic!("it is local") };
        (ssh.user.clone(), ssh.port)
    };
    assert_eq!(way(""), ("theirs".into(), 23));
    assert_eq!(way("ssh_config = \"own\""), ("root".into(), 24));
    assert_eq!(way("ssh_config = \"none\""), ("root".into(), 22));
}

#[test]
fn a_proxy_command_ends_it_unless_there_is_another_way() {
    let text =
        "Host a\nProxyCommand nc %h %p\nProxyJump gate\nHost b\nProxyCommand none\nProxyJump gate\nHost *\nProxyJump gate\n";
    let config = SshConfig::parse(text, "config").unwrap();
    assert!(config.lookup("a", Said::default(), false).is_err());
    assert!(config.lookup("a", Said::default(), true).is_ok());
    assert_eq!(config.lookup("b", Said::default(), false).unwrap().jump, Some(vec![]));
    assert_eq!(config.lookup("gate", Said::default(), false).unwrap().jump, Some(vec![]), "it is not behind itself");
    assert_eq!(config.lookup("c", Said::default(), false).unwrap().jump.unwrap().len(), 1);
}

#[test]
fn files_are_included_where_they_are_named_and_under_its_conditions() {
    let home = env::temp_dir().join(format!("slipway-include-{}", std::process::id()));
    fs::create_dir_all(home.join(".ssh/conf.d")).unwrap();
    fs::write(home.join(".ssh/conf.d/10-a"), "Host a\nPort 1\nHost *\nUser included\n").unwrap();
    fs::write(home.join(".ssh/conf.d/20-b"), "Port 2\nInclude ~/deeper\n").unwrap();
    fs::write(home.join("deeper"), "HostKeyAlias deep\n").unwrap();
    fs::write(home.join(".ssh/circle"), "Include circle\n").unwrap();
    let read = |text: &str| read::text(text, "config", &home).map(|blocks| SshConfig { blocks, home: home.clone() });
    let config = read("Host a b\nInclude conf.d/* nowhere/*\nPort 3\nHost c\nPort 4\n").unwrap();
    let look = |host: &str| {
        let found = config.lookup(host, Said::default(), false).unwrap();
        (found.port, found.user, found.alias)
    };
    assert_eq!(look("a"), (Some(1), Some("included".into()), Some("deep".into())));
    assert_eq!(look("b"), (Some(2), Some("included".into()), Some("deep".into())));
    assert_eq!(look("c"), (Some(4), None, None), "an include in a Host block holds for that host alone");
    let circle = read("Include circle\n").unwrap_err();
    fs::remove_dir_all(&home).unwrap();
    assert!(circle.what.ends_with("files include each other more than 16 deep"), "{circle}");
}

#[test]
fn quotes_count_only_where_ssh_splits_words_and_slipway_follows() {
    let text =
        "Host a\nLocalCommand echo it's here\nRemoteCommand echo \"x\nSetEnv A='\nTag\nUser me\nHost b\nProxyCommand nc '%h\n";
    assert_eq!(found(text, "a").user.as_deref(), Some("me"));
    let error = SshConfig::parse(text, "config").unwrap().lookup("b", Said::default(), false).unwrap_err();
    assert_eq!(error.what, "config:8: b is behind a ProxyCommand, which slipway does not run");
}

#[test]
fn words_are_taken_as_ssh_takes_them() {
    for (yes, is_yes) in [("yes", true), ("TRUE", true), ("no", false), ("false", false)] {
        assert_eq!(found(&format!("IdentitiesOnly {yes}\n"), "a").identities_only, is_yes, "{yes}");
    }
    assert_eq!(found("StrictHostKeyChecking false\n", "a").host_keys, Some(HostKeys::AcceptNew));
    let text = "Match host WEB.example.com originalhost web.EXAMPLE.com\nPort 1\nMatch user ROOT\nUser never\n";
    assert_eq!((found(text, "Web.Example.Com").port, found(text, "a").user), (Some(1), None));
    assert_eq!(found("IdentityFile none\n", "a").keys, Some(vec![]));
}

#[test]
fn revoked_keys_are_not_passed_over() {
    let text = "Host a\nRevokedHostKeys ~/revoked \"/more %h\"\nRevokedHostKeys /never\nHost b\nRevokedHostKeys none\n";
    assert_eq!(found(text, "a").revoked_host_keys, ["~/revoked", "/more a"]);
    assert!(found(text, "b").revoked_host_keys.is_empty());
    let error = parse(text).unwrap_err();
    assert_eq!(error.what, "a has RevokedHostKeys ~/revoked, which a cluster file can not say");
}
