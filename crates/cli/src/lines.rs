//! Lines of standard input, in blocks of bounded size.
//!
//! A block is what has come so far. When its lines are answered and flushed the program waits for more,
//! so that another program can write a line and read its answer.

use core::fmt;
use std::io::{self, BufRead, BufReader};

use crate::exit::Failure;

/// The most bytes in a line, without its end: twice those of the longest URL.
pub(crate) const MAX_LINE: usize = 16 * 1024;

/// A line without its end, LF or CR LF.
pub(crate) type Line<'a> = Result<&'a str, BadLine>;

/// A line that is not text of bounded length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadLine {
    NotUtf8,
    TooLong,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUtf8 => "the line is not UTF-8; percent-encode the URL",
            Self::TooLong => "the line is longer than 16384 bytes; a URL has 8192 at most",
        })
    }
}

/// Reads lines block by block.
pub(crate) struct Blocks<R> {
    source: R,
    block: Vec<u8>,
    /// Bytes of the block that were lines of the last call; what follows is the start of the next line.
    done: usize,
    started: bool,
}

/// A byte order mark, as editors and PowerShell write it.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Standard input.
pub(crate) fn stdin() -> Blocks<impl BufRead> {
    Blocks::new(BufReader::with_capacity(4 * MAX_LINE, io::stdin()))
}

impl<R: BufRead> Blocks<R> {
    pub(crate) const fn new(source: R) -> Self {
        Self { source, block: Vec::new(), done: 0, started: false }
    }

    /// The lines that have come since the last call, at least one; `None` at the end.
    pub(crate) fn next(
        &mut self,
    ) -> Result<Option<impl Iterator<Item = Line<'_>> + Clone>, Failure> {
        self.block.drain(..self.done);
        self.done = 0;
        while self.done == 0 {
            let fresh = match self.source.fill_buf() {
                Ok(fresh) => fresh,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let message = format!("cannot read standard input: {error}");
                    return Err(Failure::unavailable(message));
                }
            };
            let len = fresh.len();
            let end = fresh.iter().rposition(|byte| *byte == b'\n');
            let before = self.block.len();
            self.block.extend_from_slice(fresh);
            self.source.consume(len);
            match end {
                Some(end) => self.done = before.saturating_add(end).saturating_add(1),
                None if len > 0 => {
                    // Enough to see that it is too long, with or without CR at the cut.
                    self.block.truncate(MAX_LINE + 2);
                }
                None if before == 0 => return Ok(None),
                None => self.done = before,
            }
        }
        let block = self.block.get(..self.done).unwrap_or_default();
        // Only the first line may start with a byte order mark.
        let is_first = !core::mem::replace(&mut self.started, true);
        let block = block.strip_prefix(MARK).filter(|_| is_first).unwrap_or(block);
        let lines = block.strip_suffix(b"\n").unwrap_or(block).split(|byte| *byte == b'\n');
        Ok(Some(lines.map(line)))
    }
}

fn line(bytes: &[u8]) -> Line<'_> {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    if bytes.len() > MAX_LINE {
        return Err(BadLine::TooLong);
    }
    core::str::from_utf8(bytes).map_err(|_| BadLine::NotUtf8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// All lines, read in pieces of `step` bytes.
    fn read(input: &[u8], step: usize) -> Vec<Result<String, BadLine>> {
        let mut blocks = Blocks::new(BufReader::with_capacity(step, input));
        let mut lines = Vec::new();
        loop {
            match blocks.next().unwrap() {
                Some(block) => lines.extend(block.map(|line| line.map(str::to_owned))),
                None => return lines,
            }
            assert!(blocks.block.len() <= MAX_LINE + 2 + step);
        }
    }

    #[track_caller]
    fn reads(input: &[u8], expected: &[Result<&str, BadLine>]) {
        for step in [1, 2, 3, 7, 64, 4 * MAX_LINE] {
            let lines = read(input, step);
            let lines: Vec<_> =
                lines.iter().map(|line| line.as_deref().map_err(|bad| *bad)).collect();
            assert_eq!(lines, expected, "in steps of {step}");
        }
    }

    #[test]
    fn lines_in_order_and_blank_ones_too() {
        reads(b"", &[]);
        reads(b"\n", &[Ok("")]);
        reads(b"\xef\xbb\xbf", &[Ok("")]);
        reads(b"\xef\xbb\xbfa\r\nb\n", &[Ok("a"), Ok("b")]);
        reads(b"a\n\xef\xbb\xbfb\n", &[Ok("a"), Ok("\u{feff}b")]);
        reads(b"a\n\nb\n", &[Ok("a"), Ok(""), Ok("b")]);
        reads(b"a\r\nb", &[Ok("a"), Ok("b")]);
        reads(b"a\n\xff\nb\n", &[Ok("a"), Err(BadLine::NotUtf8), Ok("b")]);
        reads("a\nfüße\n".as_bytes(), &[Ok("a"), Ok("füße")]);
    }

    #[test]
    fn a_line_of_16_kib_is_read_and_one_more_byte_is_not() {
        let fits = "x".repeat(MAX_LINE);
        for end in ["\n", "\r\n", ""] {
            reads(format!("a\n{fits}{end}").as_bytes(), &[Ok("a"), Ok(&fits)]);
            let longer = format!("a\n{fits}x{end}");
            reads(longer.as_bytes(), &[Ok("a"), Err(BadLine::TooLong)]);
        }
        let cut_at_cr = format!("{fits}\r{fits}\nb\n");
        reads(cut_at_cr.as_bytes(), &[Err(BadLine::TooLong), Ok("b")]);
    }
}
