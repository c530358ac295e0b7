//! Which entry of a table's log is broken: the library that reads the log says what it met, and not where.

use std::fs;
use std::path::Path;

use crate::error::Error;

/// Why the log of the table in `folder` cannot be read, with the first entry that is no JSON.
pub(crate) fn why(folder: &Path, error: &Error) -> String {
    let said = error.to_string();
    // What follows the first line is where the library was, not what it met.
    let said = said.lines().next().unwrap_or_default();
    match first_broken(&folder.join("_delta_log")) {
        Some(entry) => format!("{said}; {entry}: put it back from a copy"),
        None => said.to_owned(),
    }
}

/// The first entry, by its version, that is not made of lines of JSON, and what is wrong with it.
fn first_broken(log: &Path) -> Option<String> {
    let entries =
        fs::read_dir(log).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut entries: Vec<String> = entries.filter(|name| name.ends_with(".json")).collect();
    entries.sort_unstable();
    entries.into_iter().find_map(|name| {
        let wrong = match fs::read(log.join(&name)) {
            Err(error) => error.to_string(),
            Ok(bytes) => wrong_with(&bytes)?,
        };
        Some(format!("_delta_log/{name}: {wrong}"))
    })
}

fn wrong_with(bytes: &[u8]) -> Option<String> {
    if bytes.is_empty() {
        return Some("it is empty".to_owned());
    }
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let mut lines = lines.filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace));
    lines.find_map(|(at, line)| {
        let error = serde_json::from_slice::<serde::de::IgnoredAny>(line).err()?;
        Some(format!("line {} is no JSON ({error})", at + 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_that_is_no_json_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("_delta_log");
        fs::create_dir(&log).expect("a folder");
        let put = |version: u64, text: &[u8]| {
            fs::write(log.join(format!("{version:020}.json")), text).expect("writes");
        };
        put(0, b"{\"a\":1}\n{\"b\":2}\n");
        assert_eq!(first_broken(&log), None);
        put(2, b"");
        let found = first_broken(&log).expect("is found");
        assert_eq!(found, "_delta_log/00000000000000000002.json: it is empty");
        put(1, b"{\"a\":1}\n{\"b\":\xff\n");
        let found = first_broken(&log).expect("is found");
        assert!(
            found.starts_with("_delta_log/00000000000000000001.json: line 2 is no JSON"),
            "{found}"
        );
    }
}
