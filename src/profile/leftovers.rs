//! What a component leaves on a host, as data: names, prefixes, comments and paths by which its things are known.

use std::fmt::Write as _;

use serde::Deserialize;

use super::{Changes, Profiles};
use crate::lower::quote;

/// A component of a node that is neither a CNI nor a runtime: the kubelet, kube-proxy, kube-vip, ...
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentProfile {
    pub name: String,
    /// One sentence for people.
    pub about: String,
    pub leftovers: Leftovers,
    #[serde(default)]
    pub changes: Changes,
}

/// What is found on a host when its owner is gone. Lists of names are globs of the shell (`*`, `?`, `[...]`).
///
/// Where several owners know a name, the longest text without wildcards wins; see `attribute` in the reset's shell for the rest.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Leftovers {
    /// Network links.
    pub links: Vec<String>,
    /// Links of the kernel's own, which can not be deleted: they lose their /32 and /128 addresses and go down.
    pub emptied_links: Vec<String>,
    /// Links whose addresses are those of virtual servers (IPVS), which go with them.
    pub virtual_server_links: Vec<String>,
    /// Addresses on the host's own links that static pods put there.
    pub addresses: Vec<Addresses>,
    /// Protocols of routes, by name or number (ip-route(8), `proto`; rtnetlink(7)).
    pub route_protocols: Vec<String>,
    /// Files that name a network: routes through gateways into it are the owner's, though they carry no sign of their own.
    pub routed_networks: Vec<RoutedNetwork>,
    /// Routing tables that are wholly the owner's, by number.
    pub route_tables: Vec<String>,
    /// Policy routing rules, as `ip rule` prints them behind the priority.
    pub policy_rules: Vec<String>,
    /// The priority to which the rule `from all lookup local`, which the kernel has at 0, was moved: it goes back.
    pub local_rule_priority: Option<u32>,
    /// iptables chains, v4 and v6, of either back end. A rule elsewhere that leads to one goes with it.
    pub chains: Vec<String>,
    /// Comments of rules in somebody else's chains.
    pub comments: Vec<String>,
    /// Links that rules in somebody else's chains name with `-i` or `-o`.
    pub rule_links: Vec<String>,
    /// Names of CNI networks (`name` in the CNI configuration): the plugins' addresses, results and port mappings go by it.
    pub networks: Vec<String>,
    /// Rules that ask one of these sets go with it.
    pub ipsets: Vec<String>,
    /// nftables tables, as `family name`.
    pub nft_tables: Vec<String>,
    /// BPF programs on links (tc, XDP) and on the cgroup root, by name.
    pub bpf_programs: Vec<String>,
    /// Paths on a BPF file system.
    pub bpf_pins: Vec<String>,
    /// Network namespaces, by their name in /run/netns.
    pub namespaces: Vec<String>,
    /// Control groups, by their path below the root of a hierarchy.
    pub cgroups: Vec<String>,
    /// Mount points. Those below `files` need not be here.
    pub mounts: Vec<String>,
    /// Files and directories. Directories go with all that is in them.
    pub files: Vec<String>,
    /// Directories of which only the contents go: they may be disks, or links to one.
    pub emptied_directories: Vec<String>,
    /// Lines in files of the host's: they are taken out of them.
    pub lines: Vec<Lines>,
    /// Files that others may need, or that the owner did not make: listed, and never taken.
    pub kept_files: Vec<String>,
    /// Files of others that the owner renamed, by the suffix that it gave them: they get their names back.
    pub renamed: Vec<String>,
    /// systemd units.
    pub units: Vec<String>,
    /// Names of packages. They are taken only if slipway brought them.
    pub packages: Vec<String>,
    /// Package repositories, by an extended regular expression for a line of their file. They are taken only if slipway brought them.
    pub repositories: Vec<String>,
    /// What is somebody else's as long as a process of this name runs on the host itself, outside of all pods.
    pub contested: Vec<Contested>,
}

/// The addresses that a static pod puts on a link of the host's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Addresses {
    /// Its manifest, as a glob.
    pub manifest: String,
    /// The environment variable in it whose value is the address.
    pub variable: String,
}

/// A network that a component's file names, as `VARIABLE=NETWORK[,NETWORK]...` on a line.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutedNetwork {
    pub file: String,
    pub variable: String,
}

/// Lines in a file that is not the owner's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    pub file: String,
    /// The whole line, as an extended regular expression.
    pub line: String,
}

/// See [`Leftovers::contested`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contested {
    pub process: String,
    /// What these things are is certain although nothing else of the owner is there any more.
    #[serde(default)]
    pub alone: bool,
    pub things: Leftovers,
}

/// Everybody's leftovers together: a reset asks the host, not a configuration, what was there.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    owners: Vec<(String, Leftovers)>,
    /// Shell that lists pods, and shell that ends them, of every runtime.
    pub list_pods: String,
    pub end_pods: String,
    /// Shell that has the runtimes delete what ended pods had.
    pub collect_pods: String,
}

impl Knowledge {
    #[must_use]
    pub fn of(profiles: &Profiles) -> Self {
        let components = profiles.components.iter().map(|each| (&each.name, &each.leftovers));
        let cnis = profiles.cnis.iter().map(|each| (&each.name, &each.leftovers));
        let runtimes = profiles.runtimes.iter().map(|each| (&each.name, &each.leftovers));
        Self {
            owners: components.chain(cnis).chain(runtimes).map(|(name, leftovers)| (name.clone(), leftovers.clone())).collect(),
            list_pods: profiles
                .runtimes
                .iter()
                .map(|each| format!("{{\n{}}} | of_runtime {}\n", each.pods.list.trim_start(), quote(&each.name)))
                .collect(),
            end_pods: profiles.runtimes.iter().map(|each| each.pods.end.trim_start()).collect(),
            collect_pods: profiles.runtimes.iter().map(|each| each.pods.collect.trim_start()).collect(),
        }
    }

