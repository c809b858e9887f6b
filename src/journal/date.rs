//! Dates and times, UTC throughout.

use std::time::Duration;

/// `20260131-235959`: the names of journals, which sort by time.
pub(super) fn file_stamp(since_1970: Duration) -> String {
    let (year, month, day, [hour, minute, second]) = civil(since_1970.as_secs());
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
}

/// `2026-01-31T23:59:59.123Z`
#[must_use]
pub fn line_stamp(since_1970: Duration) -> String {
    let (year, month, day, [hour, minute, second]) = civil(since_1970.as_secs());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", since_1970.subsec_millis())
}

/// `20260131-235959` as `2026-01-31 23:59:59`, for people.
#[must_use]
pub fn human(stamp: &str) -> String {
    let part = |range: std::ops::Range<usize>| stamp.get(range).unwrap_or_default();
    format!("{}-{}-{} {}:{}:{}", part(0..4), part(4..6), part(6..8), part(9..11), part(11..13), part(13..15))
}

/// Year, month, day and time (UTC) of a number of seconds since 1970. Years begin in March here, so that leap days come last:
/// <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>, without its part for times before 1970.
fn civil(seconds: u64) -> (u64, u64, u64, [u64; 3]) {
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let second = seconds % 86_400;
    (year, month, day, [second / 3_600, second / 60 % 60, second % 60])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(seconds: u64) -> String {
        line_stamp(Duration::from_millis(seconds * 1000 + 42))
    }

    #[test]
    fn dates_are_those_of_date() {
        // Each from `date -u -d @SECONDS +%FT%T`.
        assert_eq!(stamp(0), "1970-01-01T00:00:00.042Z");
        assert_eq!(stamp(951_782_399), "2000-02-28T23:59:59.042Z");
        assert_eq!(stamp(951_782_400), "2000-02-29T00:00:00.042Z");
        assert_eq!(stamp(1_709_251_199), "2024-02-29T23:59:59.042Z");
        assert_eq!(stamp(1_798_761_599), "2026-12-31T23:59:59.042Z");
        assert_eq!(stamp(4_107_542_400), "2100-03-01T00:00:00.042Z");
        assert_eq!(file_stamp(Duration::from_secs(1_798_761_599)), "20261231-235959");
        assert_eq!(human("20261231-235959"), "2026-12-31 23:59:59");
    }
}
