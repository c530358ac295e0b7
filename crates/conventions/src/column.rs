use schema::{Name, TRACE_COLUMNS};

/// How many columns are promised.
pub(crate) const COUNT: usize = TRACE_COLUMNS.len();

/// A promised column, by its place in [`TRACE_COLUMNS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column(usize);

impl Column {
    /// The column of that name; in a `const` block a wrong name does not compile.
    pub(crate) const fn named(name: &str) -> Self {
        let mut at = 0;
        while at < COUNT {
            if equal(TRACE_COLUMNS[at].name.as_bytes(), name.as_bytes()) {
                return Self(at);
            }
            at += 1;
        }
        panic!("no such column is promised")
    }

    /// The promised column of a name that came from outside.
    pub(crate) fn find(name: &str) -> Option<Self> {
        TRACE_COLUMNS.iter().position(|column| column.name == name).map(Self)
    }

    /// Its place in [`TRACE_COLUMNS`].
    pub(crate) const fn index(self) -> usize {
        self.0
    }

    /// Its name, for a cell.
    pub(crate) const fn name(self) -> Name {
        TRACE_COLUMNS[self.0].cell()
    }

    /// Its type.
    pub(crate) const fn ty(self) -> schema::Type {
        TRACE_COLUMNS[self.0].ty
    }
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// A promised column by name, checked by the compiler.
macro_rules! column {
    ($name:literal) => {
        const { $crate::column::Column::named($name) }
    };
}
pub(crate) use column;
