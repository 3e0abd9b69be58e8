use super::*;
use crate::explain::page::Side;

#[expect(clippy::unnecessary_wraps, reason = "what the sentences take")]
fn gain(needed: i128, points: i64) -> Option<Gain> {
    Some(Gain { needed: Amount(needed), points: Points(points) })
}

#[test]
fn counted_parts_say_both_sides() {
    let part = Counted {
        unit: "tenants",
        now: Tally { counted: 3, seen: 4 },
        net: Some((1, Amount(20_000))),
        gain: gain(10_000, 16_800),
    };
    assert_eq!(
        counted_sentence(&part),
        "3 of 4 tenants count now, 1 counted a year ago: net 2; 1 more gives 2 points"
    );
    let fallen = Counted {
        now: Tally { counted: 1, seen: 1 },
        net: Some((3, Amount(-20_000))),
        gain: gain(30_000, 8_400),
        ..part
    };
    assert_eq!(
        counted_sentence(&fallen),
        "1 of 1 tenant counts now, 3 counted a year ago: net -2; 3 more give 1 point"
    );
    let none = Counted { now: Tally { counted: 0, seen: 0 }, net: None, gain: None, ..part };
    assert_eq!(counted_sentence(&none), "no tenant counts now");
}

#[test]
fn growth_parts_say_units_and_what_is_left() {
    let part = Growth {
        subject: "Azure consumed revenue",
        unit: "usd",
        baseline: Amount(123_450_000),
        current: Amount(150_000_000),
        change: Amount(26_550_000),
        steps: Steps::Units { increments: 2, size: Amount(12_500_000) },
        gain: gain(10_950_000, 8_400),
    };
    assert_eq!(
        growth_sentence(&part),
        "Azure consumed revenue grew from 12,345.00 to 15,000.00 USD (+2,655.00): \
         2 whole units of 1,250.00; 1,095.00 USD more gives 1 point"
    );
    let users = Growth {
        subject: "Active users",
        unit: "users",
        baseline: Amount(5_000_000),
        current: Amount(4_000_000),
        change: Amount(-1_000_000),
        steps: Steps::Units { increments: 0, size: Amount(1_250_000) },
        gain: gain(2_250_000, 8_400),
    };
    assert_eq!(
        growth_sentence(&users),
        "Active users fell from 500 to 400 (-100): 0 whole units of 125; 225 more give 1 point"
    );
    let single = Growth {
        change: Amount(10_000),
        current: Amount(5_010_000),
        steps: Steps::Units { increments: 1, size: Amount::ONE },
        gain: gain(10_000, 252),
        ..users
    };
    assert_eq!(
        growth_sentence(&single),
        "Active users grew from 500 to 501 (+1); 1 more gives 0.03 points"
    );
}

#[test]
fn growth_in_percent_says_the_fraction() {
    let part = Growth {
        subject: "Azure consumed revenue",
        unit: "usd",
        baseline: Amount(10_000_000),
        current: Amount(11_234_560),
        change: Amount(1_234_560),
        steps: Steps::Percent { increments: 12, remainder: Some(Amount(3_456)) },
        gain: gain(6_544, 8_400),
    };
    assert_eq!(
        growth_sentence(&part),
        "Azure consumed revenue grew from 1,000.00 to 1,123.46 USD (+123.46, 12.35 %): \
         12 whole percent; 0.6544 percent more gives 1 point"
    );
}

#[test]
fn steps_quote_the_published_rule() {
    let step = Step {
        part: "step1",
        people: Amount(20_000),
        threshold: "at least 2 people with X-1 or X-2",
        is_locked: false,
        earned: Points::ZERO,
    };
    assert_eq!(step_sentence(&step), "Step 1: 2 people hold X-1 or X-2 (2 needed)");
    let last = Step {
        part: "step3",
        people: Amount(10_000),
        threshold: "people with X-3, once all earlier steps are met",
        earned: Points(56_000),
        ..step
    };
    assert_eq!(step_sentence(&last), "Step 3: 1 person holds X-3: 6.67 points");
    assert_eq!(
        step_sentence(&Step { is_locked: true, earned: Points::ZERO, ..last }),
        "Step 3: 1 person holds X-3; earns nothing until all earlier steps are met"
    );
    let other = Step { part: "people", threshold: "any", earned: Points::ZERO, ..step };
    assert_eq!(step_sentence(&other), "2 people (rule: any)");
}

#[test]
fn a_tenant_with_two_workloads_is_one_tenant() {
    let side = |is_counted: bool, reason: &str| Side {
        is_counted,
        reason: reason.to_owned(),
        ..Side::default()
    };
    let customer = |tenant: &str, workload: &str, current: Side| Customer {
        tenant_id: tenant.to_owned(),
        customer_name: None,
        workload: workload.to_owned(),
        current,
        baseline: side(false, "no_usage"),
        contribution: Amount::ZERO,
    };
    let customers = [
        customer("a", "w1", side(true, "counted")),
        customer("a", "w2", side(false, "counted_elsewhere")),
        customer("b", "w1", side(false, "outside_band")),
        customer("c", "w1", side(false, "not_associated")),
    ];
    assert_eq!(tally("tenants", &customers, true), Tally { counted: 1, seen: 2 });
    assert_eq!(tally("tenant_workloads", &customers, true), Tally { counted: 1, seen: 3 });
    assert_eq!(tally("tenants", &customers, false), Tally { counted: 0, seen: 0 });
}
