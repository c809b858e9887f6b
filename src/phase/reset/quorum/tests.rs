use super::*;

/// Members told by a letter each: capital ones answer.
fn told(letters: &str) -> Vec<Member> {
    let names: Vec<(String, bool)> =
        letters.chars().map(|letter| (letter.to_ascii_lowercase().to_string(), letter.is_ascii_uppercase())).collect();
    guess(&names.iter().map(|(name, answers)| (name.as_str(), *answers)).collect::<Vec<_>>())
}

/// `members`, of which `going` are reset; the cluster file has all hosts of `file`.
fn verdict(members: &str, going: &str, file: &str) -> Verdict {
    let names: Vec<String> = file.chars().map(String::from).collect();
    let places: Vec<Place<'_>> =
        names.iter().map(|name| Place { name, addresses: &[], goes: going.contains(name.as_str()) }).collect();
    judge(&told(members), &places)
}

#[test]
fn quorum_is_kept_lost_or_refused() {
    for (members, going, file, expected) in [
        // All answer: any may go, one after another, down to the last.
        ("ABC", "a", "abc", "keeps"),
        ("ABC", "ab", "abc", "keeps"),
        ("AB", "a", "ab", "keeps"),
        ("ABCDE", "abcd", "abcde", "keeps"),
        ("ABC", "abc", "abc", "keeps"),
        // Workers are no members.
        ("ABC", "w", "abcw", "keeps"),
        // One is dead: it may go, and so may it with another; but no other alone.
        ("ABc", "c", "abc", "keeps"),
        ("ABc", "bc", "abc", "keeps"),
        ("ABc", "b", "abc", "refused"),
        ("ABc", "ab", "abc", "refused"),
        ("ABCde", "c", "abcde", "refused"),
        ("ABCde", "cd", "abcde", "keeps"),
        ("ABCde", "d", "abcde", "keeps"),
        ("ABCDe", "d", "abcde", "keeps"),
        // Lost already: who is dead may be reset and stays on the list; the last one that answers may not.
        ("Abc", "b", "abc", "lost"),
        ("Abc", "bc", "abc", "lost"),
        ("Abc", "a", "abc", "refused"),
        ("Abc", "ab", "abc", "refused"),
        ("Ab", "b", "ab", "lost"),
        ("Ab", "a", "ab", "refused"),
        ("abc", "a", "abc", "lost"),
        ("Abc", "abc", "abc", "keeps"),
        // Members that the cluster file does not know hold up the end of all others only if they live.
        ("ABX", "ab", "ab", "keeps"),
        ("ABx", "ab", "ab", "keeps"),
        ("ABXy", "ab", "ab", "keeps"),
        ("ABx", "a", "ab", "refused"),
        ("AXYz", "a", "a", "keeps"),
    ] {
        let found = match verdict(members, going, file) {
            Verdict::Keeps => "keeps",
            Verdict::Lost(_) => "lost",
            Verdict::Refused(_) => "refused",
        };
        assert_eq!(found, expected, "{members} without {going}");
    }
}

