//! The zone of this machine.
//!
//! This is the only place in this crate that reads system settings: `TZ`, and the files that
//! determine the zone.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr as _;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, FixedOffset, Offset as _, TimeZone as _};
use chrono_tz::{OffsetName as _, TZ_VARIANTS, Tz};

use super::posix_zone::PosixZone;
use super::zone_file::ZoneFile;
use super::zone_spans::Spans;
use super::{Span, Zone};
use crate::{Error, ErrorKind, Result};

/// The zone of this machine, and where it was found.
///
/// If `TZ` is set, it determines the zone. It can be a name of the tz database in any case, with
/// optional quotes and leading colon; the path of a zone file; or a POSIX name with a fixed offset
/// (`JST-9`). An empty value means UTC. Otherwise `/etc/localtime` is used: a link to a zone, or a
/// copy of a zone's file, which is identified by its contents. If that is missing, `/etc/timezone`
/// is used, and then UTC, as in the C library.
///
/// An invalid zone is an error and never silently UTC.
///
/// # Examples
/// ```
/// use apscheduler_core::time::LocalZone;
///
/// let local = LocalZone::find()?;
/// println!("{local}"); // Europe/Helsinki (from the environment variable TZ)
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LocalZone {
    zone: Zone,
    source: String,
    warning: Option<String>,
}

const LOCALTIME: &str = "/etc/localtime";

/// Files that contain the name of the zone. `/etc/localtime` takes precedence, because the C
/// library reads it.
const NAME_FILES: [&str; 2] = ["/etc/timezone", "/var/db/zoneinfo"];

const ZONE_DIRECTORIES: [&str; 3] = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"];

/// Lists of the current zones, without old names.
const ZONE_TABLES: [&str; 2] = ["zone1970.tab", "zone.tab"];

/// The order in which zones are tried; those that belong to no region come last.
const REGIONS: [&str; 10] = [
    "Europe/",
    "America/",
    "Asia/",
    "Africa/",
    "Australia/",
    "Pacific/",
    "Indian/",
    "Atlantic/",
    "Antarctica/",
    "Arctic/",
];

/// The maximum number of links to follow; more are a loop.
const MAX_LINKS: usize = 16;

/// The range in which a copy of a zone's file must match the zone: distributions differ before
/// 1970, and old files end in 2037.
const COMPARED: (i64, i64) = (0, 2_145_916_800);

const WHAT_TO_DO: &str = "set TZ to a name of the tz database, such as `Europe/Helsinki`, or give `timezone` in the configuration";

impl LocalZone {
    /// Finds the zone of this machine.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if `TZ` or the system settings name no known zone. The message
    /// contains their values.
    pub fn find() -> Result<Self> {
        /// Identifying a copy of a zone's file takes some milliseconds, and triggers ask often.
        static KNOWN: Mutex<Option<(Option<OsString>, LocalZone)>> = Mutex::new(None);
        let tz = std::env::var_os("TZ");
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, local)) = &*known
            && *of == tz
        {
            return Ok(local.clone());
        }
        let local = find(tz.as_deref(), Path::new("/")).map_err(|message| {
            Error::new(
                ErrorKind::Config,
                format!("the local time zone is unknown: {message}; {WHAT_TO_DO}"),
            )
        })?;
        *known = Some((tz, local.clone()));
        Ok(local)
    }

    /// Returns the zone.
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// Returns where the zone was found, for example `the environment variable TZ`.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns a warning if the setting is unusual, for example if the C library, and thus the
    /// commands that jobs run, interprets the value of `TZ` as UTC.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    fn new(zone: impl Into<Zone>, source: impl Into<String>) -> Self {
        Self { zone: zone.into(), source: source.into(), warning: None }
    }

    fn warn(self, warning: impl Into<String>) -> Self {
        Self { warning: Some(warning.into()), ..self }
    }
}

impl Zone {
    /// Returns the zone of this machine; see [`LocalZone`] for how it is found.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if `TZ` or the system settings name no known zone. The message
    /// contains their values.
    pub fn local() -> Result<Self> {
        LocalZone::find().map(|local| local.zone())
    }
}

/// Formats `Europe/Helsinki (from the environment variable TZ)`.
impl fmt::Display for LocalZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (from {})", self.zone, self.source)
    }
}

/// Finds the zone by the value of `TZ` and the files below `root`. The error describes what was
/// found instead.
fn find(tz: Option<&OsStr>, root: &Path) -> Result<LocalZone, String> {
    let system = System { root };
    match tz {
        Some(value) => system.by_variable(value),
        None => system.by_files(),
    }
}

struct System<'a> {
    root: &'a Path,
}

