//! Reads single lines of what the host's own programs print: `ip -o`, `ss`, `df`, package managers. Whatever does not fit gives none.

use std::net::IpAddr;

use super::Address;

/// A line of `ip -o`: an address of the host, or a way to somewhere.
#[derive(Debug, PartialEq)]
pub(super) enum Ip {
    Address(Address),
    Route { to: IpAddr, source: Option<IpAddr> },
}

/// `2: eth0    inet 10.0.2.15/24 brd …` or `192.0.2.1 via 10.0.2.2 dev eth0 src 10.0.2.15 …` or `local 10.0.2.15 dev lo …`.
pub(super) fn ip(line: &str) -> Option<Ip> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [first, second, ..] = words.as_slice() else { return None };
    if first.strip_suffix(':').is_some_and(|index| index.parse::<u32>().is_ok()) {
        let at = words.iter().position(|word| *word == "inet" || *word == "inet6")?;
        let (ip, prefix) = match words.get(at + 1)?.split_once('/') {
            Some((ip, prefix)) => (ip.parse().ok()?, prefix.parse().ok()?),
            // A point-to-point link: `inet 10.8.0.1 peer 10.8.0.2/32`.
            None => whole(words.get(at + 1)?.parse().ok()?),
        };
        let interface = second.trim_end_matches(':').split('@').next().unwrap_or_default().to_owned();
        return Some(Ip::Address(Address { interface, ip, prefix }));
    }
    let to = first.parse().or_else(|_| second.parse()).ok()?;
    let source = words.iter().position(|word| *word == "src").and_then(|at| words.get(at + 1)?.parse().ok());
    Some(Ip::Route { to, source })
}

/// An address with the prefix of a network that holds it alone.
pub(super) fn whole(ip: IpAddr) -> (IpAddr, u8) {
    (ip, if ip.is_ipv4() { 32 } else { 128 })
}

/// A line of `ss -Hltnp`: the port, and the process where it can be seen.
pub(super) fn ss(line: &str) -> Option<(u16, String)> {
    let local = line.split_whitespace().nth(3)?;
    let port = local.rsplit_once(':')?.1.parse().ok()?;
    let process = line.split_once("users:((\"").and_then(|(_, rest)| rest.split('"').next());
    Some((port, process.unwrap_or_default().to_owned()))
}

/// A local address of /proc/net/tcp: `0100007F:1F90`.
pub(super) fn proc_tcp(local: &str) -> Option<u16> {
    u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()
}

/// A line of `df -Pk`: the free space and the size, in KiB. They stand before the percentage; a name before them may have blanks.
pub(super) fn df(line: &str) -> Option<(u64, u64)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let percent =
        words.iter().skip(1).position(|word| word.strip_suffix('%').is_some_and(|number| number.parse::<u8>().is_ok()))?;
    Some((words.get(percent)?.parse().ok()?, words.get(percent.checked_sub(2)?)?.parse().ok()?))
}

/// A list of CPUs as the kernel writes it, `0-3,8`: how many.
pub(super) fn cpus(list: &str) -> Option<u32> {
    list.split(',').try_fold(0_u32, |sum, part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        sum.checked_add(last.checked_sub(first)?)?.checked_add(1)
    })
}

/// `1795229987.225911397`. A date(1) without nanoseconds leaves `%N` or nothing behind the point.
pub(super) fn clock(text: &str) -> Option<f64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().take_while(char::is_ascii_digit).take(9).collect();
    let seconds: u32 = seconds.parse().ok()?;
    Some(f64::from(seconds) + format!("0.{digits}0").parse::<f64>().ok()?)
}

/// `KEY=value` of os-release(5), without its quotes.
pub(super) fn assignment(line: &str) -> Option<(&str, String)> {
    let (key, value) = line.split_once('=')?;
    let value = value.trim();
    let bare = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(value);
    let mut plain = String::with_capacity(bare.len());
    let mut letters = bare.chars();
    while let Some(letter) = letters.next() {
        plain.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    Some((key.trim(), plain))
}

/// The plain version in what a package manager or a program says: `1:1.20.2-1.1`, `v1.34.2`, `containerd … 1.6.20~ds1`,
/// `GitVersion:"v1.34.2"`.
pub(super) fn version(text: &str) -> Option<String> {
    text.split(|letter: char| letter.is_whitespace() || matches!(letter, '"' | ':')).find_map(|word| {
        let word = word.strip_prefix('v').unwrap_or(word);
        let end = word.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(word.len());
        let plain = word[..end].trim_end_matches('.');
        let numbers = plain.split('.').filter(|part| !part.is_empty()).count();
        (numbers >= 3 && plain.starts_with(|letter: char| letter.is_ascii_digit())).then(|| plain.to_owned())
    })
}

/// Whether a line of a version lock (dnf's plugin, yum's, or dnf5's TOML) holds a package.
pub(super) fn locks(line: &str, package: &str) -> bool {
    let line = line.trim();
    if let Some(name) = line.strip_prefix("name") {
        return name.trim_start_matches([' ', '=']).trim_matches(['"', '\'']) == package;
    }
    // yum writes the epoch before the name, dnf behind it.
    let name = line.split_once(':').filter(|(epoch, _)| epoch.parse::<u32>().is_ok()).map_or(line, |(_, rest)| rest);
    name.strip_prefix(package)
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The path of a CRI socket at the start of a text: `unix:///run/crio/crio.sock --x"`, `/run/containerd/containerd.sock`.
pub(super) fn socket(text: &str) -> Option<String> {
    let text = text.trim_start_matches(['"', '\'', ' ']);
    let path = text.strip_prefix("unix://").unwrap_or(text);
    let path = path.split(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | ',')).next()?;
    path.starts_with('/').then(|| path.to_owned())
}

/// The value of `"subnet"` in a line of a CNI configuration.
pub(super) fn subnet(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("\"subnet\"")?;
    rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?.split('"').next()
}

#[cfg(test)]
mod tests;
