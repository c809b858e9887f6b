use super::*;

fn address(interface: &str, ip: &str, prefix: u8) -> Option<Ip> {
    Some(Ip::Address(Address { interface: interface.to_owned(), ip: ip.parse().expect("an address"), prefix }))
}

fn route(to: &str, source: Option<&str>) -> Option<Ip> {
    let parse = |ip: &str| ip.parse().expect("an address");
    Some(Ip::Route { to: parse(to), source: source.map(parse) })
}

#[test]
fn ip_tells_addresses_from_routes() {
    assert_eq!(
        ip(r"2: eth0    inet 10.0.2.15/24 brd 10.0.2.255 scope global dynamic eth0\   valid_lft 1sec"),
        address("eth0", "10.0.2.15", 24)
    );
    assert_eq!(
        ip(r"7: tun0    inet 10.8.0.1 peer 10.8.0.2/32 scope global tun0\  valid_lft forever"),
        address("tun0", "10.8.0.1", 32)
    );
    assert_eq!(ip("3: veth1@if2    inet6 fe80::1/64 scope link"), address("veth1", "fe80::1", 64));
    assert_eq!(ip(r"192.0.2.1 via 10.0.2.2 dev eth0 src 10.0.2.15 uid 0 \    cache "), route("192.0.2.1", Some("10.0.2.15")));
    assert_eq!(ip(r"local 10.0.2.15 dev lo src 10.0.2.15 uid 0 \    cache <local>"), route("10.0.2.15", Some("10.0.2.15")));
    assert_eq!(ip("2001:db8::1 from :: via fe80::1 dev eth0 metric 1024"), route("2001:db8::1", None));
    for noise in ["", "x", "1:", "1: lo", "2: eth0 inet 999.1.1.1/24", "2: eth0 inet 10.0.0.1/999", "Error: any", "1: lo inet"] {
        assert_eq!(ip(noise), None, "{noise}");
    }
}

#[test]
fn ports_are_read_from_ss_and_from_proc() {
    let line = r#"LISTEN 0      4096   127.0.0.53%lo:53        0.0.0.0:*    users:(("systemd-resolve",pid=5,fd=3))"#;
    assert_eq!(ss(line), Some((53, "systemd-resolve".to_owned())));
    assert_eq!(ss("LISTEN 0 128 [::]:6443 [::]:*"), Some((6443, String::new())));
    assert_eq!(ss("LISTEN 0 128 [::]:70000 [::]:*"), None);
    assert_eq!(ss("nonsense"), None);
    assert_eq!(proc_tcp("0100007F:192B"), Some(6443));
    assert_eq!(proc_tcp("0100007F:FFFFF"), None);
}

#[test]
fn numbers_are_read_or_left_out() {
    assert_eq!(df("/dev/my disk 1000 400 600 40% /mnt/my disk"), Some((600, 1000)));
    assert_eq!(df("Filesystem 1024-blocks Used Available Capacity Mounted on"), None);
    for (list, count) in
        [("0-1", Some(2)), ("0-3,8", Some(5)), ("7", Some(1)), ("3-1", None), ("0-4294967295", None), ("", None), ("a", None)]
    {
        assert_eq!(cpus(list), count, "{list}");
    }
    assert_eq!(clock("1795229987.5"), Some(1_795_229_987.5));
    assert_eq!(clock("1795229987.%N"), Some(1_795_229_987.0));
    for bad in ["", "NaN", "inf", "-1", "99999999999999999999.1", "1e9"] {
        assert_eq!(clock(bad), None, "{bad}");
    }
}

#[test]
fn os_release_is_unquoted() {
    assert_eq!(
        assignment(r#"PRETTY_NAME="Debian GNU/Linux 12 (bookworm)""#),
        Some(("PRETTY_NAME", "Debian GNU/Linux 12 (bookworm)".to_owned()))
    );
    assert_eq!(assignment("ID='centos'"), Some(("ID", "centos".to_owned())));
    assert_eq!(assignment(r#"NAME="a \"b\" \$c\\""#), Some(("NAME", r#"a "b" $c\"#.to_owned())));
    assert_eq!(assignment("# no assignment"), None);
}

#[test]
fn versions_lose_their_trimmings() {
    for (text, plain) in [
        ("1.20.2-1.1", Some("1.20.2")),
        ("1:1.6.20~ds1-1+deb12u3", Some("1.6.20")),
        ("v1.34.2", Some("1.34.2")),
        ("Kubernetes v1.20.2", Some("1.20.2")),
        (r#"Client Version: version.Info{Major:"1", Minor:"20", GitVersion:"v1.20.2", GitCommit:"f"}"#, Some("1.20.2")),
        ("containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+b1", Some("1.6.20")),
        ("unknown", None),
        ("v", None),
        ("...", None),
        ("1.2", None),
    ] {
        assert_eq!(version(text).as_deref(), plain, "{text}");
    }
}

#[test]
fn version_locks_of_three_package_managers_are_read() {
    for line in ["kubeadm-0:1.34.2-150500.1.1.*", "0:kubeadm-1.20.2-0.*", r#"name = "kubeadm""#] {
        assert!(locks(line, "kubeadm"), "{line}");
    }
    for line in ["# kubeadm-0:1", "kubeadm-extra-0:1.1", "!kubeadm-0:1.1", r#"name = "kubeadm2""#, ""] {
        assert!(!locks(line, "kubeadm"), "{line}");
    }
}

#[test]
fn the_subnet_is_found_in_pretty_and_in_dense_json() {
    assert_eq!(subnet(r#"      "subnet": "10.244.1.0/24","#), Some("10.244.1.0/24"));
    assert_eq!(subnet(r#"{"ipam":{"subnet":"10.244.1.0/24"}}"#), Some("10.244.1.0/24"));
    assert_eq!(subnet(r#""subnet" 7"#), None);
}