impl System<'_> {
    fn by_variable(&self, value: &OsStr) -> Result<LocalZone, String> {
        const SOURCE: &str = "the environment variable TZ";
        let shown = value.to_string_lossy();
        let found = |zone: Zone| LocalZone::new(zone, SOURCE);
        let Some(text) = value.to_str() else {
            return Err(format!("{SOURCE} is `{shown}`, which is not valid UTF-8"));
        };
        let text = text.strip_prefix(':').unwrap_or(text);
        if text.is_empty() {
            return Ok(LocalZone::new(Zone::UTC, format!("{SOURCE}, which is empty")));
        }
        if let Ok(zone) = text.parse() {
            return Ok(found(zone));
        }
        // Environment files may contain quotes, or spaces at the end of a line.
        let bare = text.trim().trim_start_matches(':');
        let bare = ['"', '\'']
            .iter()
            .find_map(|quote| bare.strip_prefix(*quote)?.strip_suffix(*quote))
            .unwrap_or(bare)
            .trim();
        if bare.starts_with('/') {
            return self
                .by_zone_file(bare)
                .map(|local| LocalZone { source: format!("{SOURCE}: {}", local.source), ..local })
                .map_err(|error| format!("{SOURCE} is `{shown}`: {error}"));
        }
        let same_letters = TZ_VARIANTS.iter().find(|tz| tz.name().eq_ignore_ascii_case(bare));
        if let Some(tz) = same_letters {
            return Ok(found(Zone::from(*tz)).warn(format!(
                "the environment variable TZ is `{shown}`, which is taken for `{tz}`; the C library, and so the commands that \
                 jobs run, may take it for UTC"
            )));
        }
        let posix = PosixZone::parse(bare);
        if let Some((name, east)) = posix.as_ref().and_then(PosixZone::fixed)
            && let Some(offset) = FixedOffset::east_opt(east)
        {
            if matches!(name, "UTC" | "GMT") && east != 0 {
                return Err(format!(
                    "{SOURCE} is `{shown}`, which by POSIX means {offset}, the opposite of what it looks like; for that \
                     offset write `{offset}`"
                ));
            }
            let zone = if name == "UTC" { Zone::UTC } else { offset.into() };
            return Ok(found(zone));
        }
        if posix.is_some() {
            return Err(format!(
                "{SOURCE} is `{shown}`, a rule for daylight saving time instead of the name of a zone"
            ));
        }
        let near = crate::suggestion::nearest(bare, TZ_VARIANTS.iter().map(|tz| tz.name()));
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Err(format!("{SOURCE} is `{shown}`, which names no time zone{hint}"))
    }

    #[cfg(all(unix, not(target_os = "android")))]
    fn by_files(&self) -> Result<LocalZone, String> {
        if fs::symlink_metadata(self.path(LOCALTIME)).is_ok() {
            return self.by_zone_file(LOCALTIME);
        }
        match self.named() {
            Some((file, name)) => match Tz::from_str(&name) {
                Ok(tz) => Ok(LocalZone::new(tz, file).warn(format!(
                    "there is no {LOCALTIME}; `{tz}` is what {file} says, while the C library, and so the commands that jobs \
                     run, may use UTC"
                ))),
                Err(_) => Err(format!(
                    "there is no {LOCALTIME}, and {file} says `{name}`, which names no time zone"
                )),
            },
            None => {
                Ok(LocalZone::new(Zone::UTC, format!("nowhere: there is no TZ and no {LOCALTIME}")))
            }
        }
    }

    #[cfg(not(all(unix, not(target_os = "android"))))]
    #[expect(clippy::unused_self, reason = "where the zone is in files it is needed")]
    fn by_files(&self) -> Result<LocalZone, String> {
        let name = iana_time_zone::get_timezone()
            .map_err(|error| format!("the system does not report it: {error}"))?;
        match Tz::from_str(&name) {
            Ok(tz) => Ok(LocalZone::new(tz, "the settings of the system")),
            Err(_) => Err(format!("the system calls it `{name}`, which names no time zone")),
        }
    }

    /// Returns a system path, below the root.
    fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let below: PathBuf = path
            .as_ref()
            .components()
            .filter(|part| matches!(part, Component::Normal(_)))
            .collect();
        self.root.join(below)
    }

    /// Returns the zone of a file: by the name of its link target, or else by its contents.
    fn by_zone_file(&self, file: &str) -> Result<LocalZone, String> {
        let mut place = PathBuf::from(file);
        for _ in 0..MAX_LINKS {
            if let Some(tz) = below_zoneinfo(&place) {
                let link = if place == Path::new(file) { "" } else { " -> " };
                let target =
                    if link.is_empty() { String::new() } else { place.display().to_string() };
                return Ok(LocalZone::new(tz, format!("{file}{link}{target}")));
            }
            match fs::read_link(self.path(&place)) {
                Ok(target) => place = normal(&place.parent().unwrap_or(&place).join(target)),
                Err(_) => break,
            }
        }
        let bytes = fs::read(self.path(&place)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if place == Path::new(file) => {
                "there is no such file".to_owned()
            }
            io::ErrorKind::NotFound => {
                format!("{file} links to {}, which does not exist", place.display())
            }
            _ => format!("{file} can't be read: {error}"),
        })?;
        let parsed = ZoneFile::parse(&bytes)
            .ok_or_else(|| format!("{file} is neither a link to a zone nor a zone file"))?;
        let named = self.named();
        let copy = Copy { system: self, bytes, spans: parsed.spans(), file: parsed };
        let said = named.as_ref().and_then(|(_, name)| Tz::from_str(name).ok());
        if let Some(tz) = said
            && copy.is_of(tz)
        {
            return Ok(LocalZone::new(tz, format!("{file}, a copy of this zone")));
        }
        let Some(tz) = copy.find() else {
            return Err(format!("{file} is a zone file that equals no zone of the tz database"));
        };
        let local = LocalZone::new(tz, format!("{file}, a copy of this zone"));
        Ok(match named {
            Some((other, name)) => local.warn(format!(
                "{file} is a copy of the zone `{tz}`, which is used, but {other} says `{name}`"
            )),
            None => local,
        })
    }

    /// Returns the name of the zone from a file that contains only the name.
    fn named(&self) -> Option<(&'static str, String)> {
        NAME_FILES.into_iter().find_map(|file| {
            let text = fs::read_to_string(self.path(file)).ok()?;
            let name = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
            let name = name.into_iter().find(|name| !name.is_empty())?;
            Some((file, name.to_owned()))
        })
    }
}

