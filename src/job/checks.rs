//! The checks of a scored month.

use std::collections::{BTreeMap, BTreeSet};

use super::feeding::Feeding;
use crate::calendar::{Day, Month};
use crate::checks::Check;
use crate::facts::{Credit, FileRecord, Live};
use crate::money::Money;

/// The fact table whose keys hold the partner as delivered.
const CONSUMPTION: &str = "acr";
/// How many examples a message names.
const NAMED: usize = 5;

/// The checks of a month that need no scoring.
pub(super) fn ledger_checks(
    live: &Live,
    feeding: &Feeding,
    areas_without_rules: &[&str],
    reference: Month,
) -> Vec<Check> {
    let mut checks = vec![
        attribution_amounts_agree(live, feeding),
        accounts_agree(live, feeding),
        rows_quarantined(live, feeding),
        amount_digits_dropped(live, feeding),
        files_set_aside(live),
        deliveries_empty(live),
    ];
    checks.extend(assumed(live, feeding));
    checks.extend(replacements_held(live, reference));
    if !areas_without_rules.is_empty() {
        let count = i64::try_from(areas_without_rules.len()).unwrap_or(i64::MAX);
        let text = format!("no rules are in force for {}", areas_without_rules.join(", "));
        checks.push(Check::warn("area_without_rules", count, text));
    }
    checks
}

fn attribution_amounts_agree(live: &Live, feeding: &Feeding) -> Check {
    let keys: i64 = feeding.units(live).map(|unit| unit.disagreeing).sum();
    Check::warn(
        "attribution_amounts_agree",
        keys,
        format!("{keys} consumptions have another amount under another attribution"),
    )
}

/// Titles of credentials that no certification has.
pub(super) fn titles_unmatched(titles: &BTreeMap<String, i64>) -> Check {
    let rows = titles.values().sum();
    let mut listed: Vec<(&String, &i64)> = titles.iter().collect();
    listed.sort_by(|left, right| right.1.cmp(left.1).then(left.0.cmp(right.0)));
    let named: Vec<String> =
        listed.iter().take(NAMED).map(|(title, rows)| format!("{title} ({rows})")).collect();
    let text = if named.is_empty() {
        "every title of a credential is a known certification".to_owned()
    } else {
        format!(
            "{} titles of credentials are no known certification: {}",
            titles.len(),
            named.join(", ")
        )
    };
    Check::warn("titles_unmatched", rows, text)
}

/// Rows of the month about workloads that no catalog knows: no rule counts them.
pub(super) fn workloads_unknown(workloads: &BTreeMap<String, i64>) -> Check {
    let named: Vec<String> =
        workloads.iter().take(NAMED).map(|(name, rows)| format!("{name} ({rows})")).collect();
    let text = if named.is_empty() {
        "every workload is a known one".to_owned()
    } else {
        format!("{} workloads are unknown and count nowhere: {}", workloads.len(), named.join(", "))
    };
    Check::warn("workloads_unknown", workloads.values().sum(), text)
}

/// Partners that are compared over months of which only some have a dataset: a difference of the
/// months may be one of the exports.
pub(super) fn partial_datasets(partners: &BTreeMap<&'static str, i64>) -> Check {
    let named: Vec<String> =
        partners.iter().map(|(dataset, partners)| format!("{dataset} ({partners})")).collect();
    let text = if named.is_empty() {
        "what is compared was delivered for all months".to_owned()
    } else {
        format!(
            "net adds and growth compare months with and without a dataset, and may be too high or too low; partners by dataset: {}",
            named.join(", ")
        )
    };
    Check::warn("partial_datasets", partners.values().sum(), text)
}

/// Consumption of meter categories that no catalog maps to a service.
pub(super) fn services_unmapped(unmapped: &[(String, Money)]) -> Check {
    let total: Money = unmapped.iter().map(|(_, amount)| *amount).sum();
    let named: Vec<String> = unmapped
        .iter()
        .take(NAMED)
        .map(|(name, amount)| format!("{} ({amount} USD)", name.trim_start_matches("meter:")))
        .collect();
    let text = if unmapped.is_empty() {
        "every meter category is a known service".to_owned()
    } else {
        format!("{total} USD count for no service, by meter category: {}", named.join(", "))
    };
    Check::warn("services_unmapped", i64::try_from(unmapped.len()).unwrap_or(i64::MAX), text)
}

