//! Connections to the server through a proxy.

use apscheduler_store_mongodb::MongoDbOptions;

use crate::calls::Place;
use crate::place;
use crate::wire::{Pass, Proxy};

/// The parts of the server's URL: the login with its `@`, the address, and the rest with its `/`.
pub(crate) fn parts() -> (String, String, String) {
    let url = place::url();
    let rest = url.strip_prefix("mongodb://").expect("a `mongodb://` URL");
    let (place, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, address) = place.rsplit_once('@').unwrap_or(("", place));
    let login = if login.is_empty() { String::new() } else { format!("{login}@") };
    (login, address.to_owned(), format!("/{rest}"))
}

/// Returns a proxy to the server.
pub(crate) fn proxy() -> Proxy {
    Proxy::new(parts().1)
}

/// Returns the options of a store that connects through the proxy.
pub(crate) fn through(proxy: &Proxy, place: &Place) -> MongoDbOptions {
    let (login, _, rest) = parts();
    let url = format!("mongodb://{login}{}{rest}", proxy.address());
    place.options().url(url).server_selection_timeout(std::time::Duration::from_secs(1))
}

/// Returns the name of the command in a message.
pub(crate) fn command(message: &[u8]) -> &str {
    const OP_MSG: [u8; 4] = 2013_i32.to_le_bytes();
    // A header of 16 bytes, flags, the kind of the section, the length of the document, the type of its first field.
    let Some(name) = message.get(26..).filter(|_| message[12..16] == OP_MSG) else { return "" };
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(0);
    std::str::from_utf8(&name[..end]).unwrap_or_default()
}

/// Calls `before` once, when a command with this name arrives, and then passes it.
pub(crate) fn meanwhile(
    proxy: &Proxy,
    name: &'static str,
    pass: Pass,
    before: impl FnOnce() + Send + 'static,
) {
    let mut before = Some(before);
    proxy.on_requests(move |message| {
        if command(message) != name {
            return Pass::On;
        }
        before.take().map_or(Pass::On, |before| {
            before();
            pass
        })
    });
}

/// Cuts the connection at the write with this number, from 0: before it reaches the server, or before its answer.
pub(crate) fn cut_at_write(proxy: &Proxy, number: usize, pass: Pass) {
    let mut writes = 0;
    proxy.on_requests(move |message| {
        if !["update", "insert", "delete"].contains(&command(message)) {
            return Pass::On;
        }
        writes += 1;
        if writes == number + 1 { pass } else { Pass::On }
    });
}
