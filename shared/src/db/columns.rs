//! A row, read column by column in the order of its statement: by name, each would be looked for among all.

use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

pub struct Columns<'r> {
    row: &'r Row,
    next: usize,
}

impl<'r> Columns<'r> {
    pub fn of(row: &'r Row) -> Columns<'r> {
        Columns::from(row, 0)
    }

    /// From a column on that is not the first.
    pub fn from(row: &'r Row, next: usize) -> Columns<'r> {
        Columns { row, next }
    }

    /// The next column; text is borrowed from the row.
    pub fn take<T: FromSql<'r>>(&mut self) -> T {
        let value = self.row.get(self.next);
        self.next += 1;
        value
    }
}
