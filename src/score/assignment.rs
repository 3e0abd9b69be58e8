//! The path that a test of the customer base assigns to each partner (rules §4.1, §7.1).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;

use super::Input;
use super::measure::Amounts;
use super::measures::Measures;
use super::partners::Partners;
use crate::calendar::Month;
use crate::error::Result;
use crate::facts::{CustomerRow, PartnerRange};
use crate::money::Money;
use crate::rules::{Assignment, AssignmentTest, Segments, Window};
use crate::tables::SEGMENT_DATASET;

/// What the exports say of the segments of customers, month by month.
pub struct SegmentMonths {
    /// Partner and tenant, sorted, and where their months end.
    customers: Vec<(String, String, usize)>,
    /// Of each customer in order.
    months: Vec<SegmentMonth>,
    names: SegmentNames,
}

/// What an export says of a customer in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SegmentMonth {
    month: Month,
    is_customer_export: bool,
    /// Whether no row of it leaves the small-business side.
    is_smb: bool,
}

/// The segments that were delivered, by month and whether in a customer export.
type SegmentNames = BTreeMap<(Month, bool), BTreeSet<String>>;

/// The segments of customers while rows about them are read, in any order.
pub struct SegmentRows<'a> {
    rules: &'a Segments,
    /// Whether each segment that was met is on the small-business side.
    sides: HashMap<String, bool>,
    partners: HashMap<String, usize>,
    /// The number of each partner's customer, by tenant.
    tenants: Vec<HashMap<String, u32>>,
    /// Of the customers by their number.
    months: Vec<(u32, SegmentMonth)>,
    customers: u32,
    names: SegmentNames,
}

impl<'a> SegmentRows<'a> {
    /// None yet.
    pub fn new(rules: &'a Segments) -> Self {
        Self {
            rules,
            sides: HashMap::new(),
            partners: HashMap::new(),
            tenants: Vec::new(),
            months: Vec::new(),
            customers: 0,
            names: SegmentNames::new(),
        }
    }

    /// Adds what a row says.
    pub fn add(&mut self, row: &CustomerRow<'_>) {
        if row.segment.is_empty() {
            return;
        }
        let is_customer_export = row.dataset == SEGMENT_DATASET;
        let names = self.names.entry((row.month, is_customer_export)).or_default();
        if !names.contains(row.segment) {
            names.insert(row.segment.to_owned());
        }
        let is_smb = self.is_smb(row.segment);
        let customer = self.customer(row.partner_id, row.tenant_id);
        let said = SegmentMonth { month: row.month, is_customer_export, is_smb };
        self.months.push((customer, said));
    }

    fn is_smb(&mut self, segment: &str) -> bool {
        if let Some(known) = self.sides.get(segment) {
            return *known;
        }
        let (is_smb, _) = self.rules.is_smb_side(segment);
        self.sides.insert(segment.to_owned(), is_smb);
        is_smb
    }

    fn customer(&mut self, partner: &str, tenant: &str) -> u32 {
        let partner = if let Some(known) = self.partners.get(partner) {
            *known
        } else {
            self.tenants.push(HashMap::new());
            self.partners.insert(partner.to_owned(), self.tenants.len() - 1);
            self.tenants.len() - 1
        };
        let tenants = &mut self.tenants[partner];
        if let Some(known) = tenants.get(tenant) {
            return *known;
        }
        tenants.insert(tenant.to_owned(), self.customers);
        self.customers += 1;
        self.customers - 1
    }

