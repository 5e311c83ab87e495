//! The user, the file mode mask and the niceness of a program, and whether this process may set them.

#[cfg(unix)]
#[path = "privileges_unix.rs"]
mod system;
#[cfg(not(unix))]
#[path = "privileges_other.rs"]
mod system;

pub(crate) use system::User;

/// The bits that new files do not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Umask(pub(crate) u32);

impl Umask {
    /// Reads octal digits.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let is_octal =
            !digits.is_empty() && digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        let mask = u32::from_str_radix(digits, 8).ok().filter(|mask| is_octal && *mask <= 0o777);
        let mask = mask.ok_or_else(|| {
            format!("umask: expected octal digits up to 0777, such as \"027\", found `{text}`")
        })?;
        system::supports("umask").map(|()| Self(mask))
    }
}

/// How much a program leaves the processor to others: from -20 to 19.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Niceness(pub(crate) i32);

impl Niceness {
    pub(crate) fn new(value: i32) -> Result<Self, String> {
        if !(-20..=19).contains(&value) {
            return Err(format!("nice: expected -20 to 19, found {value}"));
        }
        system::supports("nice")?;
        system::check_niceness(value).map(|()| Self(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_octal() {
        assert_eq!(Umask::parse("027"), Ok(Umask(0o27)));
        assert_eq!(Umask::parse("0o077"), Ok(Umask(0o77)));
        for wrong in ["", "8", "1000", "u=rwx", "+7", "-7"] {
            let error = Umask::parse(wrong).unwrap_err();
            assert!(error.starts_with("umask: expected octal digits"), "{error}");
        }
    }

    #[test]
    fn niceness_has_a_range() {
        assert_eq!(Niceness::new(19), Ok(Niceness(19)));
        for wrong in [20, -21] {
            let error = Niceness::new(wrong).unwrap_err();
            assert_eq!(error, format!("nice: expected -20 to 19, found {wrong}"));
        }
    }
}
