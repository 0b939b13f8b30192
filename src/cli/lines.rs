//! Lines of standard input, in blocks of bounded size.
//!
//! A block is what has come so far. When its lines are answered and flushed the program waits for more,
//! so that another program can write a line and read its answer.

use core::iter;
use core::str;
use std::io::{self, Read};

use crate::exit::Failure;

/// The most bytes in a line, without its end: twice those of the longest URL.
pub(crate) const MAX_LINE: usize = 16 * 1024;

/// Room for several lines of the greatest length.
const BLOCK: usize = 4 * MAX_LINE;

/// A line that is not text of bounded length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadLine {
    NotUtf8,
    TooLong,
}

/// A line without its end, LF or CR LF.
pub(crate) type Line<'a> = Result<&'a str, BadLine>;

/// Reads a source block by block.
pub(crate) struct Blocks<R> {
    source: R,
    buffer: Vec<u8>,
    /// Bytes of the buffer that the last block took.
    taken: usize,
    /// Bytes of the buffer that were read.
    filled: usize,
    /// The rest of a line that was too long is still to come.
    skipping: bool,
}

impl<R: Read> Blocks<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, buffer: vec![0; BLOCK], taken: 0, filled: 0, skipping: false }
    }

    /// The lines that have come since the last call; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<impl Iterator<Item = Line<'_>> + Clone>, Failure> {
        self.buffer.copy_within(self.taken..self.filled, 0);
        self.filled = self.filled.saturating_sub(self.taken);
        self.taken = 0;
        let mut cut = false;
        while self.taken == 0 {
            let fresh = self.fill().map_err(|error| {
                Failure::unavailable(format_args!("cannot read standard input: {error}"))
            })?;
            if fresh == 0 {
                if self.filled == 0 {
                    return Ok(None);
                }
                self.taken = self.filled;
            } else {
                let end = self.filled.saturating_sub(fresh);
                todo!()
            }
        }
        Ok(Some(iter::empty()))
    }
}
