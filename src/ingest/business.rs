//! Rows of business applications: revenue and usage of a workload by subscription and product
//! group. They are added up within a customer, workload and association; lines that are the same
//! in every cell are one.

use std::collections::{BTreeMap, HashSet};

use hashbrown::HashMap;

use super::acr_facts::Shares;
use super::cells::Cells;
use super::describe::Describer;
use super::identity::WholeLine;
use super::intern::LocalInterner;
use super::layout::Recognised;
use super::row::{Rejection, Who, amount, cell, text};
use super::tally::Tally;
use super::values;
use crate::calendar::Month;
use crate::ids::Attribution;
use crate::money::Money;
use crate::rules::{AttributionNames, Catalogs, Names};

/// What rows are added up by; interned texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct BusinessKey {
    pub(super) month: Month,
    pub(super) partner: u32,
    pub(super) tenant: u32,
    pub(super) workload: u32,
    /// Blank for revenue.
    pub(super) metric_type: u32,
    pub(super) attribution: Attribution,
}

/// The measures of a row, or of rows that were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Business {
    /// Whether it is revenue, else usage.
    pub(super) is_revenue: bool,
    pub(super) revenue: Money,
    pub(super) active_users: i64,
    pub(super) attributed_users: i64,
    pub(super) capacity: i64,
}

/// One accepted row.
#[derive(Debug, Clone, Copy)]
pub(super) struct BusinessRow {
    pub(super) key: BusinessKey,
    /// Hash of all cells.
    line: u64,
    values: Business,
    /// Whether the catalog knows its workload.
    is_known: bool,
}

