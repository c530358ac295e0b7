use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::columns::TIME;
use crate::upkeep::order::IDS;

/// More columns than are read at once, whatever the number of files.
const COLUMNS: usize = MOST_OPEN + 3;
/// One whose name looks like a path.
const DOTTED: usize = 7;

/// A row: its time, the number that its ids are made of, and what is in its columns.
type Cells = (Option<i64>, Option<u8>, Option<i64>, Option<String>);

fn text_column(number: usize) -> String {
    format!("text{}{number}", if number == DOTTED { "." } else { "_" })
}

/// Some rows as a batch. Only files of an even number have the columns of texts, each with texts of its own.
fn batch(number: usize, rows: &[Cells]) -> RecordBatch {
    let ids = |length: usize| -> ArrayRef {
        let ids = rows.iter().map(|row| row.1.map(|id| format!("{id:0length$x}")));
        Arc::new(ids.collect::<StringArray>())
    };
    let numbers = |of: fn(&Cells) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<Int64Array>())
    };
    let mut columns = vec![
        (TIME.to_owned(), numbers(|row| row.0)),
        (IDS[0].to_owned(), ids(32)),
        (IDS[1].to_owned(), ids(16)),
        ("number".to_owned(), numbers(|row| row.2)),
    ];
    for column in (0..COLUMNS).filter(|_| number.is_multiple_of(2)) {
        let texts = rows.iter().map(|row| row.3.as_ref().map(|text| format!("{text}{column}")));
        columns.push((text_column(column), Arc::new(texts.collect::<StringArray>())));
    }
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).expect("is a batch")
}

fn columns() -> SchemaRef {
    let named = [
        (TIME, DataType::Int64),
        (IDS[0], DataType::Utf8),
        (IDS[1], DataType::Utf8),
        ("number", DataType::Int64),
    ];
    let first = named.into_iter().map(|(name, ty)| Field::new(name, ty, true));
    let texts = (0..COLUMNS).map(|number| Field::new(text_column(number), DataType::Utf8, true));
    Arc::new(Schema::new(first.chain(texts).collect::<Vec<_>>()))
}

/// A file of these rows, which get sorted by time, in row groups of so many.
fn write(folder: &Path, number: usize, rows: &mut [Cells], group: usize) -> Arc<File> {
    rows.sort_by_key(|row| row.0.unwrap_or(i64::MAX));
    let (batch, day) = (batch(number, rows), Day::of_micros(0));
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group))
        .set_created_by(file::MAKER.to_owned())
        .build();
    let path = file::fresh_path(file::FLUSHED, day, number as u64);
    let to = std::fs::File::create(folder.join(&path)).expect("is made");
    let mut writer = ArrowWriter::try_new(to, batch.schema(), Some(properties)).expect("begins");
    writer.write(&batch).expect("writes");
    let size = writer.into_inner().expect("ends").metadata().expect("is there").len();
    let (times, rows) = (file::times(&batch), rows.len() as u64);
    Arc::new(File { path, size, rows, times, written_ms: 0, day: Some(day) })
}

/// What stands in the files of a folder, in their order.
fn read(folder: &Path, files: &[File]) -> Vec<Cells> {
    let mut rows = Vec::new();
    for file in files {
        let opened = Opened::ours("t", folder, file).expect("opens");
        let (before, mut times) = (rows.len(), None);
        for batch in opened.rows("t", file, 7).expect("reads") {
            let batch = batch.expect("reads");
            times = file::both(times, file::times(&batch));
            for row in 0..batch.num_rows() {
                let number = |name: &str| {
                    let numbers = batch.column_by_name(name)?.as_primitive::<Int64Type>();
                    numbers.is_valid(row).then(|| numbers.value(row))
                };
                let text = |name: &str| {
                    let texts = batch.column_by_name(name)?.as_string::<i32>();
                    texts.is_valid(row).then(|| texts.value(row).to_owned())
                };
                let id = text(IDS[0]).map(|id| u8::from_str_radix(&id, 16).expect("is a number"));
                let first = text(&text_column(0)).map(|text| text[..text.len() - 1].to_owned());
                for column in 0..COLUMNS {
                    let expected = first.as_ref().map(|text| format!("{text}{column}"));
                    assert_eq!(text(&text_column(column)), expected);
                }
                rows.push((number(TIME), id, number("number"), first));
            }
        }
        assert_eq!(file.rows, (rows.len() - before) as u64);
        assert_eq!(file.times, times);
    }
    rows
}

