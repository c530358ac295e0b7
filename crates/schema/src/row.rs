use crate::{Name, Value};

/// One record: its cells in the order they were set, at most one of each name.
///
/// [`push`](Row::push) trusts the caller that the name is new; [`set`](Row::set) looks and replaces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row(Vec<(Name, Value)>);

impl Row {
    /// An empty row with room for `cells` cells.
    #[must_use]
    pub fn with_capacity(cells: usize) -> Self {
        Self(Vec::with_capacity(cells))
    }

    /// A row of these cells, of which no two have the same name.
    #[must_use]
    pub fn of(cells: Vec<(Name, Value)>) -> Self {
        let row = Self(cells);
        debug_assert!(
            row.0
                .iter()
                .enumerate()
                .all(|(at, (name, _))| { row.0[..at].iter().all(|(other, _)| other != name) }),
            "a name is set twice"
        );
        row
    }

    /// Appends a cell whose name is not in the row yet.
    pub fn push(&mut self, name: Name, value: impl Into<Value>) {
        debug_assert!(self.get(&name).is_none(), "{name} is set twice");
        self.0.push((name, value.into()));
    }

    /// Appends a cell if there is a value for it: absent stays null.
    pub fn push_some(&mut self, name: Name, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.push(name, value);
        }
    }

    /// Sets a cell, replacing one of the same name.
    pub fn set(&mut self, name: Name, value: impl Into<Value>) {
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = value.into(),
            None => self.0.push((name, value.into())),
        }
    }

    /// Appends a cell without looking for its name: for a decoder, whose names come from a row.
    pub(crate) fn set_unchecked(&mut self, name: Name, value: Value) {
        self.0.push((name, value));
    }

    /// The cell at a place.
    pub(crate) fn at(&self, place: usize) -> Option<&Value> {
        self.0.get(place).map(|(_, value)| value)
    }

    /// Takes a cell out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(other, _)| other.as_str() == name)?;
        Some(self.0.remove(at).1)
    }

    /// A cell's value; `None` is null.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(other, _)| other.as_str() == name).map(|(_, value)| value)
    }

    /// A text cell.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_text)
    }

    /// An integer cell.
    #[must_use]
    pub fn int(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(Value::as_int)
    }

    /// A number cell, as a float.
    #[must_use]
    pub fn float(&self, name: &str) -> Option<f64> {
        self.get(name).and_then(Value::as_float)
    }

    /// All cells.
    pub fn cells(&self) -> impl ExactSizeIterator<Item = (&Name, &Value)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// All cells, owned.
    pub fn into_cells(self) -> impl ExactSizeIterator<Item = (Name, Value)> {
        self.0.into_iter()
    }

    /// How many cells the row has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the row has no cell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives every text a buffer of its own. A text that came in a body keeps all of that body in memory.
    pub fn detach(&mut self) {
        for (_, value) in &mut self.0 {
            if let Value::Text(text) = value {
                *text = text.detached();
            }
        }
    }

    /// About how many bytes the row takes, for budgets: texts count in full, also where they share memory.
    #[must_use]
    pub fn weight(&self) -> usize {
        let content = |value: &Value| match value {
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => 8,
        };
        self.0.iter().map(|(_, value)| content(value) + 16).sum()
    }
}