/// Consumption that may count twice for a reseller with several ids.
pub(super) fn reseller_ids_agree(credit: &Credit) -> Check {
    let count = credit.several_ids;
    let text = if count == 0 {
        "every reseller of a distributor is named by one id".to_owned()
    } else {
        format!(
            "consumption of {count} customers and services names one reseller by several ids; where these name the same consumption, it counts for each"
        )
    };
    Check::warn("reseller_ids_agree", count, text)
}

/// Customers of a distributor whose resellers of a month are several: their seats count for none.
pub(super) fn resellers_ambiguous(credit: &Credit) -> Check {
    let named: Vec<String> = credit
        .ambiguous
        .iter()
        .take(NAMED)
        .map(|(exporter, month, tenant)| format!("{tenant} of {exporter} in {month}"))
        .collect();
    let text = if named.is_empty() {
        "every customer of a distributor has one reseller a month".to_owned()
    } else {
        format!("seats of customers with several resellers count for none: {}", named.join(", "))
    };
    let count = i64::try_from(credit.ambiguous.len()).unwrap_or(i64::MAX);
    Check::warn("resellers_ambiguous", count, text)
}

/// Certifications that count by a name which no rule page lists yet.
pub(super) fn assumed_alias(people: &BTreeMap<String, i64>) -> Check {
    let named: Vec<String> =
        people.iter().map(|(code, people)| format!("{code} ({people} people)")).collect();
    let text = if named.is_empty() {
        "every certification counts by an established name".to_owned()
    } else {
        format!("counted by a newer name that no rule page lists yet: {}", named.join(", "))
    };
    Check::warn("assumed_alias", people.values().sum(), text)
}

/// Rows without the account column are told apart by location: a consumption that two locations of
/// one account claim would count once for each.
fn accounts_agree(live: &Live, feeding: &Feeding) -> Check {
    let mut partners: BTreeMap<(&str, Option<Month>), BTreeSet<&str>> = BTreeMap::new();
    for unit in feeding.units(live) {
        if unit.tables.iter().any(|table| table.name == CONSUMPTION) {
            partners
                .entry((unit.account.as_str(), unit.key.month))
                .or_default()
                .insert(unit.key.partner_id.as_str());
        }
    }
    let mut accounts: Vec<&str> = partners
        .iter()
        .filter(|(_, delivered)| delivered.len() > 1)
        .map(|((account, _), _)| *account)
        .collect();
    accounts.dedup();
    let count = i64::try_from(accounts.len()).unwrap_or(i64::MAX);
    accounts.truncate(NAMED);
    let text = if accounts.is_empty() {
        "every account is named by its global id".to_owned()
    } else {
        format!(
            "consumption of {count} accounts is delivered under several ids and may count twice (export the global account id): {}",
            accounts.join(", ")
        )
    };
    Check::warn("account_ids_agree", count, text)
}

fn rows_quarantined(live: &Live, feeding: &Feeding) -> Check {
    let files = feeding.newest_records(live);
    let rows: u64 = files.iter().map(|file| file.quarantined).sum();
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    Check::warn(
        "rows_quarantined",
        rows,
        format!("{rows} records of the files that feed the month were rejected"),
    )
}

fn amount_digits_dropped(live: &Live, feeding: &Feeding) -> Check {
    let files = feeding.newest_records(live);
    let cells: u64 = files.iter().map(|file| file.amount_digits_dropped).sum();
    let cells = i64::try_from(cells).unwrap_or(i64::MAX);
    Check::warn(
        "amount_digits_dropped",
        cells,
        format!("{cells} amounts had more than ten decimals"),
    )
}

/// What may have to be taken for granted of how a file is written.
const ASSUMPTIONS: [(&str, &str); 5] = [
    (
        "consumption_keys_differ",
        "files of one delivery have different columns for the same months, whose rows may count twice",
    ),
    ("date_order_ambiguous", "no date tells the order of day and month, the month is taken first"),
    ("decimal_mark_ambiguous", "no number tells a decimal mark from thousands"),
    ("encoding_assumed", "no UTF-8"),
    ("month_order_ambiguous", "only January, with the day and the month alike"),
];

/// What may be said of the exports of a dataset, however they are cut into files.
const OF_DATASETS: [(&str, &str); 2] = [
    ("attributions_unknown", "attributions that no catalog knows count nowhere"),
    (
        "columns_missing",
        "columns that rows are measured or told apart by were not exported and count as blank",
    ),
];

