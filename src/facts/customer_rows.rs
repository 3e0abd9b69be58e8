//! What exports say of customers, row by row: the base has millions of such rows, and few of them say
//! anything that the others do not.

use arrow::array::{Array, AsArray};
use arrow::datatypes::Date32Type;

use super::LiveFrames;
use super::fact_batch::Names;
use super::live::LiveUnit;
use super::schema::CUSTOMER;
use super::unit::UnitKey;
use crate::calendar::{Day, Month};
use crate::error::Result;
use crate::workers::Workers;

/// What a month's export of a partner says of a customer; what it does not say is blank.
#[derive(Debug, Clone, Copy)]
pub struct CustomerRow<'a> {
    /// The dataset.
    pub dataset: &'a str,
    /// The month.
    pub month: Month,
    /// The partner global account.
    pub partner_id: &'a str,
    /// The customer.
    pub tenant_id: &'a str,
    /// Its segment, as delivered.
    pub segment: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its country.
    pub country: &'a str,
    /// Its industry.
    pub industry: &'a str,
}

impl LiveFrames<'_> {
    /// Reads the live rows about customers of the datasets and months that `keep` selects, several
    /// files at once, and hands them over in any order, most of a dataset's newer months first.
    ///
    /// # Errors
    /// CS6005 when the facts are damaged; CS9001.
    pub fn visit_customers(
        self,
        keep: &dyn Fn(&str, Month) -> bool,
        workers: &Workers,
        take: &mut (dyn FnMut(&CustomerRow<'_>) + Send),
    ) -> Result<()> {
        let is_wanted = |unit: &LiveUnit| {
            let UnitKey { dataset, month, .. } = &unit.key;
            month.is_some_and(|month| keep(dataset, month))
        };
        let mut sources = self.sources(&CUSTOMER, &is_wanted)?;
        sources.reverse();
        self.visit(&CUSTOMER, &sources, workers, &mut |source, batch| {
            let column =
                |name: &str| batch.column_by_name(name).filter(|known| known.null_count() == 0);
            let names = |name: &str| Names::new(column(name)?.as_dictionary_opt()?);
            let read = || {
                let month = column("month")?.as_primitive_opt::<Date32Type>()?;
                let is_account = column("is_account")?.as_boolean_opt()?;
                let texts = ["partner_id", "tenant_id", "segment", "name", "country", "industry"];
                let mut texts = texts.into_iter().map(names);
                let mut next = || texts.next().flatten();
                Some((month, is_account, [next()?, next()?, next()?, next()?, next()?, next()?]))
            };
            let (month, is_account, texts) = read().ok_or_else(|| source.damaged(self.live))?;
            let [partner, tenant, segment, name, country, industry] = &texts;
            let accounts = source.accounts(self.live, &partner.all);
            for row in 0..batch.num_rows() {
                let of_partner = accounts[partner.at(row)];
                let Some(partner_id) = of_partner[usize::from(is_account.value(row))] else {
                    continue;
                };
                take(&CustomerRow {
                    dataset: source.dataset,
                    month: Day(month.value(row)).month(),
                    partner_id,
                    tenant_id: tenant.all[tenant.at(row)],
                    segment: segment.all[segment.at(row)],
                    name: name.all[name.at(row)],
                    country: country.all[country.at(row)],
                    industry: industry.all[industry.at(row)],
                });
            }
            Ok(())
        })
    }
}