/// A zone file without a known name.
struct Copy<'a> {
    system: &'a System<'a>,
    bytes: Vec<u8>,
    file: ZoneFile,
    spans: Box<[Span]>,
}

impl Copy<'_> {
    /// Returns the zone that it is a copy of. Several may be identical except for the name; old
    /// names come last.
    fn find(&self) -> Option<Tz> {
        let names = self.names();
        let same_abbreviations = |tz: &&Tz| self.has_abbreviations_of(**tz);
        let find = |tz: &&Tz| self.is_of(**tz);
        names
            .iter()
            .filter(same_abbreviations)
            .find(find)
            .or_else(|| names.iter().find(find))
            .copied()
    }

    /// Returns all zones, in the order in which to try them.
    fn names(&self) -> Vec<Tz> {
        let mut names = vec![Tz::UTC];
        let tables = ZONE_DIRECTORIES.iter().flat_map(|directory| {
            ZONE_TABLES.iter().filter_map(move |table| {
                fs::read_to_string(self.system.path(Path::new(directory).join(table))).ok()
            })
        });
        for table in tables {
            let rows = table.lines().filter(|line| !line.starts_with('#'));
            names.extend(rows.filter_map(|row| Tz::from_str(row.split('\t').nth(2)?).ok()));
        }
        for region in REGIONS.into_iter().chain([""]) {
            names.extend(TZ_VARIANTS.iter().filter(|tz| tz.name().starts_with(region)));
        }
        names
    }

    fn is_of(&self, tz: Tz) -> bool {
        self.has_offsets_of(tz) || self.has_bytes_of(tz)
    }

    /// Returns whether the system has a file of that name with the same bytes: it may be newer than
    /// this program's database.
    fn has_bytes_of(&self, tz: Tz) -> bool {
        ZONE_DIRECTORIES.iter().any(|directory| {
            let path = self.system.path(Path::new(directory).join(tz.name()));
            let same_length =
                fs::metadata(&path).is_ok_and(|found| found.len() == self.bytes.len() as u64);
            same_length && fs::read(&path).is_ok_and(|bytes| bytes == self.bytes)
        })
    }

    fn has_offsets_of(&self, tz: Tz) -> bool {
        let (from, until) = COMPARED;
        // Finding all spans of a zone is slow, and most zones differ early.
        samples().all(|seconds| offset(tz, seconds) == self.file.at(seconds).0)
            && Spans::of(tz).equal(&self.spans, from, until)
    }

    fn has_abbreviations_of(&self, tz: Tz) -> bool {
        // Abbreviations of the distant past were changed later.
        samples().skip(100).all(|seconds| {
            let instant = DateTime::from_timestamp(seconds, 0).unwrap_or_default().naive_utc();
            tz.offset_from_utc_datetime(&instant).abbreviation() == Some(self.file.at(seconds).1)
        })
    }
}

/// Returns two instants of each compared year.
fn samples() -> impl Iterator<Item = i64> {
    const HALF_YEAR: usize = 15_778_463;
    (COMPARED.0..COMPARED.1).step_by(HALF_YEAR)
}

fn offset(tz: Tz, seconds: i64) -> i32 {
    DateTime::from_timestamp(seconds, 0).map_or(0, |instant| {
        tz.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc()
    })
}

/// Returns the zone named by a path below a zone directory.
fn below_zoneinfo(path: &Path) -> Option<Tz> {
    let text = path.to_str()?;
    let (_, name) = text.rsplit_once("zoneinfo/")?;
    Tz::from_str(name.strip_prefix("posix/").unwrap_or(name)).ok()
}

/// Returns the path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

#[cfg(test)]
mod tests;