    /// What they say.
    pub fn finish(self) -> SegmentMonths {
        let Self { partners, tenants, mut months, names, .. } = self;
        // Those that leave the small-business side come first.
        months.sort_unstable();
        months.dedup_by_key(|(customer, said)| (*customer, said.month, said.is_customer_export));
        let mut numbered: Vec<(&str, &str, u32)> = Vec::new();
        for (partner, at) in &partners {
            let of_partner = tenants[*at].iter();
            numbered.extend(
                of_partner.map(|(tenant, number)| (partner.as_str(), tenant.as_str(), *number)),
            );
        }
        numbered.sort_unstable();
        let mut segments = SegmentMonths {
            customers: Vec::new(),
            months: Vec::with_capacity(months.len()),
            names,
        };
        for (partner, tenant, number) in numbered {
            let start = months.partition_point(|(customer, _)| *customer < number);
            let of_customer =
                months[start..].iter().take_while(|(customer, _)| *customer == number);
            segments.months.extend(of_customer.map(|(_, said)| *said));
            segments.customers.push((partner.to_owned(), tenant.to_owned(), segments.months.len()));
        }
        segments
    }
}

impl SegmentMonths {
    /// The segments that rows say which R looks at, sorted.
    pub fn names(&self, reference: Month) -> BTreeSet<&str> {
        let is_known = |(month, is_customer_export): &(Month, bool)| {
            is_known_at(reference, *month, *is_customer_export)
        };
        let known = self.names.iter().filter(|(key, _)| is_known(key));
        known.flat_map(|(_, names)| names).map(String::as_str).collect()
    }

    /// Each customer of some partners, as partner and tenant, with its months in order.
    fn of_customers(
        &self,
        range: &PartnerRange,
    ) -> impl Iterator<Item = (&str, &str, &[SegmentMonth])> {
        let within = range.within(&self.customers, |(partner, _, _)| partner);
        within.map(|at| {
            let (partner, tenant, _) = &self.customers[at];
            (partner.as_str(), tenant.as_str(), self.months_at(at))
        })
    }

    /// The months of one customer of a partner, in order.
    fn of_customer(&self, partner: &str, tenant: &str) -> &[SegmentMonth] {
        let order = |(known, of, _): &(String, String, usize)| {
            (known.as_str(), of.as_str()).cmp(&(partner, tenant))
        };
        self.customers.binary_search_by(order).map_or(&[], |at| self.months_at(at))
    }

    fn months_at(&self, at: usize) -> &[SegmentMonth] {
        let before = at.checked_sub(1).and_then(|before| self.customers.get(before));
        let start = before.map_or(0, |(_, _, end)| *end);
        self.customers.get(at).and_then(|(_, _, end)| self.months.get(start..*end)).unwrap_or(&[])
    }
}

/// Whether R looks at what rows of a month say: of customer exports however old, of usage rows not
/// before its window.
fn is_known_at(reference: Month, month: Month, is_customer_export: bool) -> bool {
    month <= reference && (is_customer_export || month >= reference.plus(-23))
}

/// Which customers of which partner are on the small-business side.
#[derive(Debug, Default)]
pub(super) struct SmbCustomers<'a> {
    /// Customers with a segment and whether that is on the small-business side, sorted.
    known: Vec<(usize, &'a str, bool)>,
    /// Customers that were asked for and have no segment.
    unknown: BTreeSet<(usize, Arc<str>)>,
}

impl<'a> SmbCustomers<'a> {
    /// Judges every customer by the segment of its newest month up to R that has one, as the exports
    /// of that partner say it, and those of distributors that credit the customer to it in the window
    /// of R; at a tie the customer export wins over usage rows, and one row that is not on the
    /// small-business side is enough to leave it. Usage rows older than the window of R say nothing
    /// of it.
    pub(super) fn new(input: &Input<'a>, partners: &Partners) -> Self {
        let is_known =
            |row: &&SegmentMonth| is_known_at(input.reference, row.month, row.is_customer_export);
        let own = input.segments.of_customers(input.range);
        let credited = input.credited.iter().map(|customer| {
            let months = input.segments.of_customer(customer.exporter, customer.tenant);
            (customer.reseller, customer.tenant, months)
        });
        let mut newest = Vec::new();
        for (partner, tenant, months) in own.chain(credited) {
            let months = months.iter().filter(is_known);
            let said = months.map(|row| (row.month, row.is_customer_export, !row.is_smb)).max();
            newest.extend(said.zip(partners.find(partner)).map(|(said, at)| (at, tenant, said)));
        }
        newest.sort_unstable();
        // The last one that is said of a customer remains.
        newest.dedup_by(|next, kept| {
            let is_same = (kept.0, kept.1) == (next.0, next.1);
            if is_same {
                *kept = *next;
            }
            is_same
        });
        let known = newest.into_iter().map(|(at, tenant, (_, _, leaves))| (at, tenant, !leaves));
        Self { known: known.collect(), unknown: BTreeSet::new() }
    }

