//! Which fact tables hold rows of a unit.

use super::schema::{FactTable, TABLES};

/// A set of fact tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableSet(u32);

impl TableSet {
    /// The tables of a list of names that [`joined`](Self::joined) wrote; none when one of them is of
    /// no table.
    pub fn parse(names: &str) -> Option<Self> {
        let mut tables = Self::default();
        for name in names.split(',').filter(|name| !name.is_empty()) {
            tables.0 |= bit(TABLES.iter().position(|table| table.name == name)?);
        }
        Some(tables)
    }

    /// Adds a table.
    pub fn insert(&mut self, table: &FactTable) {
        if let Some(at) = TABLES.iter().position(|known| known.name == table.name) {
            self.0 |= bit(at);
        }
    }

    /// Whether a table is in the set.
    pub fn contains(self, table: &FactTable) -> bool {
        self.iter().any(|known| known.name == table.name)
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The tables.
    pub fn iter(self) -> impl Iterator<Item = &'static FactTable> {
        let tables = TABLES.iter().enumerate();
        tables.filter(move |(at, _)| self.0 & bit(*at) != 0).map(|(_, table)| *table)
    }

    /// Their names, sorted, with commas between them.
    pub fn joined(self) -> String {
        let mut names: Vec<&str> = self.iter().map(|table| table.name).collect();
        names.sort_unstable();
        names.join(",")
    }
}

fn bit(at: usize) -> u32 {
    1 << at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_a_place_of_its_own() {
        let mut all = TableSet::default();
        assert!(all.is_empty() && all.joined().is_empty());
        for table in TABLES {
            assert!(!all.contains(table));
            all.insert(table);
            assert!(all.contains(table));
        }
        assert_eq!(all.iter().count(), TABLES.len());
        assert_eq!(TableSet::parse(&all.joined()), Some(all));
        assert_eq!(TableSet::parse("acr,table of the future"), None);
    }
}
