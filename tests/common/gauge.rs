//! Counts the bytes that a thread holds.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use std::alloc::System;

struct Gauge;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static TOTAL: Cell<usize> = const { Cell::new(0) };
}

fn hold(bytes: usize) {
    HELD.set(HELD.get() + bytes.cast_signed());
    PEAK.set(PEAK.get().max(HELD.get()));
    TOTAL.set(TOTAL.get() + bytes);
}

fn release(bytes: usize) {
    HELD.set(HELD.get() - bytes.cast_signed());
}

unsafe impl GlobalAlloc for Gauge {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        hold(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        hold(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        release(layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // The old one may have to be copied from.
        hold(size);
        release(layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static GAUGE: Gauge = Gauge;

/// What some work took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The most bytes held at once beyond those before.
    pub peak: usize,
    /// All bytes that were asked for.
    pub total: usize,
}

/// What a function gives, and what it took.
pub fn measure<T>(work: impl FnOnce() -> T) -> (T, Taken) {
    let before = HELD.get();
    PEAK.set(before);
    TOTAL.set(0);
    let given = work();
    (given, Taken { peak: (PEAK.get() - before).unsigned_abs(), total: TOTAL.get() })
}

/// What a function gives, and the most bytes that were held for it at once.
pub fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let (given, taken) = measure(work);
    (given, taken.peak)
}
