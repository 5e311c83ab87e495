//! The code blocks of the documents are doctests of this crate; its integration tests test the project from outside.

#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../README.md")]
    pub struct Readme;

    #[doc = include_str!("../../docs/GUIDE.md")]
    pub struct Guide;

    #[doc = include_str!("../../docs/PLUGINS.md")]
    pub struct Plugins;
}
