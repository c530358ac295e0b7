use std::sync::atomic::AtomicBool;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::columns::TIME;
use crate::upkeep::order::IDS;

/// More columns than are read at once, whatever the number of files.
const COLUMNS: usize = MOST_OPEN + 3;

/// A row: its time, the number that its ids are made of, and what is in its columns.
type Cells = (i64, u8, Option<i64>, Option<String>);

/// A file of some rows, sorted by time. Only those of an even number have the columns of texts.
fn batch(number: usize, rows: &[Cells]) -> RecordBatch {
    let ids = |length: usize| {
        rows.iter().map(|row| Some(format!("{:0length$x}", row.1))).collect::<StringArray>()
    };
    let mut columns: Vec<(String, ArrayRef)> = vec![
        (TIME.to_owned(), Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>())),
        (IDS[0].to_owned(), Arc::new(ids(32))),
        (IDS[1].to_owned(), Arc::new(ids(16))),
        ("number".to_owned(), Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>())),
    ];
    if number % 2 == 0 {
        let texts: ArrayRef =
            Arc::new(rows.iter().map(|row| row.3.clone()).collect::<StringArray>());
        columns
            .extend((0..COLUMNS).map(|column| (format!("text_{column:03}"), Arc::clone(&texts))));
    }
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .expect("is a batch")
}

fn columns() -> SchemaRef {
    let named = [
        (TIME, DataType::Int64),
        (IDS[0], DataType::Utf8),
        (IDS[1], DataType::Utf8),
        ("number", DataType::Int64),
    ];
    let first = named.into_iter().map(|(name, ty)| Field::new(name, ty, true));
    let texts =
        (0..COLUMNS).map(|column| Field::new(format!("text_{column:03}"), DataType::Utf8, true));
    Arc::new(Schema::new(first.chain(texts).collect::<Vec<_>>()))
}

/// What stands in the files of a folder, in their order.
fn read(folder: &std::path::Path, files: &[File]) -> Vec<Cells> {
    let mut rows = Vec::new();
    for file in files {
        let opened = Opened::ours("t", folder, file).expect("opens");
        let (before, mut times) = (rows.len(), None);
        for batch in opened.rows("t", file, 7).expect("reads") {
            let batch = batch.expect("reads");
            times = file::both(times, file::times(&batch));
            let numbers =
                |name| batch.column_by_name(name).map(|column| column.as_primitive::<Int64Type>());
            let texts =
                |name: &str| batch.column_by_name(name).map(|column| column.as_string::<i32>());
            for row in 0..batch.num_rows() {
                let text_of = |name: &str| {
                    let texts = texts(name)?;
                    texts.is_valid(row).then(|| texts.value(row).to_owned())
                };
                let id = u8::from_str_radix(&text_of(IDS[0]).expect("has an id"), 16)
                    .expect("is a number");
                let number = numbers("number")
                    .filter(|numbers| numbers.is_valid(row))
                    .map(|numbers| numbers.value(row));
                let text = text_of("text_000");
                assert_eq!(
                    text,
                    text_of(&format!("text_{:03}", COLUMNS - 1)),
                    "the first and the last column"
                );
                rows.push((numbers(TIME).expect("has times").value(row), id, number, text));
            }
        }
        assert_eq!(file.rows, (rows.len() - before) as u64);
        assert_eq!(file.times, times);
    }
    rows
}

fn cells() -> impl Strategy<Value = Cells> {
    (0..6_i64, 0..8_u8, any::<Option<i64>>(), proptest::option::of("[a-z]{0,12}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_row_is_there_once_with_all_of_its_columns(
        mut inputs in vec(vec(cells(), 1..40), 1..5),
        mut witness in vec(cells(), 0..10),
        dropped in any::<bool>(),
        most_bytes in prop_oneof![Just(1_u64), Just(40_000), Just(u64::MAX)],
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let day = Day::of_micros(0);
        std::fs::create_dir_all(folder.path().join(format!("_date={day}"))).expect("a folder");
        let file = |number: usize, rows: &mut Vec<Cells>| {
            rows.sort_by_key(|row| row.0);
            let batch = batch(number, rows);
            let bytes = file::encode(&batch).expect("encodes");
            let path = file::fresh_path(file::FLUSHED, day, number as u64);
            std::fs::write(folder.path().join(&path), &bytes).expect("writes");
            let (size, rows) = (bytes.len() as u64, rows.len() as u64);
            Arc::new(File { path, size, rows, times: file::times(&batch), written_ms: 0, day: Some(day) })
        };
        let files: Vec<Arc<File>> = inputs.iter_mut().enumerate().map(|(number, rows)| file(number, rows)).collect();
        let witnesses = if witness.is_empty() { Vec::new() } else { vec![file(9, &mut witness)] };
        let job = Merge {
            table: "t".to_owned(),
            folder: folder.path().to_owned(),
            day,
            columns: columns(),
            inputs: files,
            witnesses,
            repeats: if dropped { Repeats::Dropped } else { Repeats::Kept },
            most_bytes,
            now_ms: 5,
        };
        let merged = merge(&job, &mut Pace::new(0, Arc::new(AtomicBool::new(false)))).expect("merges");

        // The same by hand: by time, then by file, then as they stand there; of the same span at the same time, one.
        let numbered = inputs.iter().enumerate();
        let mut all: Vec<Cells> = numbered
            .flat_map(|(number, rows)| {
                let texts = number % 2 == 0;
                rows.iter().cloned().map(move |row| (row.0, row.1, row.2, row.3.filter(|_| texts)))
            })
            .collect();
        all.sort_by_key(|row| row.0);
        let rows = all.len();
        if dropped {
            let mut seen: std::collections::HashSet<(i64, u8)> = witness.iter().map(|row| (row.0, row.1)).collect();
            all.retain(|row| seen.insert((row.0, row.1)));
        }
        prop_assert_eq!(merged.repeats, (rows - all.len()) as u64);
        prop_assert_eq!(read(folder.path(), &merged.files), all);
        prop_assert!(most_bytes > 1 || merged.files.len() as u64 == merged.files.iter().map(|file| file.rows).sum::<u64>());
    }
}
