//! Facts × rule versions × reference month → the published tables. One range of partners at a time;
//! pure: no files, no clock, no environment. Every number is an integer or a decimal. Any split of
//! the base by partner gives the same rows, and no result depends on row order.

mod area;
mod area_rows;
mod assignment;
mod business;
mod change;
mod consumption;
mod customer_rows;
mod customers;
mod delivered_credentials;
mod dimensions;
mod evidence;
mod history;
mod measure;
mod measures;
mod part;
mod partners;
mod people;
mod rule_table;
mod seat_months;
mod seats;
mod tenant_seats;
mod total;
mod ttm;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use polars::prelude::DataFrame;

pub use change::{PartValue, metric_points};
pub use consumption::Consumption;
pub use delivered_credentials::{DeliveredCredentials, Held};
pub use dimensions::{CustomerNames, PartnerFacts, PartnerNames, partner_table};
pub use history::{
    HISTORY_MONTHS, History, MonthScores, PathScores, enrolled_since, history,
    months_before_history, standing,
};
pub use rule_table::rule_table;
pub use seat_months::SeatMonths;
pub use window::Enrolment;

use crate::calendar::Month;
use crate::engine::bug;
use crate::error::Result;
use crate::facts::{CreditedCustomer, Delivered, PartnerRange};
use crate::ids::RunId;
use crate::money::Money;
use crate::points::{Points, UNITS_PER_POINT};
use crate::rules::{Catalogs, Scope, Selection, Version};
use crate::tables::{FACT_ACR_TTM, Rows, Table};

use area::{AreaScorer, Detail};
use assignment::assigned_paths;
pub use assignment::{SegmentMonths, SegmentRows};
pub use measure::of_partners;
use measures::Measures;
pub use partners::Coverage;
use partners::Partners;
use people::Credentials;
use total::Total;

/// What a month's score of the partners of a range is made of: each of these is about them alone, but
/// for segments, `early` and `quarantined`.
pub struct Input<'a> {
    /// The partners.
    pub range: &'a PartnerRange,
    /// The reference month R.
    pub reference: Month,
    /// One version an area.
    pub versions: &'a [&'a Version],
    /// Certifications and scopes.
    pub catalogs: &'a Catalogs,
    /// The run that the rows belong to.
    pub run_id: &'a RunId,
    /// Azure consumed revenue.
    pub acr: &'a Consumption<'a>,
    /// Paid seats and active users.
    pub seats: &'a SeatMonths<'a>,
    /// `month`, `partner_id`, `tenant_id`, `workload`, `attributions`, `revenue` of R−12 and R.
    pub revenue: DataFrame,
    /// `month`, `partner_id`, `tenant_id`, `workload`, `attributions`, `active_users`,
    /// `attributed_users`, `capacity` of R−12 and R.
    pub usage: DataFrame,
    /// Credentials of people.
    pub credentials: &'a DeliveredCredentials,
    /// Segments of customers up to R at least.
    pub segments: &'a SegmentMonths,
    /// Customers that distributors credit to the partners in R−23…R, in any order.
    pub credited: Vec<CreditedCustomer<'a>>,
    /// Partners with a live row of consumption or seats in R−23…R.
    pub usage_partners: BTreeSet<String>,
    /// What each partner delivered.
    pub delivered: Vec<&'a Delivered>,
    /// Partner and dataset of data of R that was delivered before the 20th of the next month.
    pub early: &'a BTreeSet<(String, String)>,
    /// Partners with a quarantined record in a file that feeds the month.
    pub quarantined: &'a BTreeSet<String>,
}