fn cells() -> impl Strategy<Value = Cells> {
    let time = option::weighted(0.9, 0..6_i64);
    (time, option::weighted(0.9, 0..8_u8), any::<Option<i64>>(), option::of("[a-z]{0,12}"))
}

fn pace() -> Pace {
    Pace::new(0, Arc::new(AtomicBool::new(false)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn every_row_is_there_once_with_all_of_its_columns(
        mut inputs in vec((vec(cells(), 1..40), 1..9_usize), 1..5),
        mut witness in vec(cells(), 0..10),
        dropped in any::<bool>(),
        most_bytes in prop_oneof![Just(1_u64), Just(40_000), Just(u64::MAX)],
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let day = Day::of_micros(0);
        std::fs::create_dir_all(folder.path().join(format!("_date={day}"))).expect("a folder");
        let files = inputs.iter_mut().enumerate();
        let files = files.map(|(number, (rows, group))| write(folder.path(), number, rows, *group));
        let files: Vec<Arc<File>> = files.collect();
        let no_witness = witness.is_empty();
        let witnesses = (!no_witness).then(|| write(folder.path(), 9, &mut witness, 3));
        let job = Merge {
            table: "t".to_owned(),
            folder: folder.path().to_owned(),
            day,
            columns: columns(),
            inputs: files,
            witnesses: witnesses.into_iter().collect(),
            repeats: if dropped { Repeats::Dropped } else { Repeats::Kept },
            most_bytes,
            now_ms: 5,
        };
        let (merged, repeats) = merge(&job, &mut pace()).expect("merges");

        // The same by hand: by time, then by file, then as they stand there; of the same span at the same time, one.
        let numbered = inputs.iter().enumerate();
        let mut all: Vec<Cells> = numbered
            .flat_map(|(number, (rows, _))| {
                let texts = number % 2 == 0;
                let rows = rows.iter().cloned();
                rows.map(move |row| (row.0, row.1, row.2, row.3.filter(|_| texts)))
            })
            .collect();
        all.sort_by_key(|row| row.0.unwrap_or(i64::MAX));
        let rows = all.len();
        if dropped {
            let known = witness.iter().filter_map(|row| Some((row.0, row.1?)));
            let mut seen: HashSet<(Option<i64>, u8)> = known.collect();
            all.retain(|row| row.1.is_none_or(|id| seen.insert((row.0, id))));
        }
        prop_assert_eq!(repeats, (rows - all.len()) as u64);
        prop_assert_eq!(read(folder.path(), &merged.files), all);
        let each_alone = merged.files.iter().all(|file| file.rows == 1);
        prop_assert!(most_bytes > 1 || each_alone);
    }
}

#[test]
fn of_a_merge_that_fails_nothing_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let day = Day::of_micros(0);
    let days = folder.path().join(format!("_date={day}"));
    std::fs::create_dir_all(&days).expect("a folder");
    let row = |time: i64| (Some(time), Some(1), None, Some("text".to_owned()));
    let good = write(folder.path(), 0, &mut [row(1), row(2)], 1);
    let bad = write(folder.path(), 2, &mut [row(3), row(4)], 1);
    // A column in its middle is zeros, and its footer is as it was: that shows when much has been written.
    let path = folder.path().join(&bad.path);
    let footer = std::fs::File::open(&path).expect("opens");
    let footer = ParquetRecordBatchReaderBuilder::try_new(footer).expect("is a file");
    let chunk = footer.metadata().row_group(1).column(COLUMNS / 2);
    let (from, length) = chunk.byte_range();
    let mut bytes = std::fs::read(&path).expect("reads");
    let from = usize::try_from(from).expect("is short");
    bytes[from..from + usize::try_from(length).expect("is short")].fill(0);
    std::fs::write(&path, bytes).expect("writes");
    let job = Merge {
        table: "t".to_owned(),
        folder: folder.path().to_owned(),
        day,
        columns: columns(),
        inputs: vec![good, bad],
        witnesses: Vec::new(),
        repeats: Repeats::Kept,
        most_bytes: 1,
        now_ms: 5,
    };
    let error = merge(&job, &mut pace()).expect_err("cannot be read");
    assert!(matches!(error, Error::Unreadable { .. }), "{error}");
    let stopped = merge(&job, &mut Pace::new(0, Arc::new(AtomicBool::new(true))));
    assert!(matches!(stopped, Err(Error::Aborted { .. })), "{stopped:?}");
    assert_eq!(std::fs::read_dir(days).expect("lists").count(), 2, "only what was merged");
}
