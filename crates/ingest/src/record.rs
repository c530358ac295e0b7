//! One record of the log: `version kind org stream rows`, where org and stream are `length bytes` with one length
//! byte, and rows are as [`schema::encode`] writes them. A record of several tables, as metrics need, is
//! `version (kind org stream length rows)*` with a version of its own and lengths of four bytes, little-endian: all of
//! a request is logged or nothing.

use std::str::FromStr;

use bytes::Bytes;
use schema::{Kind, OrgName, Row, Table};

const VERSION: u8 = 1;
const SEVERAL: u8 = 2;
const KINDS: [Kind; 3] = [Kind::Traces, Kind::Logs, Kind::Metrics];

/// Why a record of the log cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordError {
    #[error(
        "the record has format version {0}, this program reads versions {VERSION} and {SEVERAL}"
    )]
    Version(u8),
    #[error("the record's table cannot be read")]
    Table,
    #[error(transparent)]
    Rows(#[from] schema::CodecError),
}

/// Rows, and the table that they go to.
pub(crate) type Part = (Table, Vec<Row>);

pub(crate) fn encode(parts: &[Part]) -> Bytes {
    let mut out = Vec::new();
    if let [(table, rows)] = parts {
        out.push(VERSION);
        write_table(&mut out, table);
        schema::encode_into(&mut out, rows);
        return out.into();
    }
    out.push(SEVERAL);
    for (table, rows) in parts {
        let rows = schema::encode(rows);
        write_table(&mut out, table);
        // A record is at most 1 GiB: a longer one is refused by the log as a whole.
        out.extend_from_slice(&u32::try_from(rows.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&rows);
    }
    out.into()
}

fn write_table(out: &mut Vec<u8>, table: &Table) {
    let kind = KINDS.iter().position(|kind| *kind == table.kind);
    out.push(kind.and_then(|at| u8::try_from(at).ok()).unwrap_or(0));
    for text in [table.org.as_str(), &table.stream] {
        // Both are at most 100 bytes by their own rules.
        out.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(text.as_bytes());
    }
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Part>, RecordError> {
    let (version, mut rest) = bytes.split_first().ok_or(RecordError::Table)?;
    match *version {
        VERSION => {
            let (table, rows) = read_table(rest).ok_or(RecordError::Table)?;
            Ok(vec![(table, schema::decode(rows)?)])
        }
        SEVERAL => {
            let mut parts = Vec::new();
            while !rest.is_empty() {
                let (table, after) = read_table(rest).ok_or(RecordError::Table)?;
                let (len, after) = after.split_first_chunk().ok_or(RecordError::Table)?;
                let len = usize::try_from(u32::from_le_bytes(*len)).unwrap_or(usize::MAX);
                let (rows, after) = after.split_at_checked(len).ok_or(RecordError::Table)?;
                parts.push((table, schema::decode(rows)?));
                rest = after;
            }
            Ok(parts)
        }
        version => Err(RecordError::Version(version)),
    }
}

fn read_table(bytes: &[u8]) -> Option<(Table, &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    let kind = *KINDS.get(usize::from(*kind))?;
    let (org, rest) = text(rest)?;
    let (stream, rest) = text(rest)?;
    Some((Table::new(OrgName::from_str(org).ok()?, kind, stream), rest))
}

fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = bytes.split_first()?;
    let (text, rest) = rest.split_at_checked(usize::from(*len))?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_reads_back() {
        let table =
            Table::new(OrgName::from_str("team").expect("a name"), Kind::Metrics, "_rollups");
        let mut row = Row::default();
        row.push(schema::Name::fixed("a"), 1);
        let part = (table, vec![row]);
        let bytes = encode(std::slice::from_ref(&part));
        assert_eq!((bytes[0], decode(&bytes)), (VERSION, Ok(vec![part.clone()])));
        let other = (Table::traces(OrgName::first()), Vec::new());
        let several = vec![part, other];
        let bytes = encode(&several);
        assert_eq!((bytes[0], decode(&bytes)), (SEVERAL, Ok(several)));
        assert!(decode(&bytes[..bytes.len() - 1]).is_err(), "half of it is none");
        assert_eq!(decode(&[9]), Err(RecordError::Version(9)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_record_or_an_error(mut bytes: Vec<u8>, version in 0_u8..4) {
            let _ = decode(&bytes);
            bytes.insert(0, version);
            let _ = decode(&bytes);
        }
    }
}