    /// Whether a customer is on the small-business side; one without a segment is not.
    fn has(&mut self, partner: usize, tenant: &Arc<str>) -> bool {
        let order = |(known, of, _): &(usize, &str, bool)| (*known, *of).cmp(&(partner, &**tenant));
        if let Ok(at) = self.known.binary_search_by(order) {
            return self.known[at].2;
        }
        self.unknown.insert((partner, Arc::clone(tenant)));
        false
    }

    /// How many customers were asked for that have no segment.
    pub(super) fn without_segment(&self) -> usize {
        self.unknown.len()
    }
}

/// The index of the assigned path among `paths`, per partner.
///
/// # Errors
/// CS9001.
pub(super) fn assigned_paths<'a>(
    assignment: &Assignment,
    paths: &[String],
    measures: &mut Measures,
    smb: &mut Option<SmbCustomers<'a>>,
    input: &Input<'a>,
    partners: &Partners,
) -> Result<Vec<usize>> {
    let place = |name: &String| paths.iter().position(|path| path == name).unwrap_or_default();
    let (assigned, otherwise) = (place(&assignment.path), place(&assignment.otherwise));
    let associations = assignment.associations;
    let passed = match &assignment.test {
        AssignmentTest::SmbShare { share, is_share_enough, customers, ttm_below } => {
            let smb = smb.get_or_insert_with(|| SmbCustomers::new(input, partners));
            let month = measures.acr(&[], associations, *customers, input, partners)?;
            let votes = votes(month, smb, partners.len());
            let ttm = match ttm_below {
                Some(_) => measures
                    .acr(&[], associations, Window::Ttm, input, partners)?
                    .totals(partners.len()),
                None => vec![Money::ZERO; partners.len()],
            };
            let passes = |((all, small), ttm): ((i64, i64), Money)| {
                let (left, right) = (small * share.denominator, all * share.numerator);
                let has_share = if *is_share_enough { left >= right } else { left > right };
                all > 0 && has_share && ttm_below.is_none_or(|limit| ttm < limit)
            };
            votes.into_iter().zip(ttm).map(passes).collect::<Vec<bool>>()
        }
        AssignmentTest::Pairs { needed, revenue_above, workloads, is_same_in_both } => {
            let revenue = measures.revenue(workloads, associations, input, partners)?;
            let mut pairs = vec![(0_i64, 0_i64); partners.len()];
            for at in 0..revenue.partner.len() {
                let now = revenue.current[at] > *revenue_above;
                let before = revenue.baseline[at] > *revenue_above;
                let both = !is_same_in_both || now && before;
                let (current, baseline) = &mut pairs[revenue.partner[at]];
                *current += i64::from(now && both);
                *baseline += i64::from(before && both);
            }
            let passes = |(now, before): (i64, i64)| now >= *needed && before >= *needed;
            pairs.into_iter().map(passes).collect()
        }
    };
    Ok(passed.into_iter().map(|passed| if passed { assigned } else { otherwise }).collect())
}

/// Customers with consumption above zero, and those of them on the small-business side.
fn votes(month: &Amounts, smb: &mut SmbCustomers<'_>, partners: usize) -> Vec<(i64, i64)> {
    let mut votes = vec![(0_i64, 0_i64); partners];
    for at in 0..month.partner.len() {
        if month.current[at] > Money::ZERO {
            let (all, small) = &mut votes[month.partner[at]];
            *all += 1;
            *small += i64::from(smb.has(month.partner[at], &month.tenant[at]));
        }
    }
    votes
}
