//! Probes of business applications: what is sold and used, and whose revenue and usage count (rules
//! §7, §9.6).

use crate::base::Base;
use crate::probe_lists::{BUSINESS_ASSOCIATIONS, SOLD, USED, Unit};
use crate::probes::{Expected, Probe, is_in};
use crate::scorecard::{DEP, ENT, NCA, POINT, SMB, UG};

pub const AREA: &str = "business_applications";

pub fn probes() -> Vec<Probe> {
    let mut probes = Vec::new();
    for (workload, _, _) in SOLD {
        probes.push(Probe::Revenue(workload, 1_600_00));
    }
    for cents in [249_99, 250_00, 499_99, 500_00, 1_499_99, 1_500_00] {
        probes.push(Probe::Revenue("Sales", cents));
    }
    for (workload, ..) in USED {
        probes.push(Probe::Usage(workload));
    }
    // Names that stand in the other list only.
    probes.extend([Probe::Usage("Sales"), Probe::Revenue("Guides", 1_600_00)]);
    probes
}

/// Revenue of R by each association, each at a tenant of its own.
pub fn add_revenue(base: &mut Base, partner: &str, workload: &str, amount: &str) {
    for (tenant, (association, _)) in (10..).zip(BUSINESS_ASSOCIATIONS) {
        base.revenue(partner, 0, tenant, workload, association, amount);
    }
}

/// Use in R by each association, each at a tenant of its own and twice that of the one before; users
/// that are attributed are three times the active ones, and capacity seven times.
pub fn add_usage(base: &mut Base, partner: &str, workload: &str) {
    for (at, (association, _)) in (0..).zip(BUSINESS_ASSOCIATIONS) {
        let counts = [1, 3, 7].map(|each| each << at);
        base.usage(partner, 0, 10 + at, workload, association, counts);
    }
}

/// Three points each pair.
pub fn expect_revenue(found: &mut Expected, ruleset: &str, workload: &str, cents: i64) {
    let is_sold =
        SOLD.iter().any(|(known, since, until)| *known == workload && is_in(ruleset, since, until));
    let pairs = BUSINESS_ASSOCIATIONS.iter().filter(|row| row.1[0]).count();
    let pairs = i64::try_from(pairs).unwrap();
    for path in [ENT, SMB] {
        let least = match path {
            ENT => 1_500_00,
            _ if is_in(ruleset, "2023-06", "") => 250_00,
            _ => 500_00,
        };
        if is_sold && cents >= least {
            found.add(AREA, path, NCA, "bizapps", 3 * POINT * pairs);
        }
    }
}

/// Four points each pair of enough value; in usage growth the value of all, in ten thousandths.
pub fn expect_usage(found: &mut Expected, ruleset: &str, workload: &str) {
    let row = USED.iter().find(|row| row.0 == workload && is_in(ruleset, row.3, ""));
    let Some((_, unit, tenths, _)) = row else { return };
    let (column, each) = match unit {
        Unit::Active => (1, 1),
        Unit::Attributed => (2, 3),
        Unit::Capacity => (2, 7),
    };
    // In ten thousandths.
    let values: Vec<i64> = (0..)
        .zip(BUSINESS_ASSOCIATIONS)
        .filter(|(_, row)| row.1[column])
        .map(|(at, _)| tenths * 1_000 * (each << at))
        .collect();
    for path in [ENT, SMB] {
        let least = if path == ENT { 10_000 } else { 5_000 };
        let pairs = values.iter().filter(|value| **value >= least * 10_000).count();
        found.add(AREA, path, DEP, "bizapps", 4 * POINT * i64::try_from(pairs).unwrap());
        found.add(AREA, path, UG, "bizapps", values.iter().sum());
    }
}
