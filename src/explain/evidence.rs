//! Customer evidence: both sides of each row, in the order that people want to read.

use std::collections::HashMap;

use super::amount::Amount;
use super::page::{Customer, Side};
use super::read::{Row, Rows};
use crate::error::Result;

/// The columns of one side.
struct SideColumns {
    acr: &'static str,
    revenue: &'static str,
    consumption: &'static str,
    seats: &'static str,
    users: &'static str,
    from: &'static str,
    to: &'static str,
    counted: &'static str,
    reason: &'static str,
}

const CURRENT: SideColumns = SideColumns {
    acr: "current_acr_usd",
    revenue: "current_revenue_usd",
    consumption: "current_consumption_value",
    seats: "current_paid_seats",
    users: "current_active_users",
    from: "current_from_month",
    to: "current_to_month",
    counted: "is_counted_current",
    reason: "reason_current",
};

const BASELINE: SideColumns = SideColumns {
    acr: "baseline_acr_usd",
    revenue: "baseline_revenue_usd",
    consumption: "baseline_consumption_value",
    seats: "baseline_paid_seats",
    users: "baseline_active_users",
    from: "baseline_from_month",
    to: "baseline_to_month",
    counted: "is_counted_baseline",
    reason: "reason_baseline",
};

/// The evidence by key: what counts first, then near misses, the largest of each first.
pub(super) fn customers(
    rows: &Rows,
    names: &HashMap<String, String>,
) -> Result<HashMap<String, Vec<Customer>>> {
    let mut evidence: HashMap<String, Vec<Customer>> = HashMap::new();
    for row in rows.iter() {
        let tenant_id = row.text("tenant_id")?;
        let customer = Customer {
            customer_name: names.get(&tenant_id).cloned(),
            tenant_id,
            workload: row.text("workload")?,
            current: side(&row, &CURRENT)?,
            baseline: side(&row, &BASELINE)?,
            contribution: row.required_amount("contribution")?,
        };
        evidence.entry(row.text("evidence_key")?).or_default().push(customer);
    }
    for customers in evidence.values_mut() {
        customers.sort_by(|left, right| {
            nearness(left)
                .cmp(&nearness(right))
                .then_with(|| size(right).cmp(&size(left)))
                .then_with(|| left.tenant_id.cmp(&right.tenant_id))
                .then_with(|| left.workload.cmp(&right.workload))
        });
    }
    Ok(evidence)
}

/// How far a row is from counting now: what can be won back or won next comes before what is
/// settled otherwise.
fn nearness(customer: &Customer) -> u8 {
    match customer.current.reason.as_str() {
        _ if customer.current.is_counted => 0,
        _ if customer.baseline.is_counted => 1,
        "below_active_share" | "below_threshold" | "outside_band" => 2,
        "not_associated" => 3,
        "no_usage" => 5,
        _ => 4,
    }
}

/// The measure now; money and seats never meet in one part.
fn size(customer: &Customer) -> (Amount, i64) {
    let side = &customer.current;
    let money = side.acr_usd.or(side.revenue_usd).or(side.consumption_value).unwrap_or_default();
    let seats = side.paid_seats.unwrap_or_default();
    (
        if money == Amount::ZERO { Amount::whole(seats) } else { money },
        side.active_users.unwrap_or(0),
    )
}

fn side(row: &Row<'_>, columns: &SideColumns) -> Result<Side> {
    let month = |name: &str| -> Result<Option<String>> {
        Ok(row.day(name)?.map(|day| day.month().to_string()))
    };
    Ok(Side {
        acr_usd: row.amount(columns.acr)?,
        revenue_usd: row.amount(columns.revenue)?,
        consumption_value: row.amount(columns.consumption)?,
        paid_seats: row.integer(columns.seats)?,
        active_users: row.integer(columns.users)?,
        from_month: month(columns.from)?,
        to_month: month(columns.to)?,
        is_counted: row.flag(columns.counted)?,
        reason: row.text(columns.reason)?,
    })
}
