//! RethinkDB.
