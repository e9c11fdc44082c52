//! Damaged bytes of every kind: never a panic, and what is accepted can be stored and read.

use super::*;
use crate::records::{BatchIter, ControlRecord, RecordIter};

struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % below.max(1)
    }
}

fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 + random.next(4) {
        let at = random.next(bytes.len());
        match random.next(6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, random.next(256) as u8),
            2 => drop(bytes.drain(at..(at + random.next(9)).min(bytes.len()))),
            3 => bytes.iter_mut().skip(at).take(4).for_each(|byte| *byte = 0xff),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.next(8)),
        }
    }
}

/// A right length and checksum, so that the damage reaches what stands behind them.
fn repair(bytes: &mut [u8]) {
    if bytes.len() > BATCH_HEADER_BYTES {
        let length = (bytes.len() - 12) as i32;
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        bytes[16] = 2;
        let crc = crc32c::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    }
}

fn rules_of(random: &mut Random) -> ProduceRules {
    ProduceRules {
        compacted: random.next(3) == 0,
        api_version: 3 + random.next(11) as i16,
        timestamp_type: if random.next(3) == 0 { TimestampType::LogAppendTime } else { TimestampType::CreateTime },
        before_max_ms: [i64::MAX, 60_000][random.next(2)],
        origin: if random.next(4) == 0 { Origin::Coordinator } else { Origin::Client },
        target: match random.next(8) {
            codec if codec < 5 => TargetCompression::Topic(Codec::ALL[codec].into()),
            _ => TargetCompression::Producer,
        },
        max_decompressed_bytes: 1 << 16,
        ..rules()
    }
}

#[test]
fn damaged_batches_are_answered_and_accepted_ones_read_back() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_240_607);
    println!("SEED={seed}");
    let mut random = Random(seed);
    let mut scratch = Scratch::new();
    let seeds: Vec<Vec<u8>> = Codec::ALL
        .iter()
        .map(|codec| java_batch(&format!("producer.{codec}")))
        .chain(["control.commit", "control.epoch_start", "emptied"].map(java_batch))
        .collect();
    let mut accepted = 0;
    for _ in 0..30_000 {
        let mut bytes = seeds[random.next(seeds.len())].clone();
        damage(&mut bytes, &mut random);
        if random.next(4) != 0 {
            repair(&mut bytes);
        }
        BatchIter::new(&bytes).checking_crc().for_each(drop);
        let _ = ControlRecord::all_of(&bytes);
        let rules = rules_of(&mut random);
        if let Ok(valid) = validate(&Bytes::from(bytes), &rules, &mut scratch) {
            accepted += 1;
            let bytes = stored(&valid, 1000);
            let codec = valid.header.codec().unwrap();
            let plain = scratch.records(codec, &bytes[BATCH_HEADER_BYTES..], 1 << 16).unwrap();
            let records = RecordIter::new(plain, valid.record_count).filter(|record| record.is_ok()).count();
            assert_eq!(records as i32, valid.record_count.max(0));
        }
    }
    assert!(accepted > 1000, "only {accepted} accepted: the damage is too crude to reach far");
}

#[test]
fn damaged_streams_end_within_their_bound() {
    let mut random = Random(7);
    let mut scratch = Scratch::new();
    let data = b"abcabcabcabcabc, and something else. ".repeat(60);
    for codec in CODECS {
        let mut packed = Vec::new();
        crate::records::compress::compress(codec.into(), &data, &mut packed).unwrap();
        for _ in 0..4000 {
            let mut bytes = packed.clone();
            damage(&mut bytes, &mut random);
            if let Ok(plain) = scratch.records(codec, &bytes, 4096) {
                assert!(plain.len() <= 4096);
            }
        }
    }
}
