//! The proxy that hosts reach the internet through, where they have no other way.

use std::{fmt, net::IpAddr, path::PathBuf};

use super::{
    Cidr,
    check::{Broken, Check},
    raw,
    words::{is_dns_name_or_ip, port_number},
};
use crate::error::{Kind, Result};

/// A proxy for all hosts of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// For http:// URLs.
    pub http: Option<ProxyUrl>,
    /// For https:// URLs; where the cluster file says nothing of it, the same as for http.
    pub https: Option<ProxyUrl>,
    /// What is reached without it, beside the cluster itself: names, `.domains`, addresses, networks.
    pub no_proxy: Vec<String>,
    /// A file that holds the user's password. Without one, an environment variable is asked, and then a person.
    pub password_file: Option<PathBuf>,
}

/// Where a proxy is, and who may use it. Never holds a password, so that it can be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyUrl {
    /// Whether the proxy itself is spoken to over TLS.
    pub tls: bool,
    /// With its odd characters as %XX, as it stands in the URL.
    pub user: Option<String>,
    pub host: String,
    pub port: u16,
}

impl Proxy {
    /// The proxies, each once.
    #[must_use]
    pub fn urls(&self) -> Vec<&ProxyUrl> {
        let mut urls: Vec<&ProxyUrl> = self.http.iter().chain(&self.https).collect();
        urls.dedup();
        urls
    }

    /// The first proxy that wants to know who asks: there must be a password for it.
    #[must_use]
    pub fn with_user(&self) -> Option<&ProxyUrl> {
        self.urls().into_iter().find(|url| url.user.is_some())
    }
}

impl ProxyUrl {
    /// The whole URL, with the password. A secret.
    #[must_use]
    pub fn with_password(&self, password: &str) -> String {
        let Some(user) = &self.user else { return self.to_string() };
        format!("{}://{user}:{}@{}", self.scheme(), escaped(password), self.place())
    }

    /// The user as the proxy knows it.
    #[must_use]
    pub fn plain_user(&self) -> Option<String> {
        let user = self.user.as_ref()?;
        let mut parts = user.split('%');
        let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
        for part in parts {
            bytes.extend(u8::from_str_radix(part.get(..2)?, 16));
            bytes.extend(part.as_bytes().get(2..).unwrap_or_default());
        }
        String::from_utf8(bytes).ok()
    }

    const fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    fn place(&self) -> String {
        if self.host.contains(':') { format!("[{}]:{}", self.host, self.port) } else { format!("{}:{}", self.host, self.port) }
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        write!(f, "{}://{user}{}", self.scheme(), self.place())
    }
}

/// A text as it may stand for the password in a URL: what could mean anything there is written as %XX.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte.into()),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
        escaped
    })
}

impl Check<'_> {
    pub(super) fn proxy(&self, proxy: Option<toml::Spanned<raw::Proxy>>) -> Result<Option<Proxy>> {
        let Some(proxy) = proxy else { return Ok(None) };
        let (at, proxy) = (proxy.span(), proxy.into_inner());
        let http = self.optional(&proxy.http, proxy_url)?;
        let https = self.optional(&proxy.https, proxy_url)?.or_else(|| http.clone());
        let read = Proxy {
            http,
            https,
            no_proxy: proxy.no_proxy.iter().map(|text| self.text(text, direct)).collect::<Result<_>>()?,
            password_file: self.optional(&proxy.password_file, |text| self.path(text))?,
        };
        if read.urls().is_empty() {
            return Err(self
                .source
                .error(&at, Kind::Invalid, "[proxy] names no proxy")
                .hint("add http = \"http://proxy.example.com:3128\", or leave [proxy] out"));
        }
        if let (Some(file), None) = (&proxy.password_file, read.with_user()) {
            return Err(self
                .source
                .invalid(file, "a password needs a user, and the proxy's URL names none")
                .hint("write the user there: http = \"http://USER@HOST:PORT\""));
        }
        Ok(Some(read))
    }
}

