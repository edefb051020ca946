//! What stands in the file after the last commit: lines that this sink wrote before it was
//! killed, perhaps a torn one at the end, perhaps lines of a user. Records are delivered again
//! from the committed offsets on; those whose lines stand here are already written.
//!
//! A record is looked for after the place of its queue's last found record, so lines of others in
//! between do no harm, and nothing here is ever changed or removed. A line counts once.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use memchr::memchr;
use tracing::warn;

/// How much is read at once, in bytes.
const WINDOW_BYTES: usize = 256 * 1024;
/// How many lines are remembered. The sink asks for a commit long before.
pub(super) const LINES_MAX: usize = 4_000_000;
/// How much waits at most for the record that a torn line belongs to, in bytes.
const HELD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How many lines are looked at for records that are not the next line, before it is given up.
const PROBES_MAX: u64 = 50_000_000;

/// Lines of records to be judged, in the order delivered.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The lines, each ended.
    pub(super) text: Vec<u8>,
    /// For each line its queue, counted as the task counts them, and its end in `text`.
    pub(super) items: Vec<(usize, usize)>,
}

/// One line in the file.
#[derive(Clone, Copy, Debug)]
struct Line {
    start: u64,
    hash: u32,
    taken: bool,
}

/// How far one queue is.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    /// The first line that may be its next.
    at: usize,
    /// Bytes of lines delivered.
    given: u64,
    /// Whether all that it may have here was found.
    done: bool,
}

/// The lines after the last commit.
#[derive(Debug)]
pub(super) struct Surplus {
    file: Arc<File>,
    start: u64,
    end: u64,
    lines: Vec<Line>,
    /// Indexes of `lines` by hash, then place; made when first needed.
    order: Vec<u32>,
    left: usize,
    /// Whether the last line has no end, and its record has not come.
    torn: bool,
    cursors: Vec<Cursor>,
    window: Vec<u8>,
    window_start: u64,
    /// What is to follow the torn line.
    held: Vec<u8>,
    over: bool,
    /// Whether anything was appended behind the last line.
    appended: bool,
    probes: u64,
    /// How many records were found.
    pub(super) found: u64,
}

impl Surplus {
    /// Reads what follows `start`. `queues` is how many queues may have lines there.
    pub(super) fn read(file: Arc<File>, start: u64, queues: usize) -> io::Result<Self> {
        let end = file.metadata()?.len();
        let mut surplus = Self {
            file,
            start,
            end,
            lines: Vec::new(),
            order: Vec::new(),
            left: 0,
            torn: false,
            cursors: vec![Cursor::default(); queues],
            window: Vec::new(),
            window_start: 0,
            held: Vec::new(),
            over: false,
            appended: false,
            probes: 0,
            found: 0,
        };
        surplus.scan()?;
        surplus.left = surplus.lines.len();
        Ok(surplus)
    }

    fn scan(&mut self) -> io::Result<()> {
        let mut at = self.start;
        let mut line = Line { start: at, hash: 0, taken: false };
        while at < self.end {
            self.load(at)?;
            let mut rest = self.window.as_slice();
            at += rest.len() as u64;
            while let Some(end) = memchr(b'\n', rest) {
                let (text, after) = rest.split_at(end + 1);
                line.hash = crc32c::crc32c_append(line.hash, text);
                self.lines.push(line);
                rest = after;
                line = Line { start: at - rest.len() as u64, hash: 0, taken: false };
            }
            line.hash = crc32c::crc32c_append(line.hash, rest);
            if self.lines.len() > LINES_MAX {
                warn!(
                    bytes = self.end - self.start,
                    "too many lines were written after the last commit to compare them: some \
                     lines may stand twice"
                );
                self.lines = Vec::new();
                self.over = true;
                self.load(self.end - 1)?;
                self.torn = self.window != b"\n";
                return Ok(());
            }
        }
        if line.start < self.end {
            self.lines.push(line);
            self.torn = true;
        }
        Ok(())
    }

