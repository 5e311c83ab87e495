//! Tests with small crates, with and without circles.

use std::fs;
use std::path::Path;

use super::*;

/// Writes a package of these files, and checks it.
fn checked(files: &[(&str, &str)]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join("src").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let shown = |error: anyhow::Error| format!("{error:#}").replace(text(folder.path()), "PACKAGE");
    check(&[folder.path().to_owned()]).map_err(shown)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_chain_is_not_a_circle() {
    let files = [
        ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "pub struct B;"),
    ];
    assert_eq!(checked(&files), Ok(()));
}

#[test]
fn two_files_that_import_each_other_are_a_circle() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "pub struct B; fn f(_: &super::a::A) {}"),
    ];
    let error = checked(&files).unwrap_err();
    assert!(error.contains("1 circles of imports:\nin PACKAGE/src:\n"), "{error}");
    assert!(error.contains("  a.rs -> b.rs: B\n  b.rs -> a.rs: A\n"), "{error}");
}

#[test]
fn names_are_followed_through_re_exports_and_globs() {
    let files = [
        ("lib.rs", "mod a; mod b; pub use a::A; pub use b::*;"),
        ("a.rs", "pub struct A; fn f(_: crate::B) {}"),
        ("b.rs", "pub struct B; fn f() { macro_of_ours!(crate::A) }"),
    ];
    let error = checked(&files).unwrap_err();
    assert!(error.contains("  a.rs -> b.rs: B\n  b.rs -> a.rs: A\n"), "{error}");
}

#[test]
fn folders_can_be_a_circle_when_their_files_are_not() {
    let files = [
        ("lib.rs", "mod x; mod y;"),
        ("x/mod.rs", "mod one; mod two; pub use one::One; pub use two::Two;"),
        ("x/one.rs", "pub struct One(crate::y::Three);"),
        ("x/two.rs", "pub struct Two;"),
        ("y/mod.rs", "mod three; mod four; pub use three::Three;"),
        ("y/three.rs", "pub struct Three;"),
        ("y/four.rs", "struct Four(crate::x::Two);"),
    ];
    let error = checked(&files).unwrap_err();
    assert!(error.contains("  x -> y: Three\n  y -> x: Two\n"), "{error}");
}

#[test]
fn a_file_and_its_parent_module_can_be_a_circle() {
    let files = [
        ("lib.rs", "mod x;"),
        ("x/mod.rs", "mod one; pub struct Top; fn f() { one::g() }"),
        ("x/one.rs", "use super::Top; pub fn g() { let _ = Top; }"),
    ];
    let error = checked(&files).unwrap_err();
    assert!(
        error.contains("in PACKAGE/src/x:\n  mod.rs -> one.rs: g\n  one.rs -> mod.rs: Top"),
        "{error}"
    );
}

#[test]
fn code_of_tests_does_not_count() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        (
            "b.rs",
            "pub struct B; #[cfg(test)] mod tests { use crate::a::A; } #[cfg(test)] use crate::a::A;",
        ),
    ];
    assert_eq!(checked(&files), Ok(()));
}

#[test]
fn a_path_attribute_names_the_file_of_a_module() {
    let files = [
        ("lib.rs", "#[cfg_attr(unix, path = \"a.rs\")] mod system; mod b;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "pub struct B; fn f(_: crate::system::A) {}"),
    ];
    let error = checked(&files).unwrap_err();
    assert!(error.contains("  a.rs -> b.rs: B\n  b.rs -> a.rs: A\n"), "{error}");
}
