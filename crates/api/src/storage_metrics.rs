//! What this server's own metrics say of its tables and their upkeep.

use blobs::Counts;
use lake::Lake;
use openmetrics::{Family, LabelName, Labels, Page, PageError};

const FILES: Family = Family::new("inferscope_table_files", "Files of all tables");
const ROWS: Family = Family::new("inferscope_table_rows", "Rows in files of all tables");
const BYTES: Family =
    Family::new("inferscope_table_bytes", "Size of the files of all tables").with_unit("bytes");
const UNREADABLE: Family = Family::new(
    "inferscope_table_unreadable_files",
    "Files that cannot be read and are left out of answers",
);
const DAMAGED: Family = Family::new("inferscope_table_damaged", "Tables whose log cannot be read");
const UNREFERENCED: Family = Family::new(
    "inferscope_table_unreferenced_bytes",
    "Size of files that no table refers to any more and that are still on the disk",
)
.with_unit("bytes");
const FOLDER: Family =
    Family::new("inferscope_data_folder_bytes", "What the data folder takes on the disk")
        .with_unit("bytes");
const FULL: Family = Family::new(
    "inferscope_data_folder_full",
    "1 while the data folder is at its ceiling and nothing is taken in",
);
const MERGES: Family = Family::new("inferscope_upkeep_merges", "Merges of files");
const MERGED_FILES: Family =
    Family::new("inferscope_upkeep_merged_files", "Files that were merged into others");
const REWRITTEN: Family = Family::new(
    "inferscope_upkeep_rewritten_bytes",
    "Size of files that merges, erasures and re-pricings have read and written",
)
.with_unit("bytes");
const REPEATS: Family = Family::new(
    "inferscope_upkeep_repeats",
    "Spans that were stored twice and are stored once since a merge",
);
const ROWS_REMOVED: Family =
    Family::new("inferscope_upkeep_rows_removed", "Rows that left the tables, by why");
const FILES_REMOVED: Family =
    Family::new("inferscope_upkeep_files_removed", "Files that left the tables, by why");
const ROWS_REVISED: Family = Family::new(
    "inferscope_upkeep_rows_revised",
    "Rows of which some columns were changed, as by a re-pricing",
);
const FILES_REVISED: Family =
    Family::new("inferscope_upkeep_files_revised", "Files that were written anew for that");
const VACUUMED_FILES: Family =
    Family::new("inferscope_upkeep_vacuumed_files", "Files that were deleted from the disk");
const VACUUMED_BYTES: Family = Family::new(
    "inferscope_upkeep_vacuumed_bytes",
    "Size of files that were deleted from the disk",
)
.with_unit("bytes");
const CHECKPOINTS: Family =
    Family::new("inferscope_upkeep_checkpoints", "Checkpoints of tables' logs");
const LOG_ENTRIES: Family =
    Family::new("inferscope_upkeep_log_entries_removed", "Entries deleted from tables' logs");
const FAILURES: Family =
    Family::new("inferscope_upkeep_failures", "Steps of upkeep that failed, by step");

const PARTS: Family = Family::new("inferscope_binary_parts", "Binary parts that are stored");
const PARTS_BYTES: Family =
    Family::new("inferscope_binary_parts_bytes", "Size of the binary parts that are stored")
        .with_unit("bytes");
const PARTS_MET: Family = Family::new(
    "inferscope_binary_parts_met",
    "Binary parts of contents by what became of them, and those that no row named any more",
);

const OUTCOME: LabelName = LabelName::new("outcome");
const DIRECTION: LabelName = LabelName::new("direction");
const WHY: LabelName = LabelName::new("why");
const STEP: LabelName = LabelName::new("step");

pub(crate) fn write(page: &mut Page, lake: &Lake) -> Result<(), PageError> {
    tables(page, lake)?;
    let counts = lake.upkeep_counts();
    page.counter(&MERGES)?.add(&Labels::NONE, counts.merges);
    page.counter(&MERGED_FILES)?.add(&Labels::NONE, counts.merged_files);
    let mut rewritten = page.counter(&REWRITTEN)?;
    rewritten.add(&Labels::of(&[(DIRECTION, "read")]), counts.bytes_read);
    rewritten.add(&Labels::of(&[(DIRECTION, "written")]), counts.bytes_written);
    page.counter(&REPEATS)?.add(&Labels::NONE, counts.repeats);
    for (family, removed) in
        [(&ROWS_REMOVED, &counts.rows_removed), (&FILES_REMOVED, &counts.files_removed)]
    {
        let mut family = page.counter(family)?;
        for (why, count) in removed {
            family.add(&Labels::of(&[(WHY, why.name())]), *count);
        }
    }
    page.counter(&ROWS_REVISED)?.add(&Labels::NONE, counts.rows_revised);
    page.counter(&FILES_REVISED)?.add(&Labels::NONE, counts.files_revised);
    page.counter(&VACUUMED_FILES)?.add(&Labels::NONE, counts.vacuumed_files);
    page.counter(&VACUUMED_BYTES)?.add(&Labels::NONE, counts.vacuumed_bytes);
    page.counter(&CHECKPOINTS)?.add(&Labels::NONE, counts.checkpoints);
    page.counter(&LOG_ENTRIES)?.add(&Labels::NONE, counts.log_entries);
    let mut failures = page.counter(&FAILURES)?;
    for (step, count) in &counts.failures {
        failures.add(&Labels::of(&[(STEP, step)]), *count);
    }
    Ok(())
}

pub(crate) fn write_parts(page: &mut Page, counts: &Counts) -> Result<(), PageError> {
    page.gauge(&PARTS)?.add(&Labels::NONE, counts.parts);
    page.gauge(&PARTS_BYTES)?.add(&Labels::NONE, counts.bytes);
    let mut met = page.counter(&PARTS_MET)?;
    for (outcome, count) in [
        ("stored", counts.stored),
        ("known", counts.known),
        ("too_large", counts.too_large),
        ("no_room", counts.no_room),
        ("removed", counts.removed),
    ] {
        met.add(&Labels::of(&[(OUTCOME, outcome)]), count);
    }
    Ok(())
}

fn tables(page: &mut Page, lake: &Lake) -> Result<(), PageError> {
    let streams = lake.streams(None);
    let space = lake.space();
    let sum = |of: fn(&lake::StreamStorage) -> u64| streams.iter().map(of).sum::<u64>();
    page.gauge(&FILES)?.add(&Labels::NONE, sum(|stream| stream.files));
    page.gauge(&ROWS)?.add(&Labels::NONE, sum(|stream| stream.rows));
    page.gauge(&BYTES)?.add(&Labels::NONE, sum(|stream| stream.bytes));
    let unreadable = sum(|stream| stream.unreadable.len() as u64);
    page.gauge(&UNREADABLE)?.add(&Labels::NONE, unreadable);
    page.gauge(&DAMAGED)?.add(&Labels::NONE, sum(|stream| u64::from(stream.damaged)));
    page.gauge(&UNREFERENCED)?.add(&Labels::NONE, sum(|stream| stream.unreferenced_bytes));
    if let Some(bytes) = space.bytes {
        page.gauge(&FOLDER)?.add(&Labels::NONE, bytes);
    }
    page.gauge(&FULL)?.add(&Labels::NONE, u64::from(space.full));
    Ok(())
}
