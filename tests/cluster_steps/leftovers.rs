//! Whose the things on a host are: the reset's shell with programs of a made-up host.

use super::fixture::*;
use slipway::{
    phase::reset,
    profile::{Knowledge, Profiles},
};

/// Runs functions of the reset's inventory behind these doubles; what they print.
fn ask(doubles: &str, call: &str) -> String {
    let knowledge = Knowledge::of(&Profiles::load(None).expect("the embedded profiles"));
    let text = reset::listing(&knowledge, true);
    let functions = text.trim_end().strip_suffix("list_all").expect("the call stands last");
    let head = "have() { command -v \"$1\" >/dev/null; }\none_line() { printf '%s' \"$*\"; }\ntimeout() { shift; \"$@\"; }\nSTATE=/nowhere RUN=/nowhere\n";
    let (code, said) = sh(&[], &format!("{head}{functions}\n{doubles}\n{call}\n"));
    assert_eq!(code, Some(0), "{said}");
    said
}

/// Raw findings through `attribute`: `KIND OWNER WHAT` of each.
fn owners(findings: &[(&str, &str)]) -> Vec<String> {
    let names: String = findings.iter().map(|(kind, name)| format!("printf '%s\\n' '{name}' | known {kind} name\n")).collect();
    let said = ask("", &format!("{{\n{names}}} | attribute"));
    said.lines()
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .map(|fields| format!("{} {} {}", fields[0], fields[1], fields[4]))
        .collect()
}

#[test]
fn a_thing_of_several_owners_is_that_ones_who_explains_the_rest() {
    let veth = ("link", "cali0123456789a");
    let chain = ("chain", "cali-FORWARD");
    assert_eq!(
        owners(&[veth, chain, ("file", "/etc/cni/net.d/10-calico.conflist")])[..2],
        ["link calico cali0123456789a", "chain calico cali-FORWARD"]
    );
    // Both parts of canal, with and without the one file that only canal has; and calico after flannel, which is no canal.
    let both = [veth, chain, ("link", "flannel.1"), ("chain", "FLANNEL-FWD")];
    let canal = ["link canal cali0123456789a", "chain canal cali-FORWARD", "link canal flannel.1", "chain canal FLANNEL-FWD"];
    assert_eq!(owners(&both), canal);
    assert_eq!(owners(&[&both[..], &[("file", "/etc/cni/net.d/10-canal.conflist")]].concat())[..4], canal);
    let changed =
        [&both[..], &[("file", "/etc/cni/net.d/10-calico.conflist"), ("file", "/etc/cni/net.d/10-flannel.conflist")]].concat();
    assert_eq!(
        owners(&changed)[..4],
        ["link calico cali0123456789a", "chain calico cali-FORWARD", "link flannel flannel.1", "chain flannel FLANNEL-FWD"]
    );
    // With nothing else to go by, who leaves least besides.
    assert_eq!(owners(&[("link", "flannel.1")]), ["link flannel flannel.1"]);
    // A longer name says more than a shorter one.
    assert_eq!(
        owners(&[("chain", "KUBE-ROUTER-INPUT"), ("chain", "KUBE-FIREWALL"), ("chain", "KUBE-SVC-X")]),
        ["chain kube-router KUBE-ROUTER-INPUT", "chain kubelet KUBE-FIREWALL", "chain kube-proxy KUBE-SVC-X"]
    );
}

#[test]
fn names_of_others_that_look_alike_are_nobodys() {
    let strangers = [
        ("link", "lxcbr0"),
        ("link", "califragilistic"),
        ("link", "tun-home"),
        ("link", "weaver"),
        ("chain", "MY-KUBE-CHAIN"),
        ("chain", "calico-dhcp-x"),
        ("chain", "DOCKER-USER"),
        ("chain", "WEAVER"),
        ("ipset", "my-cali40"),
        ("nft-table", "inet filter"),
        ("nft-table", "ip kube-proxy-mine"),
        ("comment", "see cali: the ticket"),
    ];
    assert_eq!(owners(&strangers), Vec::<String>::new());
}

#[test]
fn routing_tables_are_a_cnis_only_where_more_of_it_is() {
    let ip = |link: &str| {
        format!(
            "ip() {{ case \"$*\" in '-o link show') echo '5: {link}: <UP> mtu 1500' ;; '-4 rule show') \
             printf '0:\\tfrom all lookup local\\n9:\\tfrom all fwmark 0x200/0xf00 lookup 2004\\n' ;; \
             '-4 -o route show table 2004') echo 'local default dev lo scope host' ;; *) : ;; esac; }}\nhave() {{ false; }}"
        )
    };
    let call = "here=$(owners_here)\n{ find_policy_rules; find_routes; } | attribute";
    assert_eq!(ask(&ip("eth0"), call), "");
    assert_eq!(
        ask(&ip("cilium_host"), call),
        "policy-rule\tcilium\tgoes\trule from all fwmark 0x200/0xf00 lookup 2004*\t-4 pref 9 from all fwmark 0x200/0xf00 lookup 2004\n\
         route\tcilium\tgoes\ttable 2004\t-4 local default dev lo scope host table 2004\n"
    );
}

#[test]
fn rules_in_chains_of_the_hosts_own_are_known_by_set_comment_and_link() {
    let rules = "\
*filter
:FORWARD ACCEPT [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o weave -j DROP
-A FORWARD -i weave0 -j DROP
-A FORWARD -m comment --comment \"behind -i weave it says\" -j DROP
-A FORWARD -m set --match-set ovn40subnets src -j ACCEPT
-A FORWARD -m comment --comment \"cali:abcdef\" -m mark --mark 0x10000/0x10000 -j ACCEPT
-A FORWARD -m comment --comment \"my cali: rule\" -j ACCEPT
COMMIT
";
    let doubles = format!("timeout() {{ cat <<'END'\n{rules}END\n}}");
    let said = ask(&doubles, "scan_rules iptables list | attribute | cut -f 2,5");
    assert_eq!(
        said,
        "weave\tiptables filter FORWARD -o weave -j DROP\n\
         kube-ovn\tiptables filter FORWARD -m set --match-set ovn40subnets src -j ACCEPT\n\
         calico\tiptables filter FORWARD -m comment --comment \"cali:abcdef\" -m mark --mark 0x10000/0x10000 -j ACCEPT\n"
    );
}

#[test]
fn a_virtual_address_is_told_by_the_manifest_of_its_pod() {
    let directory = std::env::temp_dir().join(format!("slipway-test-vip-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let manifest = "spec:\n  containers:\n  - env:\n    - name: vip_arp\n      value: \"true\"\n    - name: address\n      value: 192.0.2.100\n";
    std::fs::write(directory.join("kube-vip.yaml"), manifest).expect("written");
    let knowledge =
        format!("knowledge=$(printf '%s\\n' \"$knowledge\" | sed 's@/etc/kubernetes/manifests@{}@g')", directory.display());
    let ip = "ip() { [ \"$*\" != '-o addr show to 192.0.2.100' ] || echo '2: eth0    inet 192.0.2.100/32 scope global eth0'; }";
    let said = ask(&format!("{knowledge}\n{ip}"), "find_addresses | attribute | cut -f 1,2,5");
    std::fs::remove_dir_all(&directory).expect("it is ours");
    assert_eq!(said, "address\tkube-vip\t192.0.2.100/32 dev eth0\n");
}
