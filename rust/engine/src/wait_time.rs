//! Durations and points in time as WAIT writes them (S-32.2, S-32.3).

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

/// Days, hours, minutes and seconds in that order, each at most once; none when it cannot be read.
pub fn duration_ms(text: &str) -> Option<i64> {
    const UNITS: [(&[&str], i64); 4] = [
        (&["d", "day", "days"], 86_400),
        (&["h", "hr", "hrs", "hour", "hours"], 3_600),
        (&["m", "min", "mins", "minute", "minutes"], 60),
        (&["s", "sec", "secs", "second", "seconds"], 1),
    ];
    let lower = text.trim().to_ascii_lowercase();
    let mut rest = lower.as_str();
    let (mut total_s, mut next_unit) = (0i64, 0usize);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: i64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let word_end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let at = UNITS.iter().position(|(words, _)| words.contains(&&rest[..word_end]))?;
        if at < next_unit {
            return None;
        }
        next_unit = at + 1;
        total_s = total_s.checked_add(count.checked_mul(UNITS[at].1)?)?;
        rest = rest[word_end..].trim_start();
    }
    total_s.checked_mul(1000)
}

/// `yyyy-MM-dd HH:mm z`, `yyyy-MM-dd HH:mm` or `yyyy-MM-dd`; without a zone it is UTC, like all our times.
pub fn until_ms(text: &str) -> Option<i64> {
    let mut parts = text.trim().splitn(3, ' ');
    let date = parts.next()?;
    let time = parts.next().unwrap_or("00:00");
    let zone = parts.next().map_or("UTC", str::trim);
    let mut fields = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (fields.next()?.ok()?, fields.next()?.ok()?, fields.next()?.ok()?);
    let (hour, minute) = time.split_once(':')?;
    let (hour, minute): (i64, i64) = (hour.parse().ok()?, minute.parse().ok()?);
    let first = DateTime::new(i16::try_from(year).ok()?, 1, 1, 0, 0, 0, 0).ok()?;
    // Field values are lenient: month 13 is January of the next year.
    let months = i32::try_from(month - 1).ok()?;
    let span = jiff::Span::new().try_months(months).ok()?;
    let at = first.checked_add(span).ok()?;
    let rest = jiff::Span::new().try_days(day - 1).ok()?.try_hours(hour).ok()?.try_minutes(minute).ok()?;
    let at = at.checked_add(rest).ok()?;
    Some(at.to_zoned(time_zone(zone)?).ok()?.timestamp().as_millisecond())
}

fn time_zone(name: &str) -> Option<TimeZone> {
    let upper = name.to_ascii_uppercase();
    let offset = upper.strip_prefix("GMT").or_else(|| upper.strip_prefix("UTC")).unwrap_or(&upper);
    if offset.is_empty() || offset == "Z" {
        return Some(TimeZone::UTC);
    }
    if let Some(sign) = offset.chars().next().filter(|c| matches!(c, '+' | '-')) {
        let digits: String = offset[1..].chars().filter(char::is_ascii_digit).collect();
        let (hours, minutes): (i32, i32) = match digits.len() {
            1 | 2 => (digits.parse().ok()?, 0),
            3 | 4 => (digits[..digits.len() - 2].parse().ok()?, digits[digits.len() - 2..].parse().ok()?),
            _ => return None,
        };
        let seconds = (hours * 60 + minutes) * 60 * if sign == '-' { -1 } else { 1 };
        return Offset::from_seconds(seconds).ok().map(Offset::to_time_zone);
    }
    let named = match upper.as_str() {
        "PST" | "PDT" | "PT" => "America/Los_Angeles",
        "MST" | "MDT" => "America/Denver",
        "CST" | "CDT" => "America/Chicago",
        "EST" | "EDT" => "America/New_York",
        "CET" | "CEST" => "Europe/Paris",
        "IST" => "Asia/Kolkata",
        "JST" => "Asia/Tokyo",
        _ => name,
    };
    TimeZone::get(named).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_order_of_units() {
        // S-32.2
        for (text, expected) in [
            ("1d 2h", Some(93_600_000)),
            ("10m20s", Some(620_000)),
            ("30 seconds", Some(30_000)),
            ("2 HOURS 1 min", Some(7_260_000)),
            ("5", None),
            ("", None),
            ("1s 1m", None),
            ("1x", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(duration_ms(text), expected, "{text}");
        }
    }

    #[test]
    fn points_in_time_are_read_with_and_without_zone() {
        // S-32.3
        for (text, expected) in [
            ("2024-01-01", Some(1_704_067_200_000)),
            ("2024-01-01 01:00", Some(1_704_070_800_000)),
            ("2024-01-01 01:00 GMT+01:00", Some(1_704_067_200_000)),
            ("2023-12-31 16:00 PST", Some(1_704_067_200_000)),
            ("2024-01-01 01:00 Europe/Berlin", Some(1_704_067_200_000)),
            ("2023-13-01", Some(1_704_067_200_000)),
            ("tomorrow", None),
            ("2024-01-01 01:00 Nowhere/Land", None),
        ] {
            assert_eq!(until_ms(text), expected, "{text}");
        }
    }
}