/// A rule: the URL of a proxy, without a password.
fn proxy_url(text: &str) -> Result<ProxyUrl, Broken> {
    // What may be a password is not said again.
    let broken = || ("this is no URL of a proxy".into(), "write it as http://HOST:PORT, or http://USER@HOST:PORT".into());
    let (scheme, rest) = text.split_once("://").ok_or_else(broken)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (user, place) = rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
    if user.is_some_and(|user| user.contains(':')) {
        let hint = "write http://USER@HOST:PORT alone, and the password into the first line of a file that password_file names";
        return Err(("a password does not belong in the cluster file".into(), hint.into()));
    }
    if !matches!(scheme, "http" | "https") {
        let what = "a proxy is spoken to by http or https, since package managers and runtimes know no other".into();
        return Err((what, "write http://HOST:PORT".into()));
    }
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encoded = |user: &str| {
        let mut parts = user.split('%');
        let plain = |part: &str| part.bytes().all(good);
        parts.next().is_some_and(plain)
            && parts.all(|part| {
                part.len() >= 2 && part.is_char_boundary(2) && u8::from_str_radix(&part[..2], 16).is_ok() && plain(&part[2..])
            })
    };
    if user.is_some_and(|user| user.is_empty() || !encoded(user)) {
        let hint = "odd characters are written as %XX: DOMAIN\\user as DOMAIN%5Cuser";
        return Err(("this is no user name as a URL has it".into(), hint.into()));
    }
    let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    if !is_dns_name_or_ip(host) || host.contains(':') != place.starts_with('[') {
        return Err(broken());
    }
    let Some(port) = port.and_then(port_number) else {
        // curl would take 1080, Go 80.
        return Err((
            "the proxy's URL has no port, and programs differ in which they take then".into(),
            format!("write {scheme}://{place}:3128, if that is the port"),
        ));
    };
    Ok(ProxyUrl { tls: scheme == "https", user: user.map(str::to_owned), host: host.to_owned(), port })
}

/// A rule: what is reached without a proxy, in the form that most programs understand.
fn direct(text: &str) -> Result<String, Broken> {
    let domain = text.strip_prefix("*.").or_else(|| text.strip_prefix('.'));
    if let Some(domain) = domain.filter(|domain| is_dns_name_or_ip(domain) && domain.parse::<IpAddr>().is_err()) {
        return Ok(format!(".{domain}"));
    }
    if let Ok(network) = text.parse::<Cidr>() {
        return Ok(network.to_string());
    }
    if is_dns_name_or_ip(text) {
        return Ok(text.to_owned());
    }
    let hint = "write a name, a .domain with all below it, an address, or a network such as 10.0.0.0/8; no URL and no port";
    Err((format!("{text:?} is nothing to be reached without a proxy"), hint.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_written_so_that_no_url_and_no_shell_takes_it_for_something_else() {
        let url = proxy_url("http://DOMAIN%5Cme@[fd00::1]:3128/").expect("a URL");
        assert_eq!(url.to_string(), "http://DOMAIN%5Cme@[fd00::1]:3128");
        assert_eq!(url.plain_user().as_deref(), Some("DOMAIN\\me"));
        assert_eq!(url.with_password("p@ss:wörd'$\"/%"), "http://DOMAIN%5Cme:p%40ss%3Aw%C3%B6rd%27%24%22%2F%25@[fd00::1]:3128");
        let url = proxy_url("https://proxy.example.com:443").expect("a URL");
        assert_eq!((url.with_password("x"), url.plain_user()), ("https://proxy.example.com:443".to_owned(), None));
    }

    #[test]
    fn nothing_that_a_shell_could_run_passes() {
        for evil in [
            "http://a b:1",
            "http://$(id):1",
            "http://a:1;id",
            "http://a:1/x",
            "http://u'@a:1",
            "http://u%2@a:1",
            "http://u%zz@a:1",
            "http://u%é@a:1",
            "http://@a:1",
            "http://a:0",
            "http://[::1:1",
            "http://::1:1",
            "a:1",
            "http://",
        ] {
            assert!(proxy_url(evil).is_err(), "{evil}");
        }
        for evil in ["a b", "a,b", "$(id)", "http://a", "a:80", "", "*", "10.0.0.1/8", ".10.0.0.1", "..a"] {
            assert!(direct(evil).is_err(), "{evil}");
        }
        for (text, means) in
            [("*.example.com", ".example.com"), (".svc", ".svc"), ("10.0.0.0/8", "10.0.0.0/8"), ("fd00::1", "fd00::1")]
        {
            assert_eq!(direct(text).as_deref(), Ok(means));
        }
    }
}