    /// Fills the window from `at` on.
    fn load(&mut self, at: u64) -> io::Result<()> {
        let size = usize::try_from(self.end - at).unwrap_or(WINDOW_BYTES).min(WINDOW_BYTES);
        self.window.resize(size, 0);
        self.window_start = at;
        self.file.read_exact_at(&mut self.window, at)
    }

    /// How many bytes there are.
    pub(super) fn bytes(&self) -> u64 {
        self.end - self.start
    }

    /// Whether nothing more can be found.
    pub(super) fn is_over(&self) -> bool {
        self.over || self.left == 0 || self.cursors.iter().all(|cursor| cursor.done)
    }

    /// What is to be appended for these lines. When the file cannot be read, all are.
    pub(super) fn judge(&mut self, batch: &Batch) -> Vec<u8> {
        let mut append = Vec::new();
        let mut start = 0;
        for &(queue, end) in &batch.items {
            let line = batch.text.get(start..end).unwrap_or_default();
            start = end;
            if let Err(error) = self.judge_one(queue, line, &mut append) {
                warn!(%error, "could not read back what was written after the last commit: some \
                               lines may stand twice");
                self.over = true;
                append.extend_from_slice(line);
            }
        }
        append
    }

    fn judge_one(&mut self, queue: usize, text: &[u8], append: &mut Vec<u8>) -> io::Result<()> {
        let cursor = self.cursors.get(queue).copied();
        let Some(mut cursor) = cursor.filter(|cursor| !cursor.done && !self.is_over()) else {
            self.add(text, append);
            return Ok(());
        };
        cursor.given += text.len() as u64;
        let found = self.find(&mut cursor, text)?;
        if let Some(index) = found {
            cursor.at = self.take(index, text);
            self.found += 1;
        } else if let Some((index, length)) = self.find_torn(cursor.at, text)? {
            cursor.at = self.take(index, text);
            self.found += 1;
            self.torn = false;
            self.appended = true;
            append.extend_from_slice(text.get(length..).unwrap_or_default());
            append.append(&mut self.held);
        } else {
            // A queue's records stand here without a gap. Only with several queues may another's
            // equal line have been taken for this one's.
            cursor.done = self.cursors.len() == 1;
            if self.torn && self.held.len() > HELD_BYTES_MAX {
                self.give_up(append);
            }
            self.add(text, append);
        }
        cursor.done |= cursor.given >= self.bytes();
        if let Some(slot) = self.cursors.get_mut(queue) {
            *slot = cursor;
        }
        Ok(())
    }

    /// Appends a line; behind a torn one it waits.
    fn add(&mut self, text: &[u8], append: &mut Vec<u8>) {
        self.appended |= !self.torn;
        if self.torn { self.held.extend_from_slice(text) } else { append.extend_from_slice(text) }
    }

    /// Ends the torn line where it is, and what waited for it.
    fn give_up(&mut self, append: &mut Vec<u8>) {
        if std::mem::take(&mut self.torn) {
            append.push(b'\n');
            append.append(&mut self.held);
        }
    }

