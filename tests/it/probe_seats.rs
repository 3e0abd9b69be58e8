//! Probes of paid seats and active users: workloads, associations, and seats and shares at the
//! thresholds of Security and Modern Work (rules §5, §6, §9.3, §9.4).

use crate::probe_lists::{ASSOCIATIONS, WORKLOADS};
use crate::probes::{Expected, Probe, has_small_business, is_in, security_paths};
use crate::scorecard::{DEP, ENT, NCA, POINT, SMB, UG};

/// Paid seats and active users.
pub type Seats = (i64, i64);

const NONE: Seats = (0, 0);

const DPOR: &str = "Digital Partner of Record";

pub fn probes() -> Vec<Probe> {
    let mut probes = Vec::new();
    let mut add =
        |association, now, before| probes.push(Probe::Seats("Intune", association, now, before));
    for (association, _) in ASSOCIATIONS {
        add(association, (400, 400), NONE);
        add(association, (100, 100), NONE);
    }
    for paid in [4, 5, 10, 11, 12, 24, 25, 26, 300, 301, 302] {
        add("CPOR", (paid, paid), NONE);
    }
    for paid in [10, 11, 300, 301] {
        add(DPOR, (paid, paid), NONE);
        add("CSP Tier 1", (paid, paid), NONE);
    }
    for (paid, active) in [
        (400, 59),
        (400, 60),
        (100, 14),
        (100, 15),
        (100, 16),
        (20, 3),
        (20, 2),
        (400, 124),
        (400, 125),
        (400, 126),
        (100, 49),
        (100, 50),
        (100, 51),
        (100, 200),
        (400, 600),
    ] {
        add("CPOR", (paid, active), NONE);
    }
    for (paid, active) in [(400, 159), (400, 160), (100, 39), (100, 40)] {
        for association in ["CPOR", DPOR, "CSP Tier 1"] {
            add(association, (paid, active), NONE);
        }
    }
    for (now, before) in [
        ((310, 310), (290, 20)),
        ((310, 310), (301, 301)),
        ((310, 310), (4, 4)),
        ((400, 400), (400, 40)),
        ((100, 100), (100, 10)),
        ((0, 0), (400, 400)),
    ] {
        for association in ["CPOR", DPOR, "CSP Tier 1"] {
            add(association, now, before);
        }
    }
    for (workload, _) in WORKLOADS {
        probes.push(Probe::Seats(workload, "CPOR", (400, 400), NONE));
        probes.push(Probe::Seats(workload, "CPOR", (100, 100), NONE));
    }
    // Exactly 40 % active when the association began, and 41 %.
    for association in ["CPOR", DPOR, "CSP Tier 1"] {
        for (then, now) in [
            ((400, 160), (400, 300)),
            ((400, 164), (400, 300)),
            ((100, 40), (100, 60)),
            ((100, 41), (100, 60)),
        ] {
            probes.push(Probe::Begun(association, then, now));
        }
    }
    probes
}

/// The seats of one tenant on both sides, and those with which an association of the last year began.
#[derive(Clone, Copy)]
pub struct Sides {
    pub now: Seats,
    pub before: Seats,
    pub begun: Option<Seats>,
}

impl Sides {
    /// Whether a side passes a band; from 2025-03 in Security and from 2026-05 in Modern Work also by
    /// promotion out of the small-business band.
    fn has(&self, is_now: bool, band: &dyn Fn(i64) -> bool, can_be_promoted: bool) -> bool {
        let is_promoted = can_be_promoted && band(self.before.0) && self.now.0 > 300;
        let side = if is_now { self.now } else { self.before };
        band(side.0) || is_now && is_promoted
    }

    /// Whether a side has seats and so many hundredths of them are active.
    fn is_active(&self, is_now: bool, share: i64) -> bool {
        let (paid, active) = if is_now { self.now } else { self.before };
        paid > 0 && active * 100 >= paid * share
    }
}

fn counts(names: &[(&str, [bool; 5])], name: &str, column: usize) -> bool {
    names.iter().find(|row| row.0 == name).unwrap().1[column]
}

