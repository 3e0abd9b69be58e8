//! The files that the Azure consumption of one delivery is split into.

use super::azure::HEADER;
use super::customer::MOST_CLAIMS;
use super::stream::Stream;
use super::table::Table;
use super::{Base, Delivery, Summary};
use crate::error::{Error, Result};

/// The files of one delivery's consumption: one, or numbered ones when it is large.
pub(super) struct Files<'a> {
    base: &'a Base<'a>,
    delivery: &'a Delivery,
    order: Vec<usize>,
    is_numbered: bool,
    table: Option<Table>,
    done: Summary,
}

impl<'a> Files<'a> {
    /// Creates no file yet.
    pub(super) fn new(base: &'a Base<'a>, delivery: &'a Delivery) -> Self {
        let settings = base.settings;
        // Whether a number is needed must be known before the first row is written, so the most
        // rows that there could be decide.
        // Beside the lines a customer has its large consumption and now and then a credit.
        let lines = u64::from(settings.lines_per_tenant).saturating_mul(4).div_ceil(3) + 2;
        let most_rows = u64::from(settings.partners)
            .saturating_mul(u64::from(settings.tenants_per_partner))
            .saturating_mul(lines)
            .saturating_mul(MOST_CLAIMS);
        let mut order: Vec<usize> = (0..HEADER.len()).collect();
        // The dirty delivery is the same text for each seed, so its columns stay in order.
        if delivery.number().rem_euclid(6) == 4 && !delivery.is_dirty {
            let keys = [i64::from(delivery.number())];
            order = Stream::new(settings.seed, "columns", &keys).order(HEADER.len());
        }
        let is_numbered = most_rows > settings.rows_per_file;
        Self { base, delivery, order, is_numbered, table: None, done: Summary::default() }
    }

    /// The file that takes the next row.
    pub(super) fn open(&mut self) -> Result<&mut Table> {
        let most_rows = if self.is_numbered { self.base.settings.rows_per_file } else { u64::MAX };
        if let Some(full) = self.table.take_if(|table| table.rows() >= most_rows) {
            self.done.add(full.finish()?);
        }
        if self.table.is_none() {
            self.table = Some(self.create()?);
        }
        self.table.as_mut().ok_or_else(|| Error::bug("no file is open"))
    }

    fn create(&self) -> Result<Table> {
        let name = if self.is_numbered {
            format!("azure_usage_{:03}.csv", self.done.files + 1)
        } else {
            "azure_usage.csv".to_owned()
        };
        let form = self.delivery.form(b',');
        Table::create(&self.delivery.folder, &name, &HEADER, self.order.clone(), form)
    }

    /// Ends the last file; there is always one, if only with a header.
    pub(super) fn finish(mut self) -> Result<Summary> {
        self.open()?;
        if let Some(table) = self.table.take() {
            self.done.add(table.finish()?);
        }
        Ok(self.done)
    }
}