/// Converts the records of one file.
pub(super) struct BusinessReader<'a> {
    who: Who,
    workload: Option<usize>,
    metric_type: Option<usize>,
    product: Option<usize>,
    attribution: Option<usize>,
    amount: Option<usize>,
    counts: [(Option<usize>, &'static str); 3],
    line: WholeLine,
    pub(super) describer: Describer,
    names: &'a AttributionNames,
    workloads: &'a Names,
    intern: LocalInterner<'a>,
    scratch: Vec<u8>,
    pub(super) rows: Vec<BusinessRow>,
    pub(super) tally: Tally,
}

impl<'a> BusinessReader<'a> {
    pub(super) fn new(
        header: &Recognised<'_>,
        catalogs: &'a Catalogs,
        intern: LocalInterner<'a>,
    ) -> Self {
        let column = |field: &str| header.column(field);
        Self {
            who: Who::new(header),
            workload: column("workload"),
            metric_type: column("metric_type"),
            product: column("sku_group"),
            attribution: column("attribution"),
            amount: column("amount"),
            counts: ["mau", "pamau", "mac"].map(|field| (column(field), field)),
            line: WholeLine::of(header),
            describer: Describer::new(header),
            names: &catalogs.attributions,
            workloads: &catalogs.workloads,
            intern,
            scratch: Vec::new(),
            rows: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Converts one record.
    pub(super) fn read(&mut self, cells: &Cells<'_>) -> Result<(), Rejection> {
        let values = match self.amount {
            Some(_) => {
                let (revenue, is_dropped) = amount(cells, self.amount, &mut self.tally)?;
                self.tally.digits_dropped += u64::from(is_dropped);
                Business { is_revenue: true, revenue, ..Business::default() }
            }
            None => self.usage(cells)?,
        };
        self.convert(cells, values)
            .map_err(|rejection| Rejection { amount: values.revenue, ..rejection })
    }

    fn convert(&mut self, cells: &Cells<'_>, values: Business) -> Result<(), Rejection> {
        let month = self.who.month(cells)?;
        let partner = self.who.partner(cells, &mut self.intern, &mut self.scratch)?;
        self.who.tenant(cells, &mut self.scratch)?;
        let tenant = self.intern.id(&self.scratch);
        let workload = cell(cells, self.workload);
        let workload = text(&workload, "workload")?;
        if workload.is_empty() {
            return Err(Rejection::new("workload", "workload_missing", b""));
        }
        let name = cell(cells, self.attribution);
        let name = text(&name, "attribution")?;
        let metric_type = cell(cells, self.metric_type);
        let metric_type = text(&metric_type, "metric_type")?;
        let attribution = self.names.find(name, "").unwrap_or_else(|| {
            self.tally.unknown_attributions.insert(name.to_owned());
            Attribution::OTHER
        });
        self.describer.add(cells, &mut self.intern, month, &partner, tenant)?;
        self.tally.accept(partner.id, Some(month), values.revenue, partner.location);
        // Only what is paid for counts.
        let product = cell(cells, self.product);
        if is_trial(metric_type) || is_trial(&String::from_utf8_lossy(&product)) {
            self.tally.not_used("trial", values.revenue);
            return Ok(());
        }
        let key = BusinessKey {
            month,
            partner: partner.id,
            tenant,
            workload: self.intern.id(workload.as_bytes()),
            metric_type: self.intern.id(metric_type.as_bytes()),
            attribution,
        };
        let line = self.line.hash(cells, &mut self.scratch);
        // The facts keep it for a catalog that will know it; today no rule can use it.
        let is_known = self.workloads.known(workload).is_some();
        if !is_known {
            self.tally.not_used("unknown_workload", values.revenue);
        }
        self.rows.push(BusinessRow { key, line, values, is_known });
        Ok(())
    }

    fn usage(&self, cells: &Cells<'_>) -> Result<Business, Rejection> {
        let [active_users, attributed_users, capacity] = self.counts.map(|(column, field)| {
            let text = cell(cells, column);
            if values::is_blank(&text) {
                return Ok(0);
            }
            values::count(&text).map_err(|reason| Rejection::new(field, reason, &text))
        });
        Ok(Business {
            is_revenue: false,
            revenue: Money::ZERO,
            active_users: active_users?,
            attributed_users: attributed_users?,
            capacity: capacity?,
        })
    }
}

/// Whether a metric type or product is called a trial, as a word of its own and not denied. Words end
/// where letters do, and in `FreeTrial` and `30DayTrial` too.
fn is_trial(name: &str) -> bool {
    if !name.to_ascii_lowercase().contains("trial") {
        return false;
    }
    let mut words: Vec<String> = vec![String::new()];
    let mut last = ' ';
    for letter in name.chars() {
        let is_next = last.is_lowercase() && letter.is_uppercase()
            || last.is_numeric() != letter.is_numeric()
            || !letter.is_alphanumeric();
        if is_next {
            words.push(String::new());
        }
        last = letter;
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words.iter().enumerate().any(|(at, word)| {
        let is_denied = at > 0 && ["non", "not", "no"].contains(&words[at - 1].as_str());
        ["trial", "trials", "freetrial"].contains(&word.as_str()) && !is_denied
    })
}

/// Adds up the rows of one month over the files of a delivery; a line that several files (or lines)
/// repeat is one.
pub(super) fn added_up<'a>(
    files: impl Iterator<Item = (u32, &'a [BusinessRow])>,
    month: Month,
    shares: &mut HashMap<u32, Shares>,
) -> BTreeMap<BusinessKey, Business> {
    let mut seen: HashSet<(BusinessKey, u64)> = HashSet::new();
    let mut sums: BTreeMap<BusinessKey, Business> = BTreeMap::new();
    for (slot, rows) in files {
        let shares = shares.entry(slot).or_default();
        for row in rows.iter().filter(|row| row.key.month == month) {
            let is_new = seen.insert((row.key, row.line));
            if row.is_known && is_new {
                shares.used += 1;
                shares.amount_facts += row.values.revenue;
            } else if row.is_known {
                shares.repeated += 1;
                shares.amount_repeated += row.values.revenue;
            }
            if is_new {
                let sum = sums.entry(row.key).or_default();
                sum.is_revenue = row.values.is_revenue;
                sum.revenue += row.values.revenue;
                sum.active_users += row.values.active_users;
                sum.attributed_users += row.values.attributed_users;
                sum.capacity += row.values.capacity;
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_is_a_word_of_its_own() {
        for name in [
            "Trial",
            "TRIAL",
            "trial\u{a0}",
            "Business Central Trial",
            "FreeTrial",
            "free-trial",
            "30DayTrial",
            "30-day trial",
            "Trials",
        ] {
            assert!(is_trial(name), "{name}");
        }
        for name in ["", "Paid", "Industrial Manufacturing", "Non-Trial", "NonTrial", "no trial"] {
            assert!(!is_trial(name), "{name}");
        }
    }
}