    /// For the reset's shell: a line for each thing, `KIND OWNER WEIGHT ERE GLOB UNLESS ALONE` with tabs between. WEIGHT is how many letters
    /// of a glob are no wildcards, ERE is the glob as an extended regular expression for awk, UNLESS a process or `-`, ALONE `alone` or `-`.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = String::new();
        for (owner, leftovers) in &self.owners {
            rows(&mut table, owner, leftovers, "-\t-");
        }
        table
    }
}

fn rows(table: &mut String, owner: &str, leftovers: &Leftovers, unless: &str) {
    let globs: [(&str, &[String]); 23] = [
        ("link", &leftovers.links),
        ("emptied-link", &leftovers.emptied_links),
        ("virtual-server-link", &leftovers.virtual_server_links),
        ("route-protocol", &leftovers.route_protocols),
        ("route-table", &leftovers.route_tables),
        ("policy-rule", &leftovers.policy_rules),
        ("chain", &leftovers.chains),
        ("comment", &leftovers.comments),
        ("rule-link", &leftovers.rule_links),
        ("network", &leftovers.networks),
        ("ipset", &leftovers.ipsets),
        ("nft-table", &leftovers.nft_tables),
        ("bpf-program", &leftovers.bpf_programs),
        ("bpf-pin", &leftovers.bpf_pins),
        ("netns", &leftovers.namespaces),
        ("cgroup", &leftovers.cgroups),
        ("mount", &leftovers.mounts),
        ("file", &leftovers.files),
        ("emptied-directory", &leftovers.emptied_directories),
        ("kept-file", &leftovers.kept_files),
        ("renamed", &leftovers.renamed),
        ("unit", &leftovers.units),
        ("package", &leftovers.packages),
    ];
    for (kind, globs) in globs {
        for glob in globs {
            let _ = writeln!(table, "{kind}\t{owner}\t{}\t{}\t{glob}\t{unless}", weight(glob), ere(glob));
        }
    }
    if let Some(priority) = leftovers.local_rule_priority {
        let _ = writeln!(table, "local-rule\t{owner}\t0\t-\t{priority}\t{unless}");
    }
    for each in &leftovers.repositories {
        let _ = writeln!(table, "repository\t{owner}\t{}\t-\t{each}\t{unless}", each.len());
    }
    // What has two parts carries the second in the place of the expression.
    for Addresses { manifest, variable } in &leftovers.addresses {
        let _ = writeln!(table, "address\t{owner}\t0\t{variable}\t{manifest}\t{unless}");
    }
    for RoutedNetwork { file, variable } in &leftovers.routed_networks {
        let _ = writeln!(table, "routed-network\t{owner}\t0\t{variable}\t{file}\t{unless}");
    }
    for Lines { file, line } in &leftovers.lines {
        let _ = writeln!(table, "line\t{owner}\t0\t{line}\t{file}\t{unless}");
    }
    for Contested { process, alone, things } in &leftovers.contested {
        rows(table, owner, things, &format!("{process}\t{}", if *alone { "alone" } else { "-" }));
    }
}

/// How much of a name a glob says: the number of letters that stand for themselves.
fn weight(glob: &str) -> usize {
    let mut inside = false;
    glob.chars()
        .filter(|letter| {
            let counts = !inside && !matches!(letter, '*' | '?' | '[' | ']');
            inside = *letter == '[' || (inside && *letter != ']');
            counts
        })
        .count()
}

/// A glob as an extended regular expression for a whole text.
fn ere(glob: &str) -> String {
    let mut ere = String::from("^");
    for letter in glob.chars() {
        match letter {
            '*' => ere.push_str(".*"),
            '?' => ere.push('.'),
            '.' | '+' | '(' | ')' | '{' | '}' | '|' | '^' | '$' | '\\' => {
                ere.push('[');
                // Inside of brackets these two would mean something themselves.
                if matches!(letter, '^' | '\\') {
                    ere.pop();
                    ere.push('\\');
                    ere.push(letter);
                    continue;
                }
                ere.push(letter);
                ere.push(']');
            }
            _ => ere.push(letter),
        }
    }
    ere.push('$');
    ere
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_become_expressions_and_weigh_what_they_say() {
        assert_eq!(ere("flannel.*"), "^flannel[.].*$");
        assert_eq!(ere("cali[0-9]?"), "^cali[0-9].$");
        assert_eq!((weight("cali*"), weight("cni[0-9]x"), weight("vxlan.calico")), (4, 4, 12));
    }

    #[test]
    fn no_name_in_the_binary_is_so_short_that_it_takes_what_is_others() {
        let knowledge = Knowledge::of(&Profiles::load(None).expect("the embedded profiles"));
        let table = knowledge.table();
        assert!(table.contains("chain\tkube-proxy\t5\t^KUBE-.*$\tKUBE-*\t-\t-\n"), "{table}");
        let mut rows = 0;
        for row in table.lines() {
            let fields: Vec<&str> = row.split('\t').collect();
            let [kind, _, weight, _, glob, _, _] = fields[..] else { panic!("{row:?} has not seven fields") };
            assert!(fields.iter().all(|field| !field.is_empty()), "{row:?}");
            rows += 1;
            let least = match kind {
                "chain" | "comment" | "ipset" | "link" if glob.contains('*') => 3,
                "file" | "emptied-directory" | "mount" | "bpf-pin" => 8,
                _ => continue,
            };
            assert!(weight.parse::<usize>().expect("a number") >= least, "{row:?}");
        }
        assert!(rows > 100, "{rows}");
    }
}
