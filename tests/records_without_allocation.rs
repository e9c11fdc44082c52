//! The produce path looks at every byte of a batch; it must not allocate while it does.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bytes::Bytes;
use ottla::model::Offset;
use ottla::records::{BatchBuilder, BatchIter, Codec, ProduceRules, RecordIter, Scratch, validate};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: hands every call on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

fn batch_of_64_kib(codec: Codec) -> Bytes {
    let mut builder = BatchBuilder::new(Offset(0)).compression(codec.into());
    while builder.size_bytes() < 64 << 10 {
        builder.append(1000, Some(b"key"), Some(&[7; 100]), &[("name", Some(b"value"))]);
    }
    builder.build()
}

#[test]
fn walking_and_validating_a_batch_allocates_nothing() {
    let batch = batch_of_64_kib(Codec::None);
    let mut scratch = Scratch::new();
    let walked = allocations(|| {
        for (at, header) in BatchIter::new(&batch).checking_crc().map(|step| step.unwrap()) {
            let records = RecordIter::new(&batch[at + 61..at + header.size_bytes()], header.record_count);
            let headers: usize = records.map(|record| record.unwrap().headers().count()).sum();
            assert_eq!(headers as i32, header.record_count);
        }
    });
    assert_eq!(walked, 0);
    let rules = ProduceRules { now_ms: 2000, ..ProduceRules::default() };
    // The first clone of fresh bytes makes their count of owners.
    let shared = batch.clone();
    let validated = allocations(|| drop(validate(&shared, &rules, &mut scratch).unwrap()));
    assert_eq!(validated, 0);
}

#[test]
fn a_scratch_is_used_again() {
    let mut scratch = Scratch::new();
    let rules = ProduceRules { now_ms: 2000, ..ProduceRules::default() };
    for codec in [Codec::Lz4, Codec::Zstd] {
        let batch = batch_of_64_kib(codec).clone();
        let _first = validate(&batch, &rules, &mut scratch).unwrap();
        let again = allocations(|| drop(validate(&batch, &rules, &mut scratch).unwrap()));
        assert_eq!(again, 0, "{codec}");
    }
}
