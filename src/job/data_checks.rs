//! Checks of what was delivered: is it all there, is it as much as before, was much of it rejected.

use std::collections::{BTreeMap, BTreeSet};

use super::feeding::Feeding;
use super::window;
use crate::calendar::{Day, Month};
use crate::checks::Check;
use crate::facts::{FileRecord, Live, MonthUnits};
use crate::money::Money;
use crate::rules::Segments;
use crate::tables::{RESELLER_DATASETS, SEGMENT_DATASET};

/// Rows that a month may lose against the one before, in percent.
const USUAL_DROP: i64 = 20;
/// Shares are told in hundredths of a percent.
const WHOLE: i128 = 10_000;
/// How many examples a message names.
const NAMED: usize = 5;

/// The checks of the live data that feeds a month.
pub(super) fn data_checks(live: &Live, feeding: &Feeding) -> Vec<Check> {
    let months = Months::of(live, feeding);
    let files = feeding.newest_records(live);
    vec![
        months.dataset_behind(),
        months.months_missing(),
        months.volume_drop(),
        months.usage_vanished(),
        replacement_drop(live, feeding),
        reject_share_rows(&files),
        reject_share_amount(&files),
        duplicate_flags_agree(&files),
    ]
}

/// Segments that no rule of the catalog knows.
pub(super) fn segments_unknown(segments: &BTreeSet<&str>, rules: &Segments) -> Check {
    let is_unknown = |segment: &&str| !rules.is_smb_side(segment).1;
    let unknown: Vec<&str> = segments.iter().copied().filter(is_unknown).collect();
    let text = if unknown.is_empty() {
        "every segment of a customer is known".to_owned()
    } else {
        let named = unknown.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        format!("{} segments of customers are unknown: {named}", unknown.len())
    };
    Check::warn("segments_unknown", count(unknown.len()), text)
}

/// Customers of whom no export says the segment: they are not on the small-business side.
pub(super) fn segments_missing(customers: i64) -> Check {
    let text = if customers == 0 {
        "every customer that tells a path has a segment".to_owned()
    } else {
        format!(
            "{customers} customers that tell a partner's path have no segment and count as enterprise"
        )
    };
    Check::warn("segments_missing", customers, text)
}

/// The live rows of usage by dataset, month and partner.
struct Months<'a> {
    reference: Month,
    rows: BTreeMap<&'a str, BTreeMap<Month, BTreeMap<&'a str, i64>>>,
    /// Datasets and months that a file delivered: also those without a row between its first and last.
    delivered: BTreeSet<(&'a str, Month)>,
}

impl<'a> Months<'a> {
    fn of(live: &'a Live, feeding: &Feeding) -> Self {
        let mut rows: BTreeMap<&str, BTreeMap<Month, BTreeMap<&str, i64>>> = BTreeMap::new();
        let is_usage =
            |dataset: &str| dataset != SEGMENT_DATASET && !RESELLER_DATASETS.contains(&dataset);
        for MonthUnits { dataset, month, units } in live.months() {
            let Some(month) = month.filter(|_| is_usage(dataset)) else { continue };
            if !feeding.reads(dataset, Some(month)) {
                continue;
            }
            let of_month = rows.entry(dataset).or_default().entry(month).or_default();
            for unit in units {
                *of_month.entry(unit.account.as_str()).or_default() += unit.rows;
            }
        }
        let delivered = live.delivered_hashes();
        let delivered =
            delivered.filter_map(|(dataset, month, _)| Some((dataset, month?))).collect();
        Self { reference: feeding.reference, rows, delivered }
    }

    /// Datasets that do not reach the month.
    fn dataset_behind(&self) -> Check {
        let behind: Vec<(i32, &str)> = self
            .rows
            .iter()
            .filter_map(|(dataset, months)| {
                let (newest, _) = months.last_key_value()?;
                Some((self.reference.since(*newest), *dataset))
            })
            .filter(|(months, _)| *months > 0)
            .collect();
        let named: Vec<String> = behind
            .iter()
            .map(|(months, dataset)| format!("{dataset} by {months} months"))
            .collect();
        let text = if named.is_empty() {
            format!("every dataset reaches {}", self.reference)
        } else {
            format!("datasets do not reach {}: {}", self.reference, named.join(", "))
        };
        let most = behind.iter().map(|(months, _)| *months).max().unwrap_or_default();
        Check::warn("dataset_behind", i64::from(most), text)
    }

    /// Months of the window, after a dataset's first, of which nobody delivered anything.
    fn months_missing(&self) -> Check {
        let mut missing = Vec::new();
        for (dataset, months) in &self.rows {
            let Some((first, _)) = months.first_key_value() else { continue };
            let first = (*first).max(*window(self.reference).start());
            let is_delivered = |month: &Month| {
                months.contains_key(month) || self.delivered.contains(&(*dataset, *month))
            };
            let gaps = Month::range(first, self.reference).filter(|month| !is_delivered(month));
            missing.extend(gaps.map(|month| format!("{dataset} {month}")));
        }
        let text = if missing.is_empty() {
            "no month is missing".to_owned()
        } else {
            let named = missing.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            format!("{} months of a dataset are missing: {named}", missing.len())
        };
        Check::warn("months_missing", count(missing.len()), text)
    }