/// One check a kind of assumption that files needed, and one a thing that is said of datasets.
fn assumed(live: &Live, feeding: &Feeding) -> Vec<Check> {
    let files: Vec<&FileRecord> =
        feeding.files.iter().filter_map(|(sequence, file)| live.file(*sequence, *file)).collect();
    let places = |check: &str, place: fn(&FileRecord) -> &str| {
        let mut places: Vec<String> = files
            .iter()
            .flat_map(|file| file.assumptions.iter().map(move |said| (file, said)))
            .filter(|(_, (known, _))| known == check)
            .map(|(file, (_, about))| format!("{about} of {}", place(file)))
            .collect();
        places.sort_unstable();
        places
    };
    let of_files =
        ASSUMPTIONS.into_iter().map(|(check, text)| (check, text, places(check, |file| &file.uri)));
    let of_datasets = OF_DATASETS.into_iter().map(|(check, text)| {
        let mut places = places(check, |file| &file.dataset);
        places.dedup();
        (check, text, places)
    });
    let checks = of_files.chain(of_datasets).map(|(check, text, mut places)| {
        let count = i64::try_from(places.len()).unwrap_or(i64::MAX);
        places.truncate(NAMED);
        Check::warn(check, count, format!("{text}: {}", places.join(", ")))
    });
    checks.filter(Check::is_failed).collect()
}

fn files_set_aside(live: &Live) -> Check {
    let mut files: Vec<String> = live
        .ledger
        .files()
        .filter(|(_, _, file)| file.set_aside.is_some())
        .map(|(_, _, file)| file.uri.clone())
        .collect();
    files.sort_unstable();
    let count = i64::try_from(files.len()).unwrap_or(i64::MAX);
    files.truncate(NAMED);
    let text = if files.is_empty() {
        "no file was set aside".to_owned()
    } else {
        format!("{count} files were set aside: {}", files.join(", "))
    };
    Check::warn("file_set_aside", count, text)
}

/// Datasets whose newest delivery has headers and nothing else: what was delivered before stays.
fn deliveries_empty(live: &Live) -> Check {
    let mut newest: BTreeMap<&str, (Day, u64)> = BTreeMap::new();
    for (entry, _, file) in live.ledger.files().filter(|(_, _, file)| file.set_aside.is_none()) {
        let known = newest.entry(&file.dataset).or_insert((entry.day(), 0));
        if entry.day() > known.0 {
            *known = (entry.day(), 0);
        }
        if entry.day() == known.0 {
            known.1 += file.accepted + file.quarantined;
        }
    }
    let empty: Vec<String> = newest
        .into_iter()
        .filter(|(_, (_, rows))| *rows == 0)
        .map(|(dataset, (day, _))| format!("{dataset} of {day}"))
        .collect();
    let text = if empty.is_empty() {
        "the newest delivery of every dataset has rows".to_owned()
    } else {
        format!("deliveries have no rows: {}", empty.join(", "))
    };
    Check::warn("delivery_empty", i64::try_from(empty.len()).unwrap_or(i64::MAX), text)
}

/// One check a dataset and delivery, so that a filtered download of a whole base is one line.
fn replacements_held(live: &Live, reference: Month) -> Vec<Check> {
    let mut held: BTreeMap<(String, String), (BTreeSet<String>, usize, String)> = BTreeMap::new();
    let window = super::window(reference);
    for unit in &live.held {
        if unit.month.is_some_and(|month| !window.contains(&month)) {
            continue;
        }
        let slot = held.entry((unit.dataset.clone(), unit.delivery.to_string())).or_default();
        slot.0.insert(unit.account.clone());
        slot.1 += 1;
        if slot.2.is_empty() {
            let month = unit.month.map_or_else(|| "snapshot".to_owned(), |month| month.to_string());
            slot.2 = format!("{} {month}: {}", unit.account, unit.reason);
        }
    }
    let checks: Vec<Check> = held
        .into_iter()
        .map(|((dataset, delivery), (partners, units, example))| {
            Check::warn(
                "replacement_held",
                i64::try_from(units).unwrap_or(i64::MAX),
                format!(
                    "{units} replacements of {dataset} for {} partners by the delivery of {delivery} were held, e.g. {example}",
                    partners.len()
                ),
            )
        })
        .collect();
    if checks.is_empty() {
        return vec![Check::warn("replacement_held", 0, "no replacement was held")];
    }
    checks
}
