//! XXH3, 64 bits, seed 0: the hash by which Kafka notices that subscribed topics have changed. It is stored in the
//! group's record, so a broker that takes the data over must compute the same.

const SECRET: [u8; 192] = [
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c, 0xde, 0xd4, 0x6d,
    0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f, 0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0,
    0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21, 0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0,
    0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c, 0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b,
    0x1b, 0x53, 0x2e, 0xa3, 0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac,
    0xd8, 0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d, 0x8a, 0x51,
    0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64, 0xea, 0xc5, 0xac, 0x83, 0x34,
    0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb, 0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49,
    0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e, 0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8,
    0xd1, 0x7a, 0xd0, 0x31, 0xce, 0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b,
    0x40, 0x7e,
];

const PRIME32: [u64; 3] = [0x9E37_79B1, 0x85EB_CA77, 0xC2B2_AE3D];
const PRIME64: [u64; 5] =
    [0x9E37_79B1_85EB_CA87, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9, 0x85EB_CA77_C2B2_AE63, 0x27D4_EB2F_1656_67C5];
const STRIPE: usize = 64;
const STRIPES_PER_BLOCK: usize = (SECRET.len() - STRIPE) / 8;

fn read32(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]))
}

fn read64(bytes: &[u8], at: usize) -> u64 {
    read32(bytes, at) | read32(bytes, at + 4) << 32
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

fn avalanche(mut hash: u64) -> u64 {
    hash ^= hash >> 37;
    hash = hash.wrapping_mul(0x1656_6791_9E37_79F9);
    hash ^ hash >> 32
}

fn mix16(bytes: &[u8], at: usize, secret: usize) -> u64 {
    fold(read64(bytes, at) ^ read64(&SECRET, secret), read64(bytes, at + 8) ^ read64(&SECRET, secret + 8))
}

pub(super) fn xxh3_64(bytes: &[u8]) -> u64 {
    match bytes.len() {
        0 => finish(read64(&SECRET, 56) ^ read64(&SECRET, 64)),
        1..=3 => up_to_3(bytes),
        4..=8 => up_to_8(bytes),
        9..=16 => up_to_16(bytes),
        17..=128 => up_to_128(bytes),
        129..=240 => up_to_240(bytes),
        _ => long(bytes),
    }
}

/// The final mix of XXH64, used for the shortest inputs.
fn finish(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(PRIME64[1]);
    hash ^= hash >> 29;
    hash = hash.wrapping_mul(PRIME64[2]);
    hash ^ hash >> 32
}

fn up_to_3(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    let [first, middle, last] = [bytes[0], bytes[len / 2], bytes[len - 1]].map(u64::from);
    let combined = first << 16 | middle << 24 | last | (len as u64) << 8;
    finish(combined ^ (read32(&SECRET, 0) ^ read32(&SECRET, 4)))
}

fn up_to_8(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    let input = read32(bytes, len - 4).wrapping_add(read32(bytes, 0) << 32);
    let mut hash = input ^ (read64(&SECRET, 8) ^ read64(&SECRET, 16));
    hash ^= hash.rotate_left(49) ^ hash.rotate_left(24);
    hash = hash.wrapping_mul(0x9FB2_1C65_1E98_DF25);
    hash ^= (hash >> 35).wrapping_add(len as u64);
    hash = hash.wrapping_mul(0x9FB2_1C65_1E98_DF25);
    hash ^ hash >> 28
}

fn up_to_16(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    let low = read64(bytes, 0) ^ (read64(&SECRET, 24) ^ read64(&SECRET, 32));
    let high = read64(bytes, len - 8) ^ (read64(&SECRET, 40) ^ read64(&SECRET, 48));
    let sum = (len as u64).wrapping_add(low.swap_bytes()).wrapping_add(high).wrapping_add(fold(low, high));
    avalanche(sum)
}

fn up_to_128(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    let mut sum = (len as u64).wrapping_mul(PRIME64[0]);
    // Pairs of 16 bytes from both ends, outermost first.
    for pair in (0..=(len - 1) / 32).rev() {
        sum = sum.wrapping_add(mix16(bytes, 16 * pair, 32 * pair));
        sum = sum.wrapping_add(mix16(bytes, len - 16 * (pair + 1), 32 * pair + 16));
    }
    avalanche(sum)
}

fn up_to_240(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    let mut sum = (len as u64).wrapping_mul(PRIME64[0]);
    for part in 0..len / 16 {
        if part == 8 {
            sum = avalanche(sum);
        }
        let secret = if part < 8 { 16 * part } else { 16 * (part - 8) + 3 };
        sum = sum.wrapping_add(mix16(bytes, 16 * part, secret));
    }
    avalanche(sum.wrapping_add(mix16(bytes, len - 16, 136 - 17)))
}

fn accumulate(lanes: &mut [u64; 8], bytes: &[u8], at: usize, secret: usize) {
    for lane in 0..8 {
        let data = read64(bytes, at + 8 * lane);
        let key = data ^ read64(&SECRET, secret + 8 * lane);
        lanes[lane ^ 1] = lanes[lane ^ 1].wrapping_add(data);
        lanes[lane] = lanes[lane].wrapping_add((key & 0xffff_ffff).wrapping_mul(key >> 32));
    }
}

fn long(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    let mut lanes = [PRIME32[2], PRIME64[0], PRIME64[1], PRIME64[2], PRIME64[3], PRIME32[1], PRIME64[4], PRIME32[0]];
    for stripe in 0..(len - 1) / STRIPE {
        let in_block = stripe % STRIPES_PER_BLOCK;
        accumulate(&mut lanes, bytes, stripe * STRIPE, 8 * in_block);
        if in_block == STRIPES_PER_BLOCK - 1 {
            for (index, lane) in lanes.iter_mut().enumerate() {
                let key = read64(&SECRET, SECRET.len() - STRIPE + 8 * index);
                *lane = (*lane ^ *lane >> 47 ^ key).wrapping_mul(PRIME32[0]);
            }
        }
    }
    accumulate(&mut lanes, bytes, len - STRIPE, SECRET.len() - STRIPE - 7);
    let start = (len as u64).wrapping_mul(PRIME64[0]);
    avalanche((0..4).fold(start, |sum, pair| {
        let at = 11 + 16 * pair;
        let [a, b] = [lanes[2 * pair] ^ read64(&SECRET, at), lanes[2 * pair + 1] ^ read64(&SECRET, at + 8)];
        sum.wrapping_add(fold(a, b))
    }))
}