/// The tables of a month and what to tell about them.
pub struct Output {
    /// Each fact table with its rows, in the order of its key.
    pub frames: Vec<(&'static Table, DataFrame)>,
    /// What to tell.
    pub account: Account,
}

/// What to tell about the score of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Titles of credentials that no certification has, with the number of rows.
    pub unmatched_titles: BTreeMap<String, i64>,
    /// Certifications that count by a name that is only assumed to be a newer one of theirs, with
    /// the number of people.
    pub assumed_aliases: BTreeMap<String, i64>,
    /// Consumption of the window by service as delivered.
    pub services: BTreeMap<String, Money>,
    /// Workloads of rows of R that no catalog knows, with the number of rows.
    pub unknown_workloads: BTreeMap<String, i64>,
    /// Datasets that only some months of a comparison have, with the number of partners.
    pub partial_datasets: BTreeMap<&'static str, i64>,
    /// Customers without a segment that a test of the path looked at.
    pub without_segment: i64,
    /// Figures for people, one entry an area.
    pub areas: Vec<AreaSummary>,
    /// The totals of all partners and paths.
    pub totals: MonthScores,
}

impl Account {
    /// Adds that of the next range of partners, of the same month by the same rules.
    pub fn add(&mut self, next: Self) {
        add_up(&mut self.unmatched_titles, next.unmatched_titles);
        add_up(&mut self.assumed_aliases, next.assumed_aliases);
        add_up(&mut self.services, next.services);
        add_up(&mut self.unknown_workloads, next.unknown_workloads);
        add_up(&mut self.partial_datasets, next.partial_datasets);
        self.without_segment += next.without_segment;
        for (area, next) in self.areas.iter_mut().zip(next.areas) {
            area.add(next);
        }
        self.totals.add(next.totals);
    }
}

fn add_up<K: Ord, V: AddAssign + Default>(sums: &mut BTreeMap<K, V>, more: BTreeMap<K, V>) {
    for (key, value) in more {
        *sums.entry(key).or_default() += value;
    }
}

/// How the base stands in one area by the selected path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AreaSummary {
    /// The area.
    pub area: String,
    /// The area's name.
    pub title: String,
    /// The rule version.
    pub ruleset_id: String,
    /// Partners scored.
    pub partners: usize,
    /// Partners that qualify.
    pub qualified: usize,
    /// Partners below the line by at most ten points, of those whose score can be computed.
    pub within_ten: usize,
    /// All scores that can be computed, in no order.
    pub points: Vec<Points>,
    /// Partners by coverage: complete, lower bound, not computable.
    pub coverage: [usize; 3],
}

impl AreaSummary {
    /// The middle of all scores that can be computed (the lower one of two).
    pub fn median(&self) -> Option<Points> {
        let mut points = self.points.clone();
        points.sort_unstable();
        points.get(points.len().saturating_sub(1) / 2).copied()
    }

    /// Counts the selected path of a partner, which lacks some points to qualify.
    fn count(&mut self, total: &Total, is_qualified: bool, missing: Points) {
        self.qualified += usize::from(is_qualified);
        self.coverage[match total.covered.coverage {
            Coverage::Complete => 0,
            Coverage::LowerBound => 1,
            Coverage::NotComputable => 2,
        }] += 1;
        if total.covered.coverage == Coverage::NotComputable {
            return;
        }
        self.points.push(total.points);
        let is_near = missing.0 > 0 && missing.0 <= 10 * UNITS_PER_POINT;
        self.within_ten += usize::from(is_near);
    }

    fn add(&mut self, next: Self) {
        self.partners += next.partners;
        self.qualified += next.qualified;
        self.within_ten += next.within_ten;
        self.points.extend(next.points);
        for (count, next) in self.coverage.iter_mut().zip(next.coverage) {
            *count += next;
        }
    }
}

/// Scores a month of some partners.
///
/// # Errors
/// CS5004 when an amount does not fit its published type; CS9001.
pub fn score(input: &Input<'_>) -> Result<Output> {
    let partners = scored_partners(input)?;
    let day = input.reference.last_day();
    let credentials =
        Credentials::judged(input.credentials, &input.catalogs.certifications, day, &partners)?;
    let mut scorer = AreaScorer::new(input, &partners, &credentials, Detail::All);
    let mut areas = Vec::new();
    for version in input.versions {
        areas.push(scorer.score(version)?);
    }
    let assumed_aliases = scorer.assumed_aliases();
    let (partial_datasets, without_segment) = (scorer.partial_datasets(), scorer.without_segment());
    let totals = scorer.totals();
    let mut frames = scorer.finish()?;
    frames.push((&FACT_ACR_TTM, acr_ttm(input, &partners)?));
    let delivered = input.acr.by_delivered_service(input.reference.plus(-23), input.reference);
    let services = delivered.into_iter().map(|(name, amount)| (name.to_owned(), amount)).collect();
    let unmatched_titles = credentials.unmatched;
    let account = Account {
        unmatched_titles,
        assumed_aliases,
        services,
        unknown_workloads: unknown_workloads(input)?,
        partial_datasets,
        without_segment,
        areas,
        totals,
    };
    Ok(Output { frames, account })
}

