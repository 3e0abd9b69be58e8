//! What exports say of customers and partners, row by row: the base has millions of such rows, and few of
//! them say anything that the others do not.

use arrow::array::{Array, AsArray};
use arrow::datatypes::Date32Type;

use super::LiveFrames;
use super::fact_batch::Names;
use super::frames::Source;
use super::live::LiveUnit;
use super::schema::{CUSTOMER, FactTable, PARTNER_NAME, RESELLER_NAME};
use super::unit::UnitKey;
use crate::calendar::{Day, Month, MonthMemo};
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

/// What a month's export says of a partner; what it does not say is blank.
#[derive(Debug, Clone, Copy)]
pub struct PartnerRow<'a> {
    /// The month.
    pub month: Month,
    /// The partner global account.
    pub partner_id: &'a str,
    /// The location that it is named by.
    pub location_id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its country.
    pub country: &'a str,
}

/// The month of a row, its partner global account, and its texts.
type TextRow<'r, const N: usize> = (Month, &'r str, [&'r str; N]);

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
        let columns = ["tenant_id", "segment", "name", "country", "industry"];
        self.visit_texts(&CUSTOMER, &is_wanted, columns, workers, &mut |source, row| {
            let (month, partner_id, [tenant_id, segment, name, country, industry]) = row;
            let dataset = source.dataset;
            take(&CustomerRow {
                dataset,
                month,
                partner_id,
                tenant_id,
                segment,
                name,
                country,
                industry,
            });
        })
    }

    /// Reads what usage exports say of partners, and distributors of their resellers, as
    /// [`visit_customers`](Self::visit_customers) does.
    ///
    /// # Errors
    /// CS6005 when the facts are damaged; CS9001.
    pub fn visit_partners(
        self,
        workers: &Workers,
        take: &mut (dyn FnMut(&PartnerRow<'_>) + Send),
    ) -> Result<()> {
        let columns = ["location_id", "name", "country"];
        self.visit_texts(&PARTNER_NAME, &|_| true, columns, workers, &mut |_, row| {
            let (month, partner_id, [location_id, name, country]) = row;
            take(&PartnerRow { month, partner_id, location_id, name, country });
        })?;
        let columns = ["reseller_id", "name"];
        self.visit_texts(&RESELLER_NAME, &|_| true, columns, workers, &mut |_, row| {
            let (month, _, [reseller_id, name]) = row;
            let partner_id = self.live.account_of(reseller_id, false);
            // An id that no Profile maps is the partner itself.
            let location_id = if partner_id == reseller_id { "" } else { reseller_id };
            take(&PartnerRow { month, partner_id, location_id, name, country: "" });
        })
    }

    /// Reads the live rows of a table of texts.
    fn visit_texts<const N: usize>(
        self,
        table: &FactTable,
        keep: &dyn Fn(&LiveUnit) -> bool,
        columns: [&str; N],
        workers: &Workers,
        take: &mut (dyn FnMut(&Source<'_>, TextRow<'_, N>) + Send),
    ) -> Result<()> {
        let mut sources = self.sources(table, keep)?;
        sources.reverse();
        self.visit(table, &sources, workers, &mut |source, batch| {
            let column =
                |name: &str| batch.column_by_name(name).filter(|known| known.null_count() == 0);
            let names = |name: &str| Names::new(column(name)?.as_dictionary_opt()?);
            let read = || {
                let month = column("month")?.as_primitive_opt::<Date32Type>()?;
                let is_account = column("is_account")?.as_boolean_opt()?;
                let texts: Option<Vec<_>> = columns.iter().map(|name| names(name)).collect();
                Some((month, is_account, names("partner_id")?, texts?))
            };
            let (month, is_account, partner, texts) =
                read().ok_or_else(|| source.damaged(self.live))?;
            let accounts = source.accounts(self.live, &partner.all);
            let mut months = MonthMemo::default();
            for row in 0..batch.num_rows() {
                let of_partner = accounts[partner.at(row)];
                let Some(partner_id) = of_partner[usize::from(is_account.value(row))] else {
                    continue;
                };
                let texts = std::array::from_fn(|at| texts[at].all[texts[at].at(row)]);
                take(source, (months.of(Day(month.value(row))), partner_id, texts));
            }
            Ok(())
        })
    }
}
