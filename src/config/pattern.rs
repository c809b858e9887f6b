//! Patterns as ssh has them, in its configuration and in known_hosts: `*` for any letters, `?` for one, `!` for not.

/// Whether a list of patterns names `name`: one of them fits, and none that begins with `!` does.
pub(crate) fn any<'a>(patterns: impl IntoIterator<Item = &'a str>, name: &str) -> bool {
    let mut found = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(pattern) if glob(pattern.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => found |= glob(pattern.as_bytes(), name.as_bytes()),
        }
    }
    found
}

/// Whether a text is a pattern, and not one plain name.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '!'])
}

/// `*` for any letters and `?` for one. Linear: it never goes back further than to the last `*`.
pub(crate) fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(letter) if *letter == b'?' || *letter == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_is_negated_takes_the_name_out() {
        for (patterns, name, fits) in [
            (&["node*"][..], "node1", true),
            (&["node*", "!node1"], "node1", false),
            (&["!node1", "node*"], "node1", false),
            (&["!node1"], "node2", false),
            (&["10.0.?.1"], "10.0.2.1", true),
            (&["10.0.?.1"], "10.0.22.1", false),
            (&["*"], "", true),
            (&[], "a", false),
        ] {
            assert_eq!(any(patterns.iter().copied(), name), fits, "{patterns:?} {name}");
        }
        assert!(is_pattern("!a") && is_pattern("a?") && !is_pattern("a.b"));
    }
}
