//! Probes of Azure consumption: services, associations, and amounts at the thresholds of the Azure
//! areas and of Security (rules §4, §5, §9.1).

use crate::probe_lists::{ASSOCIATIONS, SERVICES};
use crate::probes::{Expected, Probe, azure_paths, has_small_business, security_paths};
use crate::scorecard::{DEP, NCA, POINT, UG};

pub const AZURE_AREAS: [&str; 3] = ["data_ai", "digital_app_innovation", "infrastructure"];

pub fn probes() -> Vec<Probe> {
    let mut probes = Vec::new();
    for (service, _, _) in SERVICES {
        probes.push(Probe::Azure(service, "PartnerAdminLink", 15_000_00, 0));
        probes.push(Probe::Azure(service, "PartnerAdminLink", 7_500_00, 0));
    }
    for (association, _) in ASSOCIATIONS {
        probes.push(Probe::Azure("Sentinel", association, 15_000_00, 0));
        probes.push(Probe::Azure("Sentinel", association, 7_500_00, 0));
        probes.push(Probe::Azure("Sentinel", association, 2_200_00, 2_000_00));
    }
    for amount in [1, 100_00, 500_00, 600_00, 750_00, 1_000_00, 1_250_00, 12_000_00] {
        for cents in [amount - 1, amount, amount + 1] {
            probes.push(Probe::Azure("Sentinel", "PartnerAdminLink", cents, 0));
        }
    }
    for (now, before) in [
        (1_010_00, 1_000_00),
        (1_009_99, 1_000_00),
        (1_000_00, 500_00),
        (999_99, 500_00),
        (1_300_00, 1_200_00),
        (13_000_00, 11_000_00),
        (13_000_00, 12_000_00),
        (13_000_00, 12_000_01),
        (0, 13_000_00),
    ] {
        probes.push(Probe::Azure("Sentinel", "PartnerAdminLink", now, before));
    }
    probes
}

/// The points of a part for hundredths of a dollar now and a year ago.
pub fn expect(
    found: &mut Expected,
    ruleset: &str,
    (service, association): (&str, &str),
    (now, before): (i64, i64),
) {
    let counts = |names: &[(&str, bool, bool)], name: &str| {
        let row = names.iter().find(|row| row.0 == name).unwrap();
        if has_small_business(ruleset) { row.2 } else { row.1 }
    };
    let associated = |name: &str, old: usize, new: usize| {
        let row = ASSOCIATIONS.iter().find(|row| row.0 == name).unwrap();
        row.1[if has_small_business(ruleset) { new } else { old }]
    };
    for area in AZURE_AREAS.into_iter().filter(|_| associated(association, 0, 0)) {
        for path in azure_paths(ruleset) {
            let least = if *path == "smb" { 500_00 } else { 1_000_00 };
            let net = i64::from(now >= least) - i64::from(before >= least);
            found.add(area, path, NCA, "azure", 10 * POINT * net);
            if before > 0 && now >= 1_000_00 {
                found.add(area, path, UG, "azure", (now - before) * 100 / before * POINT);
            }
            if now > 0 && !service.starts_with("Virtual Machine") {
                found.add(area, path, DEP, "azure", 2 * POINT);
            }
        }
    }
    if !counts(SERVICES, service) || !associated(association, 1, 2) {
        return;
    }
    for path in security_paths(ruleset) {
        let adds = |qualifies: &dyn Fn(i64) -> bool| {
            i64::from(qualifies(now)) - i64::from(qualifies(before))
        };
        let least = if *path == "single" { 100_00 } else { 600_00 };
        let step = if *path == "smb" { 4 } else { 2 };
        found.add("security", path, NCA, "azure", step * POINT * adds(&|amount| amount >= least));
        let in_growth = |amount: i64| match *path {
            "single" => true,
            "enterprise" => amount > 12_000_00,
            _ => amount <= 12_000_00,
        };
        // In the small-business band a year ago and above it now.
        let is_promoted = *path == "smb" && now > 12_000_00 && (1..=12_000_00).contains(&before);
        let current = if in_growth(now) || is_promoted { now } else { 0 };
        let baseline = if in_growth(before) { before } else { 0 };
        let unit = if *path == "smb" { 750_00 } else { 1_250_00 };
        found.add("security", path, UG, "azure", (current - baseline) / unit * POINT);
        let deploys = |amount: i64| match *path {
            "single" => amount >= 12_000_00,
            "enterprise" => amount > 12_000_00,
            _ => (750_00..=12_000_00).contains(&amount),
        };
        let is_promoted = *path == "smb" && now > 12_000_00 && deploys(before);
        let net = i64::from(deploys(now) || is_promoted) - i64::from(deploys(before));
        found.add("security", path, DEP, "azure", 20 * POINT / 6 * net);
    }
}