    /// Ends the comparison: what is still to be appended.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let mut append = Vec::new();
        self.give_up(&mut append);
        append
    }

    /// The first line from the cursor on at which the whole text stands.
    fn find(&mut self, cursor: &mut Cursor, text: &[u8]) -> io::Result<Option<usize>> {
        let first = memchr(b'\n', text).map_or(text.len(), |end| end + 1);
        let hash = crc32c::crc32c(text.get(..first).unwrap_or_default());
        while self.lines.get(cursor.at).is_some_and(|line| line.taken) {
            cursor.at += 1;
        }
        let from = cursor.at;
        // Mostly it is simply the next one.
        if self.stands_at(from, hash, text)? {
            return Ok(Some(from));
        }
        if self.order.is_empty() {
            self.order = (0..self.lines.len() as u32).collect();
            let lines = &self.lines;
            let key = |&i: &u32| (lines.get(i as usize).map(|line| line.hash), i);
            self.order.sort_unstable_by_key(key);
        }
        let lines = &self.lines;
        let before = |&i: &u32| {
            let line = lines.get(i as usize).map_or(0, |line| line.hash);
            (line, i as usize) < (hash, from)
        };
        let mut place = self.order.partition_point(before);
        while let Some(index) = self.order.get(place).map(|&i| i as usize) {
            if self.lines.get(index).is_none_or(|line| line.hash != hash) {
                break;
            }
            if self.stands_at(index, hash, text)? {
                return Ok(Some(index));
            }
            place += 1;
            self.probes += 1;
        }
        if self.probes > PROBES_MAX && !self.over {
            self.over = true;
            warn!("too many equal lines after the last commit: some lines may stand twice");
        }
        Ok(None)
    }

    fn stands_at(&mut self, index: usize, hash: u32, text: &[u8]) -> io::Result<bool> {
        let Some(&line) = self.lines.get(index) else { return Ok(false) };
        Ok(!line.taken && line.hash == hash && self.same(line.start, text)?)
    }

    /// The torn end of the file, if it is the beginning of this text: where, and how long.
    fn find_torn(&mut self, from: usize, text: &[u8]) -> io::Result<Option<(usize, usize)>> {
        if self.appended {
            return Ok(None);
        }
        for index in (from..self.lines.len()).rev() {
            let Some(&line) = self.lines.get(index) else { break };
            let length = usize::try_from(self.end - line.start).unwrap_or(usize::MAX);
            let Some(beginning) = text.get(..length) else { break };
            if line.taken || length == text.len() {
                break;
            }
            // Before the last line only a value with line ends of its own can begin.
            if self.same(line.start, beginning)? {
                return Ok(Some((index, length)));
            }
        }
        Ok(None)
    }

    /// Marks the lines of a text as taken; the index after them.
    fn take(&mut self, index: usize, text: &[u8]) -> usize {
        let count = memchr::memchr_iter(b'\n', text).count();
        let mut after = index;
        for line in self.lines.iter_mut().skip(index).take(count) {
            if !std::mem::replace(&mut line.taken, true) {
                self.left -= 1;
            }
            after += 1;
        }
        after
    }

    /// Whether the file holds these bytes at `at`.
    fn same(&mut self, at: u64, text: &[u8]) -> io::Result<bool> {
        if at + text.len() as u64 > self.end {
            return Ok(false);
        }
        let mut done = 0;
        while let Some(left) = text.get(done..).filter(|left| !left.is_empty()) {
            let place = at + done as u64;
            let window_end = self.window_start + self.window.len() as u64;
            if place < self.window_start || place >= window_end {
                self.load(place)?;
            }
            let offset = usize::try_from(place - self.window_start).unwrap_or_default();
            let there = self.window.get(offset..).unwrap_or_default();
            let count = there.len().min(left.len());
            if there.get(..count) != left.get(..count) {
                return Ok(false);
            }
            done += count;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn surplus(text: &str, queues: usize) -> Surplus {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"before\n").unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Surplus::read(Arc::new(file), 7, queues).unwrap()
    }
    fn judge(surplus: &mut Surplus, lines: &[(usize, &str)]) -> String {
        let mut batch = Batch::default();
        for (queue, line) in lines {
            batch.text.extend_from_slice(line.as_bytes());
            batch.text.push(b'\n');
            batch.items.push((*queue, batch.text.len()));
        }
        String::from_utf8(surplus.judge(&batch)).unwrap()
    }
    fn finish(surplus: Surplus) -> String {
        String::from_utf8(surplus.finish()).unwrap()
    }

    #[test]
    fn nothing_there() {
        assert!(surplus("", 1).is_over());
    }

    #[test]
    fn exact() {
        let mut s = surplus("a\nb\nc\n", 1);
        assert_eq!(judge(&mut s, &[(0, "a"), (0, "b")]), "");
        assert!(!s.is_over());
        assert_eq!(judge(&mut s, &[(0, "c"), (0, "c")]), "c\n");
        assert!(s.is_over());
        assert_eq!(finish(s), "");
    }

    #[test]
    fn first_miss_of_one_queue_ends_it() {
        let mut s = surplus("a\nuser\n", 1);
        assert_eq!(judge(&mut s, &[(0, "a"), (0, "b"), (0, "user")]), "b\nuser\n");
        assert!(s.is_over());
        assert_eq!(s.found, 1);
    }

    #[test]
    fn lines_of_others_between() {
        let mut s = surplus("a\nuser\nb\n", 1);
        assert_eq!(judge(&mut s, &[(0, "a"), (0, "b"), (0, "c")]), "c\n");
    }

    #[test]
    fn torn_line_is_completed() {
        let mut s = surplus("a\nhal", 1);
        assert_eq!(judge(&mut s, &[(0, "a"), (0, "half"), (0, "c")]), "f\nc\n");
        let mut s = surplus("hal", 1);
        assert_eq!(judge(&mut s, &[(0, "hal")]), "\n");
        assert!(s.is_over());
    }

    #[test]
    fn torn_line_of_somebody_else_is_ended() {
        let mut s = surplus("a\nuse", 1);
        assert_eq!(judge(&mut s, &[(0, "a"), (0, "half"), (0, "c")]), "");
        assert!(s.is_over());
        assert_eq!(finish(s), "\nhalf\nc\n");
    }

    #[test]
    fn torn_line_of_another_queue_is_waited_for() {
        let mut s = surplus("a1\nb1\nb", 2);
        assert_eq!(judge(&mut s, &[(0, "a1"), (0, "a2"), (0, "a3")]), "");
        assert_eq!(judge(&mut s, &[(1, "b1"), (1, "b2"), (1, "b3")]), "2\na2\na3\nb3\n");
        assert!(s.is_over());
    }

    #[test]
    fn queues_in_another_order() {
        let mut s = surplus("a1\nb1\na2\nb2\n", 2);
        assert_eq!(judge(&mut s, &[(1, "b1"), (1, "b2"), (1, "b3")]), "b3\n");
        assert_eq!(judge(&mut s, &[(0, "a1"), (0, "a2")]), "");
        assert!(s.is_over());
    }

    #[test]
    fn equal_lines_count_once() {
        let mut s = surplus("x\nx\nx\n", 2);
        assert_eq!(judge(&mut s, &[(0, "x"), (0, "x"), (1, "x"), (1, "x")]), "x\n");
        let mut s = surplus("x\nx\nb\n", 2);
        assert_eq!(judge(&mut s, &[(0, "x"), (0, "x"), (1, "x"), (1, "b")]), "x\n");
    }

    #[test]
    fn values_with_line_ends() {
        let mut s = surplus("a\nb\nc\nd\n", 1);
        assert_eq!(judge(&mut s, &[(0, "a\nb"), (0, "c\nd"), (0, "e")]), "e\n");
        let mut s = surplus("a\nb\n", 1);
        assert_eq!(judge(&mut s, &[(0, "a\nb\nc"), (0, "d")]), "c\nd\n");
        let mut s = surplus("a\nb", 1);
        assert_eq!(judge(&mut s, &[(0, "a\nbb"), (0, "d")]), "b\nd\n");
    }

    #[test]
    fn larger_than_the_window() {
        let long = "l".repeat(WINDOW_BYTES * 2 + 17);
        let many: Vec<String> = (0..50_000).map(|n| format!("line {n}")).collect();
        let text = format!("{long}\n{}\n{}", many.join("\n"), long.get(..300_000).unwrap());
        let mut s = surplus(&text, 1);
        assert_eq!(judge(&mut s, &[(0, &long)]), "");
        let lines: Vec<_> = many.iter().map(|line| (0, line.as_str())).collect();
        assert_eq!(judge(&mut s, &lines), "");
        let rest = judge(&mut s, &[(0, &long), (0, "x")]);
        assert_eq!(rest.len(), long.len() - 300_000 + 3);
        assert!(s.is_over());
    }

    #[test]
    fn a_queue_cannot_have_more_than_is_there() {
        let mut s = surplus("user\n", 2);
        assert_eq!(judge(&mut s, &[(0, "abcd"), (0, "user")]), "abcd\nuser\n");
        assert!(!s.is_over());
        assert_eq!(judge(&mut s, &[(1, "abcde")]), "abcde\n");
        assert!(s.is_over());
    }
}