/// The points of the parts that look at seats.
pub fn expect(
    found: &mut Expected,
    ruleset: &str,
    (workload, association): (&str, &str),
    sides: Sides,
) {
    let column = usize::from(has_small_business(ruleset));
    if counts(WORKLOADS, workload, column) && counts(ASSOCIATIONS, association, 3 + column) {
        for path in security_paths(ruleset) {
            expect_security(found, path, sides);
        }
    }
    let is_newer = is_in(ruleset, "2026-05", "");
    let (adds, usage) = if is_newer { (3, 4) } else { (2, 2) };
    for path in [ENT, SMB] {
        let can_be_promoted = is_newer && path == SMB;
        if counts(WORKLOADS, workload, adds) {
            expect_adds(found, path, association, sides, can_be_promoted);
        }
        if counts(WORKLOADS, workload, usage) {
            expect_usage(found, path, association, sides, can_be_promoted);
        }
    }
}

fn expect_security(found: &mut Expected, path: &'static str, sides: Sides) {
    let band = |paid: i64| match path {
        "single" => paid >= 25,
        "enterprise" => paid > 300,
        _ => (5..=300).contains(&paid),
    };
    let has = |is_now| sides.has(is_now, &band, path == SMB);
    let step = if path == SMB { 4 } else { 2 };
    let net = i64::from(has(true)) - i64::from(has(false));
    found.add("security", path, NCA, "m365", step * POINT * net);
    let deploys = |is_now| i64::from(has(is_now) && sides.is_active(is_now, 15));
    let net = deploys(true) - deploys(false);
    found.add("security", path, DEP, "m365", 20 * POINT / 6 * net);
    // By the old rules every tenant feeds the growth of users.
    let users = |is_now: bool, side: Seats| {
        let counts = path == "single" || has(is_now);
        if counts { side.0.min(side.1) } else { 0 }
    };
    let unit = if path == SMB { 50 } else { 125 };
    let growth = users(true, sides.now) - users(false, sides.before);
    found.add("security", path, UG, "m365", growth / unit * POINT);
}

/// Seats from which a tenant counts in Modern Work.
fn modern_band(path: &'static str) -> impl Fn(i64) -> bool {
    move |paid| if path == SMB { (11..=300).contains(&paid) } else { paid > 300 }
}

fn expect_adds(
    found: &mut Expected,
    path: &'static str,
    association: &str,
    sides: Sides,
    can_be_promoted: bool,
) {
    let is_associated = match association {
        "CPOR" => true,
        DPOR => path == ENT,
        "CSP Tier 1" | "CSP Tier 2" => path == SMB,
        _ => false,
    };
    if is_associated {
        let band = modern_band(path);
        let has = |is_now| i64::from(sides.has(is_now, &band, can_be_promoted));
        let step = if path == SMB { 2 } else { 4 };
        found.add("modern_work", path, NCA, "m365", step * POINT * (has(true) - has(false)));
    }
}

fn expect_usage(
    found: &mut Expected,
    path: &'static str,
    association: &str,
    sides: Sides,
    can_be_promoted: bool,
) {
    // The part, and what a user and twice what a deployment earns there, in 1/8400.
    let (part, each_user, two_deployments) = match (association, path) {
        ("CPOR", ENT) => ("cpor", 30 * POINT / 1000, 10 * POINT),
        ("CPOR", _) => ("cpor", 30 * POINT / 500, 10 * POINT),
        (DPOR, ENT) => ("dpor", 30 * POINT / 4000, 5 * POINT),
        ("CSP Tier 1" | "CSP Tier 2", SMB) => ("csp", 30 * POINT / 2000, 5 * POINT),
        _ => return,
    };
    let band = modern_band(path);
    let has = |is_now| sides.has(is_now, &band, can_be_promoted);
    let users = |counts: bool, side: Seats| if counts { side.1 } else { 0 };
    // From the begin of an association on, whatever the seats were then.
    let baseline = match sides.begun {
        Some(begun) => users(has(true), begun),
        None => users(has(false), sides.before),
    };
    let growth = users(has(true), sides.now) - baseline;
    found.add("modern_work", path, UG, part, each_user * growth);
    let is_left_out = sides.begun.is_some_and(|(paid, active)| active * 100 > paid * 40);
    let deploys = |is_now| i64::from(has(is_now) && sides.is_active(is_now, 40));
    let now = if is_left_out { 0 } else { deploys(true) };
    found.add("modern_work", path, DEP, part, two_deployments * (now - deploys(false)) / 2);
}
