//! What is open in a firewall before slipway comes is open after it has gone, and nothing else.

use slipway::{
    config::Role,
    facts::Facts,
    step::{Check, Op, Undo},
};

use super::{
    super::{centos_machine, cluster, debian_container, steps},
    Root, find,
};

/// A firewall-cmd as of firewalld 0.9 and later: what is added to neighbours becomes one range with them, and part of a range can go.
const FIREWALL_CMD: &str = r#"#!/bin/sh
side=now
for word do
    case $word in
    --permanent) side=later ;;
    --zone=*) ;;
    --list-ports)
        sort -n "$HERE/$side" | awk '
            !count++ { first = last = $1; next }
            $1 == last + 1 { last = $1; next }
            { print first (first < last ? "-" last : "") "/tcp"; first = last = $1 }
            END { if (count) print first (first < last ? "-" last : "") "/tcp" }' | tr '\n' ' ' ;;
    --list-sources) tr '\n' ' ' <"$HERE/sources.$side" ;;
    --*-source=*)
        grep -Fxv "${word#*=}" "$HERE/sources.$side" >"$HERE/new"
        case $word in --add*) echo "${word#*=}" >>"$HERE/new" ;; esac
        mv "$HERE/new" "$HERE/sources.$side" ;;
    --*-port=*/tcp)
        range=${word#*=} range=${range%/tcp}
        seq "${range%-*}" "${range#*-}" >"$HERE/range"
        grep -Fxv -f "$HERE/range" "$HERE/$side" >"$HERE/new"
        case $word in --add*) cat "$HERE/range" >>"$HERE/new" ;; esac
        mv "$HERE/new" "$HERE/$side" ;;
    esac
done
exit 0
"#;

#[test]
fn firewalld_has_what_it_had_on_each_side_when_the_ports_are_closed() {
    // Ports of the running one, ports of the next start, networks of either.
    for (now, later, trusted) in [
        (vec![], vec![], ["", ""]),
        // Within an admin's range; and the two as one range.
        (vec![30000..=40000], vec![30000..=40000, 2379..=2379, 2380..=2380], ["", ""]),
        (vec![2379..=2379, 32767..=32768], vec![], ["10.244.0.0/16\n", ""]),
        (vec![], vec![6443..=6443, 10251..=10251, 2300..=2379], ["", "10.9.0.0/16\n10.244.0.0/16\n"]),
        // All of them, on one side only.
        (vec![1..=65535], vec![], ["10.244.0.0/16\n", ""]),
    ] {
        let lines = |ranges: Vec<std::ops::RangeInclusive<u32>>| -> String {
            ranges.into_iter().flatten().map(|port| format!("{port}\n")).collect()
        };
        let root = Root::new("firewalld", &[("bin/firewall-cmd", FIREWALL_CMD)]);
        let sides = [("now", lines(now)), ("later", lines(later))];
        for ((side, ports), networks) in sides.iter().zip(trusted) {
            root.write(side, ports);
            root.write(&format!("sources.{side}"), networks);
        }
        let doubles = format!("export HERE={0}\nchmod 755 {0}/bin/firewall-cmd\nPATH={0}/bin:$PATH", root.0.display());
        // The double knows of tcp alone.
        let mut step =
            find(&steps(&cluster(), "1.34.2", Role::ControlPlane, centos_machine()).expect("steps"), "firewall-firewalld")
                .clone();
        let tcp = |shell: &str| shell.replace("/udp", "/tcp").replace("8472/", "8473/");
        let Check::Sh(check) = &step.check else { panic!("{:?}", step.check) };
        step.check = Check::Sh(tcp(check));
        for op in &mut step.apply {
            if let Op::Sh(shell) = op {
                *shell = tcp(shell);
            }
        }
        for undo in &mut step.undo {
            if let Undo::Record(shell) = undo {
                *shell = tcp(shell);
            }
        }
        let undo = root.apply(&doubles, &step);
        let listed = root.run(&doubles, "firewall-cmd --permanent --list-ports; firewall-cmd --zone=trusted --list-sources").1;
        assert!(listed.contains("6443") && listed.contains("10.244.0.0/16"), "{listed}");
        let (code, text) = root.run(&doubles, &undo);
        assert_eq!((code, text.as_str()), (Some(0), ""), "{undo}");
        for ((side, ports), networks) in sides.iter().zip(trusted) {
            let sorted = |text: &str| {
                let mut lines: Vec<u32> = text.lines().map(|line| line.parse().expect("a port")).collect();
                lines.sort_unstable();
                lines
            };
            assert!(sorted(&root.read(side)) == sorted(ports), "{side}: {undo}");
            assert_eq!(root.read(&format!("sources.{side}")), networks, "{undo}");
        }
    }
}

#[test]
fn a_network_that_ufw_let_in_before_is_let_in_after() {
    let tuple = |text: &str| format!("### tuple ### {text} in\n");
    let root = Root::new(
        "ufw",
        &[(
            "etc/ufw/user.rules",
            &(tuple("allow any any 0.0.0.0/0 any 10.244.0.0/16") + &tuple("allow tcp 30000:40000 0.0.0.0/0 any 0.0.0.0/0")),
        )],
    );
    let facts = Facts { firewalls: vec!["ufw".to_owned()], ..debian_container() };
    let steps = steps(&cluster(), "1.34.2", Role::Worker, facts).expect("steps");
    let Some(Undo::Record(record)) = find(&steps, "firewall-ufw").undo.first() else { panic!("no record") };
    let (code, undo) = root.run("", record);
    assert_eq!(code, Some(0), "{undo}");
    for (text, there) in [
        ("ufw delete allow from", false),
        ("ufw route delete allow from '10.244.0.0/16'", true),
        ("ufw route delete allow to '10.244.0.0/16'", true),
        ("ufw delete allow '30000:32767/tcp'", false),
        ("ufw delete allow '30000:32767/udp'", true),
    ] {
        assert_eq!(undo.contains(text), there, "{text}: {undo}");
    }
}