    /// The largest loss of rows against the month before, in percent.
    fn volume_drop(&self) -> Check {
        let rows = |months: &BTreeMap<Month, BTreeMap<&str, i64>>, month: Month| {
            months.get(&month).map(|partners| partners.values().sum::<i64>())
        };
        let drops = self.rows.iter().filter_map(|(dataset, months)| {
            let before = rows(months, self.reference.plus(-1)).filter(|rows| *rows > 0)?;
            let now = rows(months, self.reference)?;
            Some(((before - now) * 100 / before, *dataset, before, now))
        });
        let worst = drops.max();
        let text = worst.map_or_else(
            || "there is no month before to compare with".to_owned(),
            |(_, dataset, before, now)| {
                format!(
                    "{dataset} has {now} rows in {}, {before} in the month before",
                    self.reference
                )
            },
        );
        let observed = worst.map_or(0, |(drop, ..)| drop.max(0));
        Check::warn_above("volume_drop", observed, USUAL_DROP, text)
    }

    /// Partners with rows of a dataset in the month before and none in the month.
    fn usage_vanished(&self) -> Check {
        let mut vanished: BTreeSet<String> = BTreeSet::new();
        for (dataset, months) in &self.rows {
            let (Some(before), Some(now)) =
                (months.get(&self.reference.plus(-1)), months.get(&self.reference))
            else {
                continue;
            };
            let gone = before.keys().filter(|partner| !now.contains_key(*partner));
            vanished.extend(gone.map(|partner| format!("{partner} ({dataset})")));
        }
        let text = if vanished.is_empty() {
            "no partner has lost all usage since the month before".to_owned()
        } else {
            let named = vanished.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            format!("{} partners have no rows any more: {named}", vanished.len())
        };
        Check::warn("usage_vanished", count(vanished.len()), text)
    }
}

/// The largest loss of rows by the newest delivery of a dataset against what it replaced, in percent.
fn replacement_drop(live: &Live, feeding: &Feeding) -> Check {
    let mut newest: BTreeMap<&str, Day> = BTreeMap::new();
    for MonthUnits { dataset, units, .. } in live.months() {
        for unit in units {
            let day = newest.entry(dataset).or_insert(unit.delivery);
            *day = unit.delivery.max(*day);
        }
    }
    let mut rows: BTreeMap<(&str, Day), (i64, i64)> = BTreeMap::new();
    for ((dataset, month, delivery), (before, after)) in &live.replaced {
        if newest.get(dataset.as_str()) == Some(delivery) && feeding.reads(dataset, *month) {
            let sums = rows.entry((dataset, *delivery)).or_default();
            sums.0 += before;
            sums.1 += after;
        }
    }
    let drops = rows.into_iter().filter(|(_, (before, _))| *before > 0);
    let worst =
        drops.map(|(of, (before, after))| ((before - after) * 100 / before, of, before, after));
    let worst = worst.max();
    let text = worst.map_or_else(
        || "the newest deliveries replace nothing".to_owned(),
        |(_, (dataset, delivery), before, after)| {
            format!("{dataset} of {delivery} replaced {before} rows by {after}")
        },
    );
    let observed = worst.map_or(0, |(drop, ..)| drop.max(0));
    Check::warn_above("replacement_drop", observed, USUAL_DROP, text)
}

fn reject_share_rows(files: &[&FileRecord]) -> Check {
    let sum = |value: fn(&FileRecord) -> u64| files.iter().map(|file| value(file)).sum::<u64>();
    let (rejected, records) = (sum(|file| file.quarantined), sum(|file| file.records));
    share("reject_share_rows", i128::from(rejected), i128::from(records), "records")
}

fn reject_share_amount(files: &[&FileRecord]) -> Check {
    let sum = |value: fn(&FileRecord) -> Option<&str>| {
        files.iter().filter_map(|file| value(file)).map(money).map(|amount| amount.0.abs()).sum()
    };
    let rejected: i128 = sum(|file| file.amount_rejected.as_deref());
    let accepted: i128 = sum(|file| Some(file.amount_accepted.as_str()));
    share("reject_share_amount", rejected, accepted + rejected, "amount")
}

/// A rejected share in hundredths of a percent.
fn share(id: &'static str, rejected: i128, all: i128, what: &str) -> Check {
    let share = if all == 0 { 0 } else { (rejected * WHOLE + all - 1) / all };
    let observed = i64::try_from(share).unwrap_or(i64::MAX);
    let text = format!("{}.{:02} % of the {what} were rejected", observed / 100, observed % 100);
    // Any rejected row is a warning of its own already.
    Check::warn_above(id, observed, 50, text)
}

/// How far, in whole dollars, the amount that counts is from that of the lines which the exports
/// themselves do not call duplicates.
fn duplicate_flags_agree(files: &[&FileRecord]) -> Check {
    let flagged = files.iter().filter_map(|file| Some((file, file.amount_unflagged.as_deref()?)));
    let (unflagged, counted) = flagged.fold((0, 0), |(unflagged, counted), (file, amount)| {
        (unflagged + money(amount).0, counted + money(&file.amount_facts).0)
    });
    let difference = Money((unflagged - counted).abs());
    let dollars = (difference.0 + Money::from_dollars(1).0 - 1) / Money::from_dollars(1).0;
    let text = if difference == Money::ZERO {
        "the exports' flags of duplicates agree with what counts".to_owned()
    } else {
        format!(
            "{} USD by the exports' flags of duplicates, {} counted",
            Money(unflagged),
            Money(counted)
        )
    };
    Check::warn("duplicate_flags_agree", i64::try_from(dollars).unwrap_or(i64::MAX), text)
}

/// An amount on record, which the ledger holds to be one where there is any.
fn money(text: &str) -> Money {
    Money::parse_sum(text.as_bytes()).map_or(Money::ZERO, |(amount, _)| amount)
}

fn count(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
