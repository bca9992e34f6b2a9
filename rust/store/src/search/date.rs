//! ISO 8601 times to epoch milliseconds.

/// Reads `2024-02-29`, `2024-02-29T10:15`, with seconds, fraction and zone if given; without a zone it is UTC.
pub(super) fn parse_iso(text: &str) -> Option<i64> {
    let (date, clock) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let [year, month, day] = fields(date, '-')?;
    if date.len() != 10 || !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let midnight = days_since_epoch(year, month, day) * 86_400_000;
    clock.map_or(Some(midnight), |clock| Some(midnight + parse_clock(clock)?))
}

fn parse_clock(text: &str) -> Option<i64> {
    let (clock, zone_minutes) = match text.find(['Z', 'z', '+', '-']) {
        Some(at) => (&text[..at], parse_zone(&text[at..])?),
        None => (text, 0),
    };
    let (clock, fraction_ms) = match clock.split_once(['.', ',']) {
        Some((clock, digits)) => (clock, parse_fraction(digits)?),
        None => (clock, 0),
    };
    let [hour, minute, second] = match clock.len() {
        8 => fields(clock, ':')?,
        5 => {
            let [hour, minute] = fields(clock, ':')?;
            [hour, minute, 0]
        }
        _ => return None,
    };
    let valid = hour < 24 && minute < 60 && second < 60;
    valid.then_some(((hour * 60 + minute - zone_minutes) * 60 + second) * 1000 + fraction_ms)
}

fn parse_zone(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, digits) = text.split_at(1);
    let compact: String = digits.chars().filter(|digit| *digit != ':').collect();
    let shape_is_right = matches!((digits.len(), compact.len()), (2, 2) | (4 | 5, 4));
    if !shape_is_right {
        return None;
    }
    let hours = number(compact.get(..2)?)?;
    let minutes = if compact.len() == 4 { number(compact.get(2..)?)? } else { 0 };
    let total = hours * 60 + minutes;
    (hours < 24 && minutes < 60).then_some(if sign == "-" { -total } else { total })
}

fn parse_fraction(digits: &str) -> Option<i64> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    number(&format!("{digits:0<3}")[..3]).filter(|_| number(digits).is_some())
}

/// Splits into exactly `N` numbers.
fn fields<const N: usize>(text: &str, separator: char) -> Option<[i64; N]> {
    let numbers: Option<Vec<i64>> = text.split(separator).map(number).collect();
    numbers?.try_into().ok()
}

fn number(digits: &str) -> Option<i64> {
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the first day of the calendar below to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;

/// Days from 1970-01-01 in the Gregorian calendar, counted in years that begin in March so that a leap day comes last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + leap_days + day_of_year - DAYS_TO_EPOCH
}
