//! What rows were before a revision: a file beside each data file that it wrote, so that the revision can be undone.
//!
//! `root/_revisions/ORG/ID/DAY-STEP.parquet`, sorted by time as data files are: a row's time and ids, and the columns
//! that may have changed. Each is on the disk before the commit that it belongs to. One whose commit never came holds
//! what the rows are still.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use schema::{OrgName, Row};

use crate::batch;
use crate::columns::{Columns, TIME};
use crate::day::Day;
use crate::error::Error;
use crate::file::{self, File};
use crate::rows::from_batch;
use crate::upkeep::erase::MOST_ASKED;
use crate::upkeep::footer::{Batches, Opened, readable};
use crate::upkeep::order::IDS;
use crate::upkeep::victims::{TRACE, texts, value};

/// Not an organisation's name: those begin with a letter or digit.
const FOLDER: &str = "_revisions";
/// Rows that are read together.
const BATCH: usize = 1_024;
/// So many ids the bloom filters of a file are made for that is written once more.
const MOST_BLOOMED: usize = 128 * 1024;

/// The folder of a revision's former values.
pub(crate) fn folder_of(root: &Path, org: &OrgName, id: &str) -> PathBuf {
    root.join(FOLDER).join(org.as_str()).join(id)
}

fn error(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
    move |source| Error::Folder { path: path.display().to_string(), source }
}

/// The columns of a file of former values.
fn columns_of(columns: &Columns, changing: &[&str]) -> SchemaRef {
    let ours = |name: &str| name == TIME || IDS.contains(&name) || changing.contains(&name);
    let fields = columns.arrow().fields().iter().filter(|field| ours(field.name()));
    Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()))
}

/// A file of former values that is being written.
pub(crate) struct FormerWriter {
    table: String,
    columns: Arc<Columns>,
    schema: SchemaRef,
    path: PathBuf,
    writer: ArrowWriter<BufWriter<fs::File>>,
}

impl FormerWriter {
    /// For `rows` rows that a step of a revision changes in one data file.
    pub(crate) fn begin(
        table: &str,
        folder: &Path,
        (day, step): (Day, u64),
        columns: &Arc<Columns>,
        changing: &[&str],
        rows: u64,
    ) -> Result<Self, Error> {
        let path = folder.join(format!("{day}-{step:08}.parquet"));
        let new = path.with_extension("new");
        fs::create_dir_all(folder).map_err(error(folder))?;
        let out = BufWriter::new(fs::File::create(&new).map_err(error(&new))?);
        let schema = columns_of(columns, changing);
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let writer = file::writer(out, &schema, rows)
            .map_err(|source| Error::Encode { table: table.to_owned(), source })?;
        Ok(Self { table: table.to_owned(), columns: Arc::clone(columns), schema, path, writer })
    }

    /// Keeps what rows were; of their cells, those of the file's columns.
    pub(crate) fn keep(&mut self, rows: &[&Row]) -> Result<(), Error> {
        let columns = |source| Error::Columns { table: self.table.clone(), source };
        let cells = |row: &&Row| {
            let ours = row.cells().filter(|(name, _)| self.schema.index_of(name).is_ok());
            Row::of(ours.map(|(name, value)| (name.clone(), value.clone())).collect())
        };
        let rows: Vec<Row> = rows.iter().map(cells).collect();
        let built = batch::build(&self.columns, &rows.iter().collect::<Vec<_>>());
        let batch = built.and_then(|built| batch::widen(&built, &self.schema)).map_err(columns)?;
        let encode = |source| Error::Encode { table: self.table.clone(), source };
        self.writer.write(&batch).map_err(encode)
    }

    /// Brings the file to the disk under its name.
    pub(crate) fn finish(self) -> Result<(), Error> {
        finish(self.writer, &self.table, &self.path)
    }
}