#[test]
fn the_arithmetic_is_said_in_words() {
    let refused = |members, going, file| match verdict(members, going, file) {
        Verdict::Refused(error) => format!("{} -> {}", error.what, error.hints.join("; ")),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused("ABc", "b", "abc"),
        "etcd has 3 members, and c does not answer: without b, one of the two that stay would be left, and two are needed \
         -> bring c back first, or take it out for good: slipway reset c"
    );
    assert_eq!(
        refused("ABCde", "c", "abcde"),
        "etcd has 5 members, and d and e do not answer: without c, two of the four that stay would be left, and three are needed \
         -> bring d and e back first, or take them out for good: slipway reset d e"
    );
    assert_eq!(
        refused("ABx", "a", "ab"),
        "etcd has 3 members, and x does not answer: without a, one of the two that stay would be left, and two are needed \
         -> bring x back first, or take it off the list: `etcdctl member remove`"
    );
    assert!(
        refused("ABc", "ab", "abc")
            .starts_with("etcd has 3 members, and c does not answer: without a and b, nobody that answers would be left -> ")
    );
    assert_eq!(
        refused("Abc", "a", "abc"),
        "etcd has lost its quorum: one of three members answers, and without a none would: the data there may be all that is left \
         -> bring b and c back first, or keep a copy: --backup DIR --force"
    );
    let lost = |members, going, file| match verdict(members, going, file) {
        Verdict::Lost(note) => note,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        lost("Abc", "b", "abc"),
        "etcd has lost its quorum: one of three members answers, so b can not be taken off its list; \
         when c answers, run the same reset again"
    );
    assert!(lost("Abc", "bc", "abc").ends_with(
        "so b and c can not be taken off its list; those that stay can not have it again by themselves: see `etcd --force-new-cluster` on a"
    ));
    assert!(lost("Abcde", "b", "abcde").ends_with("when two more of c, d and e answer, run the same reset again"));
    assert!(lost("abc", "b", "abc").ends_with("when a and c answer, run the same reset again"));
}

/// What etcdctl 3.4 printed on a control plane, its third member being down, and a fourth announced.
const SAID: &str = "\
member 3c1e9d3ab1fb4d5a, started, node8, https://192.168.77.18:2380, https://192.168.77.18:2379, false
member 5b0c8d2f7c8a9d11, started, node9, https://192.168.77.19:2380, https://192.168.77.19:2379, false
member 9a1d2e6b5c4f3a22, started, node10, https://[2001:db8::20]:2380, https://[2001:db8::20]:2379, true
member aa1d2e6b5c4f3a22, unstarted, , https://192.168.77.21:2380, , false
status https://192.168.77.18:2379, 3c1e9d3ab1fb4d5a, 3.4.23, 2.4 MB, true, false, 5, 1742, 1742,
a greeting
member nonsense
";

#[test]
fn reports_are_read_and_put_together() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let first = Report::parse(&lines(SAID));
    let second = Report::parse(&lines("silent etcd does not run on this host\n"));
    let third =
        Report::parse(&lines("status https://[2001:db8::20]:2379, 9a1d2e6b5c4f3a22, 3.4.23, 2.4 MB, false, true, 5, 1, 1,\n"));
    assert_eq!(second.silent.as_deref(), Some("etcd does not run on this host"));
    let members = members(&[second, first, third]);
    let told: Vec<(&str, bool, bool)> =
        members.iter().map(|member| (member.name.as_str(), member.answers, member.learner)).collect();
    assert_eq!(told, [("node8", true, false), ("node9", false, false), ("node10", true, true), ("", false, false)]);
    assert_eq!(members[3].peers, ["192.168.77.21".parse::<IpAddr>().unwrap()]);
    assert_eq!(members[2].peers, ["2001:db8::20".parse::<IpAddr>().unwrap()]);
}

#[test]
fn a_member_that_never_started_is_known_by_its_address() {
    let lines: Vec<String> = SAID.lines().map(str::to_owned).collect();
    let members = members(&[Report::parse(&lines)]);
    let address: [IpAddr; 1] = ["192.168.77.21".parse().unwrap()];
    let places = [
        Place { name: "node8", addresses: &[], goes: false },
        Place { name: "node9", addresses: &[], goes: false },
        Place { name: "node11", addresses: &address, goes: true },
    ];
    assert_eq!(members[3].place(&places).map(|place| place.name), Some("node11"));
    // Three have a vote, one of them answers.
    assert!(matches!(judge(&members, &places), Verdict::Lost(note) if note.contains("so node11 can not")));
}

#[test]
fn nothing_is_known_where_nobody_speaks() {
    assert!(members(&[Report::default()]).is_empty());
    assert!(matches!(judge(&[], &[Place { name: "a", addresses: &[], goes: true }]), Verdict::Keeps));
}
