//! Zone files (`TZif`, RFC 9636), to identify copies of them.

use super::Span;
use super::posix_zone::PosixZone;
use super::zone_spans::spans_of;

/// The contents of a zone file.
#[derive(Debug)]
pub(super) struct ZoneFile {
    /// The instants from which each local time applies, in order.
    changes: Vec<(i64, usize)>,
    times: Vec<LocalTime>,
    /// The rules after the last change.
    rules: Option<PosixZone>,
}

#[derive(Debug)]
struct LocalTime {
    offset: i32,
    name: String,
}

impl ZoneFile {
    /// Parses a file; returns `None` if it is not a zone file.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = Reader(bytes);
        let header = rest.header()?;
        if header.version == 0 {
            return rest.data(&header, 4);
        }
        // The data of version 1 exists for old readers.
        rest.take(header.length(4)?)?;
        let header = rest.header()?;
        let mut file = rest.data(&header, 8)?;
        let rules = rest.0.strip_prefix(b"\n")?.strip_suffix(b"\n")?;
        if !rules.is_empty() {
            file.rules = Some(PosixZone::parse(str::from_utf8(rules).ok()?)?);
        }
        Some(file)
    }

    /// Returns the offset and its name at an instant, in seconds of the Unix epoch.
    pub(super) fn at(&self, seconds: i64) -> (i32, &str) {
        let passed = self.changes.partition_point(|(change, _)| *change <= seconds);
        if passed == self.changes.len()
            && let Some(rules) = &self.rules
        {
            return rules.at(seconds);
        }
        // Before the first change, the first local time applies. `data` has checked that there is
        // one.
        let index = passed.checked_sub(1).map_or(0, |last| self.changes[last].1);
        (self.times[index].offset, &self.times[index].name)
    }

    pub(super) fn spans(&self) -> Box<[Span]> {
        spans_of(|seconds| self.at(seconds).0)
    }
}

struct Header {
    version: u8,
    utc_flags: usize,
    standard_flags: usize,
    leap_seconds: usize,
    changes: usize,
    times: usize,
    name_bytes: usize,
}

impl Header {
    /// Returns the length of the data that follows, in bytes.
    fn length(&self, time_size: usize) -> Option<usize> {
        let parts = [
            self.changes.checked_mul(time_size + 1)?,
            self.times.checked_mul(6)?,
            self.name_bytes,
            self.leap_seconds.checked_mul(time_size + 4)?,
            self.standard_flags,
            self.utc_flags,
        ];
        parts.into_iter().try_fold(0_usize, usize::checked_add)
    }
}

/// The rest of a file to parse.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn header(&mut self) -> Option<Header> {
        let header = self.take(44)?.strip_prefix(b"TZif")?;
        let mut counts = header[16..].chunks_exact(4);
        let mut count = || {
            let bytes = counts.next()?.try_into().ok()?;
            usize::try_from(u32::from_be_bytes(bytes)).ok()
        };
        Some(Header {
            version: header[0],
            utc_flags: count()?,
            standard_flags: count()?,
            leap_seconds: count()?,
            changes: count()?,
            times: count()?,
            name_bytes: count()?,
        })
    }

    fn data(&mut self, header: &Header, time_size: usize) -> Option<ZoneFile> {
        let mut data = Reader(self.take(header.length(time_size)?)?);
        let instants =
            data.take(header.changes * time_size)?.chunks_exact(time_size).map(|bytes| {
                Some(match time_size {
                    4 => i64::from(i32::from_be_bytes(bytes.try_into().ok()?)),
                    _ => i64::from_be_bytes(bytes.try_into().ok()?),
                })
            });
        let indices = data.take(header.changes)?;
        let times = data.take(header.times * 6)?;
        let names = data.take(header.name_bytes)?;
        let changes = instants
            .zip(indices)
            .map(|(instant, index)| {
                let index = usize::from(*index);
                (index < header.times).then_some((instant?, index))
            })
            .collect::<Option<Vec<_>>>()?;
        let local_time = |bytes: &[u8]| {
            let (offset, rest) = bytes.split_first_chunk::<4>()?;
            let name = names.get(usize::from(*rest.get(1)?)..)?.split(|byte| *byte == 0).next()?;
            let name = String::from_utf8_lossy(name).into_owned();
            Some(LocalTime { offset: i32::from_be_bytes(*offset), name })
        };
        let times = times.chunks_exact(6).map(local_time).collect::<Option<Vec<_>>>()?;
        (!times.is_empty()).then_some(ZoneFile { changes, times, rules: None })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns a zone file of version 2.
    pub(in crate::time) fn zone_file(
        changes: &[(i64, u8)],
        times: &[(i32, &str)],
        rules: &str,
    ) -> Vec<u8> {
        let count = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
        let header = |changes: usize, times: usize, names: usize| {
            let mut header = b"TZif2".to_vec();
            header.extend([0; 15]);
            [0, 0, 0, changes, times, names]
                .map(count)
                .iter()
                .for_each(|bytes| header.extend(bytes));
            header
        };
        let names: Vec<u8> =
            times.iter().flat_map(|(_, name)| name.bytes().chain(std::iter::once(0))).collect();
        let mut file = header(0, 1, 1);
        file.extend([0; 7]);
        file.extend(header(changes.len(), times.len(), names.len()));
        file.extend(changes.iter().flat_map(|(instant, _)| instant.to_be_bytes()));
        file.extend(changes.iter().map(|(_, index)| index));
        let mut place = 0;
        for (offset, name) in times {
            file.extend(offset.to_be_bytes());
            file.extend([0, place]);
            place += u8::try_from(name.len() + 1).unwrap();
        }
        file.extend(&names);
        file.extend(format!("\n{rules}\n").bytes());
        file
    }

    #[test]
    fn changes_and_the_rule_after_them_are_parsed() {
        let bytes = zone_file(&[(1000, 1), (2000, 0)], &[(7200, "EET"), (10800, "EEST")], "JST-9");
        let file = ZoneFile::parse(&bytes).unwrap();
        let at: Vec<(i32, &str)> =
            [0, 999, 1000, 1999, 2000].map(|seconds| file.at(seconds)).to_vec();
        assert_eq!(
            at,
            [(7200, "EET"), (7200, "EET"), (10800, "EEST"), (10800, "EEST"), (32400, "JST")]
        );
    }

    #[test]
    fn truncated_and_invalid_files_are_refused() {
        let bytes = zone_file(&[(1000, 1)], &[(7200, "EET"), (10800, "EEST")], "EET-2");
        for length in 0..bytes.len() {
            assert!(ZoneFile::parse(&bytes[..length]).is_none(), "{length}");
        }
        assert!(ZoneFile::parse(b"Europe/Helsinki\n").is_none());
    }
}