/// Workloads of rows of R that no catalog knows: seats, revenue and usage.
fn unknown_workloads(input: &Input<'_>) -> Result<BTreeMap<String, i64>> {
    let mut found = BTreeMap::new();
    let is_unknown = |name: &str| input.catalogs.workloads.known(name).is_none();
    for (workload, rows) in input.seats.rows_by_workload(input.reference) {
        if is_unknown(workload) {
            *found.entry(workload.to_owned()).or_default() += rows;
        }
    }
    for frame in [&input.revenue, &input.usage] {
        let workloads = frame.column("workload").and_then(|column| column.str()).map_err(bug)?;
        let days = frame.column("month").and_then(|column| column.date()).map_err(bug)?;
        let reference = Some(input.reference.first_day().0);
        for (workload, day) in workloads.iter().zip(days.physical().iter()) {
            if let Some(workload) = workload.filter(|name| day == reference && is_unknown(name)) {
                *found.entry(workload.to_owned()).or_default() += 1;
            }
        }
    }
    Ok(found)
}

/// The totals of a month of some partners, without how they were made.
///
/// # Errors
/// As [`score`].
pub fn totals(input: &Input<'_>) -> Result<MonthScores> {
    let partners = scored_partners(input)?;
    let day = input.reference.last_day();
    let credentials =
        Credentials::judged(input.credentials, &input.catalogs.certifications, day, &partners)?;
    let mut scorer = AreaScorer::new(input, &partners, &credentials, Detail::Totals);
    for version in input.versions {
        scorer.score(version)?;
    }
    Ok(scorer.totals())
}

/// Area and partner that a test of the partner's customers assigns the tested path.
///
/// # Errors
/// CS9001.
pub fn assigned(input: &Input<'_>) -> Result<BTreeSet<(String, String)>> {
    let ids = input.usage_partners.iter().cloned().collect();
    let partners = Partners::new(ids, &input.delivered, input.reference);
    let (mut measures, mut smb) = (Measures::default(), None);
    let mut found = BTreeSet::new();
    for version in input.versions {
        let Selection::Assigned(assignment) = &version.selection else { continue };
        let paths = [assignment.otherwise.clone(), assignment.path.clone()];
        let assigned =
            assigned_paths(assignment, &paths, &mut measures, &mut smb, input, &partners)?;
        let passed = partners.ids().iter().zip(assigned).filter(|(_, path)| *path == 1);
        found.extend(passed.map(|(partner, _)| (version.area.clone(), partner.clone())));
    }
    Ok(found)
}

fn scored_partners(input: &Input<'_>) -> Result<Partners> {
    let mut ids: BTreeSet<String> = input.usage_partners.clone();
    ids.extend(input.credentials.partners(input.reference.last_day())?);
    Ok(Partners::new(ids.into_iter().collect(), &input.delivered, input.reference))
}

fn acr_ttm(input: &Input<'_>, partners: &Partners) -> Result<DataFrame> {
    let mut scopes: Vec<&Scope> = Vec::new();
    let declared = input.versions.iter().flat_map(|version| &version.scopes);
    for scope in input.catalogs.scopes.iter().chain(declared) {
        if !scopes.iter().any(|known| known.id == scope.id) {
            scopes.push(scope);
        }
    }
    let mut rows = Rows::new(&FACT_ACR_TTM);
    for scope in scopes {
        ttm::add_scope(&mut rows, input.acr, scope, input.reference, partners)?;
    }
    rows.finish()
}