fn finish(writer: ArrowWriter<BufWriter<fs::File>>, table: &str, path: &Path) -> Result<(), Error> {
    let encode = |source| Error::Encode { table: table.to_owned(), source };
    let put = |mut out: BufWriter<fs::File>| -> io::Result<()> {
        out.flush()?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(path.with_extension("new"), path)?;
        let folder = path.parent().unwrap_or(path);
        // A folder is known to be there when the one above it is synced.
        for folder in folder.ancestors().take(4) {
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(())
    };
    put(writer.into_inner().map_err(encode)?).map_err(error(path))
}

/// Reads what the rows of one day were, along with the rows themselves, which come in the order of their time.
pub(crate) struct Formers {
    /// Of the first step first.
    files: Vec<Cursor>,
    now: i64,
    /// Of the rows of this time, by their ids.
    rows: HashMap<(String, String), Row>,
}

struct Cursor {
    table: String,
    file: File,
    reader: Batches,
    rows: std::vec::IntoIter<Row>,
    next: Option<(i64, Row)>,
}

impl Formers {
    /// Of a day, and of a time within it.
    pub(crate) fn open(
        table: &str,
        folder: &Path,
        day: Day,
        times: (i64, i64),
        changing: &[&str],
    ) -> Result<Self, Error> {
        let names: Vec<&str> =
            [TIME].into_iter().chain(IDS).chain(changing.iter().copied()).collect();
        let mut files = Vec::new();
        for path in paths_in(folder)?.into_iter().filter(|path| is_of(path, day)) {
            let file = as_file(folder, &path)?;
            let opened = Opened::any(table, folder, &file)?;
            let reader = opened.part(table, &file, &names, times, BATCH)?;
            let (table, rows) = (table.to_owned(), Vec::new().into_iter());
            let mut cursor = Cursor { table, file, reader, rows, next: None };
            cursor.advance()?;
            files.push(cursor);
        }
        Ok(Self { files, now: i64::MIN, rows: HashMap::new() })
    }

    /// What a row was. Rows are to be asked for in the order of their time.
    ///
    /// Of a span that was stored twice the first one's values are answered, which is the one that stays.
    pub(crate) fn of(&mut self, row: &Row) -> Result<Option<&Row>, Error> {
        let Some((time, ids)) = key(row) else { return Ok(None) };
        if time != self.now {
            self.now = time;
            self.rows.clear();
            for file in &mut self.files {
                while let Some((at, former)) = file.next.take_if(|(at, _)| *at <= time) {
                    if at == time
                        && let Some((_, ids)) = key(&former)
                    {
                        self.rows.entry(ids).or_insert(former);
                    }
                    file.advance()?;
                }
            }
        }
        Ok(self.rows.get(&ids))
    }
}

impl Cursor {
    fn advance(&mut self) -> Result<(), Error> {
        loop {
            if let Some(row) = self.rows.next() {
                self.next = Some((row.int(TIME).unwrap_or(i64::MAX), row));
                return Ok(());
            }
            let Some(batch) = self.reader.next() else { return Ok(()) };
            let batch = readable(&self.table, &self.file, batch)?;
            self.rows = from_batch(&batch).into_iter();
        }
    }
}

/// By which a row is known again: its time and its ids; `None` if it lacks one.
pub(crate) fn key(row: &Row) -> Option<(i64, (String, String))> {
    let id = |name| row.text(name).map(str::to_owned);
    Some((row.int(TIME)?, (id(IDS[0])?, id(IDS[1])?)))
}

/// Takes the rows of some traces out of all former values of an organisation.
pub(crate) fn erase(root: &Path, org: &OrgName, traces: &HashSet<String>) -> Result<(), Error> {
    for revision in entries(&root.join(FOLDER).join(org.as_str()))? {
        for path in paths_in(&revision)? {
            erase_in(&revision, &path, traces)?;
        }
    }
    Ok(())
}

fn erase_in(folder: &Path, path: &Path, traces: &HashSet<String>) -> Result<(), Error> {
    let table = FOLDER;
    let file = as_file(folder, path)?;
    let opened = Opened::any(table, folder, &file)?;
    if traces.len() <= MOST_ASKED {
        let asked: Vec<&str> = traces.iter().map(String::as_str).collect();
        if opened.groups_with(TRACE, &asked).is_empty() {
            return Ok(());
        }
    }
    let new = path.with_extension("new");
    let encode = |source| Error::Encode { table: table.to_owned(), source };
    let columns = |source| Error::Columns { table: table.to_owned(), source };
    let (mut writer, mut kept, mut gone) = (None, 0, 0);
    for batch in opened.rows(table, &file, BATCH)? {
        let batch = batch.map_err(columns)?;
        let of = texts(&batch, TRACE);
        let spared = |row| Some(value(of, row).is_none_or(|trace| !traces.contains(trace)));
        let spared: BooleanArray = (0..batch.num_rows()).map(spared).collect();
        kept += spared.true_count();
        gone += batch.num_rows() - spared.true_count();
        let batch = filter_record_batch(&batch, &spared).map_err(columns)?;
        let writer = match &mut writer {
            Some(writer) => writer,
            none => {
                let out = BufWriter::new(fs::File::create(&new).map_err(error(&new))?);
                none.insert(file::writer(out, &batch.schema(), MOST_BLOOMED).map_err(encode)?)
            }
        };
        writer.write(&batch).map_err(encode)?;
    }
    let Some(writer) = writer else { return Ok(()) };
    if gone > 0 && kept > 0 {
        return finish(writer, table, path);
    }
    drop(writer);
    fs::remove_file(&new).map_err(error(&new))?;
    if gone > 0 { fs::remove_file(path).map_err(error(path)) } else { Ok(()) }
}

/// Removes a revision's former values; none may be there.
pub(crate) fn forget(root: &Path, org: &OrgName, id: &str) -> Result<(), Error> {
    let folder = folder_of(root, org, id);
    match fs::remove_dir_all(&folder) {
        Err(problem) if problem.kind() != io::ErrorKind::NotFound => Err(error(&folder)(problem)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The finished files of a revision, those of earlier steps first within a day.
fn paths_in(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut paths = entries(folder)?;
    paths.retain(|path| path.extension().is_some_and(|kind| kind == "parquet"));
    paths.sort();
    Ok(paths)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    match fs::read_dir(folder) {
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        found => {
            let paths = found.and_then(|found| found.map(|entry| Ok(entry?.path())).collect());
            paths.map_err(error(folder))
        }
    }
}

fn is_of(path: &Path, day: Day) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| name.starts_with(&format!("{day}-")))
}

fn as_file(folder: &Path, path: &Path) -> Result<File, Error> {
    let size = fs::metadata(path).map_err(error(path))?.len();
    let name = path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
    Ok(File { path: name, size, rows: 0, times: None, written_ms: 0, day: None })
}
