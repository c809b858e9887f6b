use super::super::sample::Sample;

#[test]
fn a_name_must_be_a_nodes_name() {
    for name in ["Node2", "node_2", "-node", "node-", "node..2", ""] {
        let mut sample = Sample::new();
        sample.hosts[1].0.name = name.to_owned();
        sample.facts(1).hostname = String::new();
        let (place, fatal, text) = sample.only();
        assert_eq!((place, fatal), (format!("{name}/name"), true), "{text}");
    }
    let mut sample = Sample::new();
    sample.hosts[1].0.name = "node-2.example.org".to_owned();
    sample.facts(1).hostname = "node-2".to_owned();
    sample.finds_nothing();
}

#[test]
fn hostnames_must_differ_and_should_be_the_names_in_the_file() {
    let mut sample = Sample::new();
    sample.facts(2).hostname = "node1".to_owned();
    sample.finds("node3/hostname", true, &["\"node1\"", "like that of node1", "hostnamectl set-hostname node3"]);
    sample.facts(2).hostname = "localhost".to_owned();
    sample.finds("node3/hostname", false, &["\"localhost\"", "\"node3\""]);
    sample.facts(2).hostname = "node3.example.org".to_owned();
    sample.finds_nothing();
}

#[test]
fn copies_of_a_machine_are_found_by_their_ids() {
    let mut sample = Sample::new();
    sample.facts(2).machine_id = sample.facts(1).machine_id.clone();
    sample.finds("node3/machine-id", true, &["also that of node2", "systemd-machine-id-setup"]);

    let mut sample = Sample::new();
    sample.facts(2).product_uuid = sample.facts(0).product_uuid.clone();
    sample.finds("node3/product-uuid", true, &["uuid-1", "also that of node1"]);
    // Containers of one machine all see its firmware.
    for index in [0, 2] {
        sample.facts(index).container = true;
        sample.facts(index).modules.push("br_netfilter".to_owned());
    }
    sample.finds_nothing();
}

#[test]
fn what_is_unknown_is_not_alike() {
    let mut sample = Sample::new();
    for index in 0..3 {
        sample.facts(index).machine_id.clear();
        sample.facts(index).product_uuid = None;
    }
    sample.finds_nothing();
}

#[test]
fn node_addresses_must_differ() {
    let mut sample = Sample::new();
    sample.hosts[1].2 = sample.hosts[0].2;
    sample.finds("node2/address", true, &["192.168.56.11", "that of node1", "node_cidr"]);
}

#[test]
fn every_host_needs_a_way_to_the_others() {
    let mut sample = Sample::new();
    sample.facts(1).unrouted = vec!["192.168.56.11".to_owned(), "192.168.56.13".to_owned()];
    sample.finds("node2/route", true, &["192.168.56.11, 192.168.56.13", "ip route get 192.168.56.11"]);
}

#[test]
fn the_clock_that_is_wrong_is_the_one_that_is_alone() {
    let mut sample = Sample::new();
    sample.facts(0).clock += 600.0;
    sample.finds("node1/clock", true, &["ahead of", "598 s", "timedatectl"]);
    sample.facts(0).clock -= 1200.0;
    sample.finds("node1/clock", true, &["behind"]);
    // The operator's own clock is nobody's measure.
    let mut sample = Sample::new();
    for index in 0..3 {
        sample.facts(index).clock_here += 86_400.0;
    }
    sample.finds_nothing();
}

#[test]
fn of_two_clocks_one_is_the_measure_and_an_unknown_one_is_none() {
    let mut sample = Sample::new();
    sample.hosts.truncate(2);
    sample.facts(1).clock += 31.0;
    sample.finds("node2/clock", true, &["32 s"]);
    sample.facts(1).clock = 0.0;
    sample.finds_nothing();
}
