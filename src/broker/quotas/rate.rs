//! How much of something there was lately, as Kafka's quotas measure it: the sum of some sample windows over the time
//! that they span, and a bucket of tokens for what comes in bursts.

use std::collections::VecDeque;

/// How long a quota looks back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    pub samples: i32,
    pub window_ms: i64,
}

impl Windows {
    pub fn new(samples: i32, window_seconds: i32) -> Self {
        Windows { samples: samples.max(1), window_ms: i64::from(window_seconds.max(1)) * 1000 }
    }

    /// What may come at once when nothing came before: of a rate of one a second.
    pub fn full_windows_seconds(&self) -> f64 {
        f64::from(self.samples - 1) * self.window_ms as f64 / 1000.0
    }

    fn span_ms(&self) -> i64 {
        i64::from(self.samples) * self.window_ms
    }
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    started_ms: i64,
    last_ms: i64,
    sum: f64,
}

/// A rate over the last windows.
#[derive(Clone, Debug, Default)]
pub struct Rate {
    /// Oldest first.
    samples: VecDeque<Sample>,
}

impl Rate {
    /// Adds to what was counted; a negative value takes back.
    pub fn record(&mut self, windows: Windows, value: f64, now_ms: i64) {
        match self.samples.back_mut() {
            Some(last) if now_ms - last.started_ms < windows.window_ms => {
                last.sum += value;
                last.last_ms = now_ms;
            }
            _ => {
                self.samples.push_back(Sample { started_ms: now_ms, last_ms: now_ms, sum: value });
                if self.samples.len() > windows.samples as usize + 1 {
                    self.samples.pop_front();
                }
            }
        }
    }

    /// Milliseconds until the rate is back at `bound` if nothing more comes; 0 when it is not above.
    pub fn throttle_ms(&mut self, windows: Windows, bound: f64, now_ms: i64) -> i64 {
        let window_ms = self.window_ms(windows, now_ms);
        let sum: f64 = self.samples.iter().map(|sample| sample.sum).sum();
        let rate = sum / (window_ms / 1000.0);
        if rate <= bound {
            return 0;
        }
        // The same sum over a window that is longer by this much makes the bound.
        ((rate - bound) / bound * window_ms).round() as i64
    }

    /// Whether all that was counted is too old to matter.
    pub fn is_spent(&self, windows: Windows, now_ms: i64) -> bool {
        self.samples.iter().all(|sample| now_ms - sample.last_ms >= windows.span_ms())
    }

    /// The time that the samples span, never less than all full windows: otherwise the first burst would look endless.
    fn window_ms(&mut self, windows: Windows, now_ms: i64) -> f64 {
        self.samples.retain(|sample| now_ms - sample.last_ms < windows.span_ms());
        let mut elapsed_ms = self.samples.front().map_or(0, |oldest| now_ms - oldest.started_ms);
        let full = elapsed_ms / windows.window_ms;
        let full_min = i64::from(windows.samples) - 1;
        if full < full_min {
            elapsed_ms += (full_min - full) * windows.window_ms;
        }
        elapsed_ms.max(1) as f64
    }
}

/// A bucket that fills at the quota's rate up to what all windows may hold. It may be overdrawn once; then nothing is
/// had until it is back at zero.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    /// `None` until it is first used: full, whatever the quota is by then.
    filled: Option<(f64, i64)>,
}

impl TokenBucket {
    pub fn new() -> Self {
        TokenBucket { filled: None }
    }

    pub fn tokens(&mut self, windows: Windows, rate: f64, now_ms: i64) -> f64 {
        let room = windows.span_ms() as f64 / 1000.0 * rate;
        let tokens = match self.filled {
            None => room,
            Some((tokens, at_ms)) => (tokens + rate * (now_ms - at_ms) as f64 / 1000.0).min(room),
        };
        self.filled = Some((tokens, now_ms));
        tokens
    }

    pub fn take(&mut self, windows: Windows, rate: f64, amount: f64, now_ms: i64) {
        let tokens = self.tokens(windows, rate, now_ms);
        self.filled = Some((tokens - amount, now_ms));
    }

    /// Whether so much time has passed that the bucket cannot but be full.
    pub fn is_full(&self, windows: Windows, now_ms: i64) -> bool {
        self.filled.is_none_or(|(tokens, at_ms)| tokens >= 0.0 && now_ms - at_ms >= windows.span_ms())
    }

    /// Milliseconds until nothing is owed.
    pub fn throttle_ms(&mut self, windows: Windows, rate: f64, now_ms: i64) -> i64 {
        let tokens = self.tokens(windows, rate, now_ms);
        if tokens < 0.0 { (-tokens / rate * 1000.0).round() as i64 } else { 0 }
    }
}

impl Default for TokenBucket {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOWS: Windows = Windows { samples: 11, window_ms: 1000 };

    #[test]
    fn what_fits_into_the_full_windows_passes_at_once() {
        let mut rate = Rate::default();
        rate.record(WINDOWS, 1000.0, 0);
        assert_eq!(rate.throttle_ms(WINDOWS, 100.0, 0), 0);
        rate.record(WINDOWS, 500.0, 0);
        // 1500 in 10 s against 100 a second: five seconds more make it right.
        assert_eq!(rate.throttle_ms(WINDOWS, 100.0, 0), 5000);
        // Until then, too, the full windows count, as in Kafka.
        assert_eq!(rate.throttle_ms(WINDOWS, 100.0, 5000), 5000);
        assert_eq!(rate.throttle_ms(WINDOWS, 100.0, 11_000), 0);
    }

    #[test]
    fn what_is_taken_back_does_not_count() {
        let mut rate = Rate::default();
        rate.record(WINDOWS, 5000.0, 0);
        rate.record(WINDOWS, -5000.0, 10);
        assert_eq!(rate.throttle_ms(WINDOWS, 1.0, 10), 0);
    }

    #[test]
    fn old_samples_are_forgotten() {
        let mut rate = Rate::default();
        rate.record(WINDOWS, 5000.0, 0);
        assert!(rate.throttle_ms(WINDOWS, 100.0, 10_000) > 0);
        assert!(!rate.is_spent(WINDOWS, 10_999));
        assert!(rate.is_spent(WINDOWS, 11_000));
        assert_eq!(rate.throttle_ms(WINDOWS, 100.0, 11_000), 0);
    }

    #[test]
    fn a_bucket_is_overdrawn_once_and_then_pays_back() {
        let mut bucket = TokenBucket::new();
        // 5 a second over 11 s: 55 to begin with.
        bucket.take(WINDOWS, 5.0, 50.0, 1000);
        assert_eq!(bucket.throttle_ms(WINDOWS, 5.0, 1000), 0);
        bucket.take(WINDOWS, 5.0, 15.0, 1000);
        assert_eq!(bucket.throttle_ms(WINDOWS, 5.0, 1000), 2000);
        assert_eq!(bucket.throttle_ms(WINDOWS, 5.0, 3000), 0);
        assert_eq!(bucket.tokens(WINDOWS, 5.0, 1_000_000), 55.0);
    }
}
