//! What the benches share: a scheduler with many due jobs, and the time it takes to run them.
