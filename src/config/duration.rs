//! ISO-8601 durations as Java reads them, as far as settings need them: `P2DT3H4M5.6S`.

/// Milliseconds of a duration; `None` when it is none.
pub fn parse_millis(text: &str) -> Option<i64> {
    let (negative, rest) = sign(text);
    let rest = rest.strip_prefix(['P', 'p'])?;
    let (days, time) = match rest.split_once(['T', 't']) {
        Some((_, "")) => return None,
        Some((days, time)) => (days, Some(time)),
        None => (rest, None),
    };
    let mut millis: i64 = 0;
    let mut parts = 0;
    if !days.is_empty() {
        let count: i64 = days.strip_suffix(['D', 'd'])?.parse().ok()?;
        millis = count.checked_mul(86_400_000)?;
        parts += 1;
    }
    let mut time = time.unwrap_or("");
    for (unit, unit_millis) in [('H', 3_600_000), ('M', 60_000)] {
        if let Some(end) = time.find([unit, unit.to_ascii_lowercase()]) {
            let (number, after) = time.split_at(end);
            millis = millis.checked_add(number.parse::<i64>().ok()?.checked_mul(unit_millis)?)?;
            time = after.get(1..)?;
            parts += 1;
        }
    }
    if !time.is_empty() {
        millis = millis.checked_add(seconds(time.strip_suffix(['S', 's'])?)?)?;
        parts += 1;
    }
    (parts > 0).then_some(if negative { -millis } else { millis })
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole_millis = whole.parse::<i64>().ok()?.checked_mul(1000)?;
    let thousandths: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some(if whole.starts_with('-') { whole_millis - thousandths } else { whole_millis + thousandths })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_java_reads() {
        for (text, millis) in [
            ("PT5S", 5_000),
            ("P1D", 86_400_000),
            ("P1DT1H", 90_000_000),
            ("PT1M0.5S", 60_500),
            ("pt1h", 3_600_000),
            ("-PT1S", -1_000),
        ] {
            assert_eq!(parse_millis(text), Some(millis), "{text}");
        }
        for text in ["", "P", "PT", "1D", "PT1D", "P1H", "PT1.S1", "P99999999999999999D", "PTxS"] {
            assert_eq!(parse_millis(text), None, "{text}");
        }
    }
}
