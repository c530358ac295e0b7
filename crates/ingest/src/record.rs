//! One record of the log: `version kind org stream rows`, where org and stream are `length bytes` with one length
//! byte, and rows are as [`schema::encode`] writes them.

use std::str::FromStr;

use bytes::Bytes;
use schema::{Kind, OrgName, Row, Table};

const VERSION: u8 = 1;
const KINDS: [Kind; 3] = [Kind::Traces, Kind::Logs, Kind::Metrics];

/// Why a record of the log cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("the record has format version {0}, this program reads version {VERSION}")]
    Version(u8),
    #[error("the record's table cannot be read")]
    Table,
    #[error(transparent)]
    Rows(#[from] schema::CodecError),
}

pub(crate) fn encode(table: &Table, rows: &[Row]) -> Bytes {
    let mut out = Vec::new();
    out.push(VERSION);
    out.push(
        KINDS
            .iter()
            .position(|kind| *kind == table.kind)
            .and_then(|at| u8::try_from(at).ok())
            .unwrap_or(0),
    );
    for text in [table.org.as_str(), &table.stream] {
        // Both are at most 100 bytes by their own rules.
        out.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(text.as_bytes());
    }
    schema::encode_into(&mut out, rows);
    out.into()
}

pub(crate) fn decode(bytes: &[u8]) -> Result<(Table, Vec<Row>), RecordError> {
    let (version, rest) = bytes.split_first().ok_or(RecordError::Table)?;
    if *version != VERSION {
        return Err(RecordError::Version(*version));
    }
    let (kind, rest) = rest.split_first().ok_or(RecordError::Table)?;
    let kind = *KINDS.get(usize::from(*kind)).ok_or(RecordError::Table)?;
    let (org, rest) = text(rest).ok_or(RecordError::Table)?;
    let (stream, rest) = text(rest).ok_or(RecordError::Table)?;
    let org = OrgName::from_str(org).map_err(|_| RecordError::Table)?;
    Ok((Table::new(org, kind, stream), schema::decode(rest)?))
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
        assert_eq!(decode(&encode(&table, std::slice::from_ref(&row))), Ok((table, vec![row])));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_record_or_an_error(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
