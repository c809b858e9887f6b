//! How a program sends files to the operator: lines of base64 between two lines that begin with a word of this run.

use crate::facts;

/// A line of a program that sends files (`send_file` of the prelude), to whoever knows its nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A file of this name begins.
    File(String),
    /// It ends, and is of this size and SHA-256 (hex).
    End { name: String, size: u64, sha256: String },
    /// Part of the file that has begun.
    Data(Vec<u8>),
    /// Neither.
    Other,
}

impl Frame {
    #[must_use]
    pub fn parse(nonce: &str, line: &str) -> Self {
        let Some(rest) = line.strip_prefix(nonce).and_then(|rest| rest.strip_prefix(' ')) else {
            return facts::base64(line).map_or(Self::Other, Self::Data);
        };
        match rest.split(' ').collect::<Vec<_>>().as_slice() {
            ["file", name] => Self::File((*name).to_owned()),
            ["end", name, size, sha256] => match size.parse() {
                Ok(size) => Self::End { name: (*name).to_owned(), size, sha256: (*sha256).to_owned() },
                Err(_) => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_from_what_stands_between_them() {
        for (line, expected) in [
            ("n-1 file etcd.db", Frame::File("etcd.db".to_owned())),
            ("n-1 end etcd.db 6 abc", Frame::End { name: "etcd.db".to_owned(), size: 6, sha256: "abc".to_owned() }),
            ("Zm9vYmFy", Frame::Data(b"foobar".to_vec())),
            ("n-1 end etcd.db six abc", Frame::Other),
            ("n-1 file", Frame::Other),
            ("n-2 file etcd.db", Frame::Other),
            ("tar: this is no base64", Frame::Other),
        ] {
            assert_eq!(Frame::parse("n-1", line), expected, "{line}");
        }
    }
}
