use super::*;

const LIMIT: usize = 8 << 20;

fn pack(codec: Codec, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    compress(codec.into(), data, &mut out).unwrap();
    out
}

fn unpack(codec: Codec, data: &[u8], limit: usize) -> Result<Vec<u8>, RecordsError> {
    Scratch::new().records(codec, data, limit).map(<[u8]>::to_vec)
}

fn samples() -> Vec<Vec<u8>> {
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    })
    .take(200_000)
    .collect();
    vec![b"a".to_vec(), vec![7; 1_000_000], noise, b"the same words again and again ".repeat(5_000)]
}

#[test]
fn what_is_packed_unpacks() {
    let mut scratch = Scratch::new();
    for codec in Codec::ALL {
        for data in samples() {
            let packed = pack(codec, &data);
            assert_eq!(scratch.records(codec, &packed, LIMIT).unwrap(), data, "{codec}, {} bytes", data.len());
        }
    }
}

#[test]
fn every_level_gives_something_readable() {
    let data = b"some text, some text, some text".repeat(100);
    let levels = (-1..=9)
        .map(|level| Compression::Gzip { level })
        .chain((1..=17).map(|level| Compression::Lz4 { level }))
        .chain([-131_072, -5, 0, 1, 3, 22].map(|level| Compression::Zstd { level }));
    for how in levels {
        let mut packed = Vec::new();
        compress(how, &data, &mut packed).unwrap();
        assert_eq!(unpack(how.codec(), &packed, LIMIT).unwrap(), data, "{how:?}");
    }
}

#[test]
fn output_ends_at_the_limit() {
    let data = vec![0; 3_000_000];
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let packed = pack(codec, &data);
        let too_large = Err(RecordsError::TooLarge { limit_bytes: data.len() - 1 });
        assert_eq!(unpack(codec, &packed, data.len() - 1), too_large, "{codec}");
        assert_eq!(unpack(codec, &packed, data.len()).unwrap(), data, "{codec}");
        assert!(matches!(unpack(codec, &packed, 0), Err(RecordsError::TooLarge { .. })), "{codec}");
    }
}

#[test]
fn a_cut_stream_is_an_error() {
    let data = b"abcdefgh".repeat(10_000);
    for codec in [Codec::Gzip, Codec::Lz4, Codec::Zstd] {
        let packed = pack(codec, &data);
        for cut in 1..packed.len() {
            assert!(unpack(codec, &packed[..cut], LIMIT).is_err(), "{codec} cut to {cut} of {}", packed.len());
        }
    }
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4] {
        assert!(unpack(codec, &[], LIMIT).is_err(), "{codec} of nothing");
    }
    // Nothing is a stream of no frames.
    assert_eq!(unpack(Codec::Zstd, &[], LIMIT).unwrap(), b"");
}

#[test]
fn joined_streams_are_read_on_where_java_reads_on() {
    for (codec, both) in [(Codec::Gzip, true), (Codec::Snappy, true), (Codec::Zstd, true), (Codec::Lz4, false)] {
        let joined = [pack(codec, b"first, "), pack(codec, b"second")].concat();
        let expected = if both { &b"first, second"[..] } else { b"first, " };
        assert_eq!(unpack(codec, &joined, LIMIT).unwrap(), expected, "{codec}");
    }
    let with_rest = [pack(Codec::Gzip, b"first"), b"rest of no member".to_vec()].concat();
    assert_eq!(unpack(Codec::Gzip, &with_rest, LIMIT).unwrap(), b"first");
}

#[test]
fn raw_snappy_of_c_clients_is_read() {
    for data in samples() {
        let packed = snap::raw::Encoder::new().compress_vec(&data).unwrap();
        assert_eq!(unpack(Codec::Snappy, &packed, LIMIT).unwrap(), data);
    }
    // A few bytes that claim four gigabytes.
    assert!(unpack(Codec::Snappy, &[0xff, 0xff, 0xff, 0xff, 0x0f, 0], usize::MAX).is_err());
}

#[test]
fn zstd_frames_of_unknown_size_are_read() {
    for data in samples() {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        encoder.include_contentsize(false).unwrap();
        encoder.write_all(&data).unwrap();
        let packed = encoder.finish().unwrap();
        assert_eq!(unpack(Codec::Zstd, &packed, LIMIT).unwrap(), data);
    }
}

#[test]
fn lz4_frames_of_other_writers() {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    let frame = |info: FrameInfo, data: &[u8]| {
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    };
    for data in samples() {
        for size in [BlockSize::Max64KB, BlockSize::Max256KB, BlockSize::Max1MB, BlockSize::Max4MB] {
            let info = FrameInfo::new().block_size(size).block_checksums(true).content_checksum(true);
            let packed = frame(info.content_size(Some(data.len() as u64)), &data);
            assert_eq!(unpack(Codec::Lz4, &packed, LIMIT).unwrap(), data);
            let mut damaged = packed.clone();
            let at = damaged.len() - 16;
            damaged[at] ^= 1;
            assert!(unpack(Codec::Lz4, &damaged, LIMIT).is_err(), "a block's checksum sees it");
        }
        let linked = frame(FrameInfo::new().block_mode(BlockMode::Linked), &data);
        assert!(unpack(Codec::Lz4, &linked, LIMIT).is_err());
        // What is written here, another reader takes.
        let mut decoded = Vec::new();
        lz4_flex::frame::FrameDecoder::new(&pack(Codec::Lz4, &data)[..]).read_to_end(&mut decoded).unwrap();
        assert_eq!(decoded, data);
    }
}
