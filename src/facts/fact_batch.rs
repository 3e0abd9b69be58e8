//! A batch of rows of a fact file, column by column, with texts as numbers and what they mean.

use arrow::array::{Array, AsArray, BooleanArray, DictionaryArray, RecordBatch};
use arrow::datatypes::{Date32Type, Int32Type};

use super::measures::FactMeasures;
use super::schema::FactTable;

/// Columns of one batch of a fact file.
pub(super) struct FactBatch<'a, M> {
    pub(super) month: &'a [i32],
    pub(super) partner: Names<'a>,
    pub(super) is_account: &'a BooleanArray,
    /// Where the table tells resellers: rows of one repeat what the exporter's own say.
    pub(super) reseller: Option<Names<'a>>,
    pub(super) tenant: Names<'a>,
    pub(super) name: Names<'a>,
    pub(super) attributions: &'a [i32],
    pub(super) measures: Vec<M>,
}

/// A column of text as its dictionary and the place of each row in it.
pub(super) struct Names<'a> {
    pub(super) all: Vec<&'a str>,
    rows: &'a [i32],
}

impl<'a> Names<'a> {
    /// None when a row has no text.
    pub(super) fn new(column: &'a DictionaryArray<Int32Type>) -> Option<Self> {
        let values = column.values().as_string_opt::<i32>()?;
        let rows = column.keys();
        (rows.null_count() == 0).then(|| Self {
            all: values.iter().map(Option::unwrap_or_default).collect(),
            rows: rows.values(),
        })
    }

    pub(super) fn at(&self, row: usize) -> usize {
        usize::try_from(self.rows[row]).unwrap_or_default()
    }
}

impl<'a, M: FactMeasures> FactBatch<'a, M> {
    /// None when the batch is not what a fact file holds.
    pub(super) fn new(batch: &'a RecordBatch, table: &FactTable) -> Option<Self> {
        let column =
            |name: &str| batch.column_by_name(name).filter(|known| known.null_count() == 0);
        let names = |name: &str| Names::new(column(name)?.as_dictionary_opt()?);
        let has_reseller = table.columns.iter().any(|column| column.name == "reseller_id");
        Some(Self {
            month: column("month")?.as_primitive_opt::<Date32Type>()?.values(),
            partner: names("partner_id")?,
            is_account: column("is_account")?.as_boolean_opt()?,
            reseller: if has_reseller { Some(names("reseller_id")?) } else { None },
            tenant: names("tenant_id")?,
            name: names(M::NAME)?,
            attributions: column("attributions")?.as_primitive_opt::<Int32Type>()?.values(),
            measures: M::of_batch(batch)?,
        })
    }
}
