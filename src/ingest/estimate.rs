//! What consumption is worth by what was billed for it: the cost before the partner earned credit,
//! in US dollars.

use super::cells::Cells;
use super::layout::Recognised;
use super::row::{Rejection, amount, cell};
use super::tally::Tally;
use super::values;
use crate::money::Money;

/// The currency of all amounts.
const DOLLARS: &[u8] = b"USD";

/// The columns that the amount of a file is computed from.
pub(super) struct Estimate {
    /// The columns of a cost and of its currency, and the field of the cost.
    costs: Vec<(Option<usize>, Option<usize>, String)>,
    /// The column of a credited share, its field, and what means the whole of it.
    credits: Vec<(usize, String, i64)>,
}

impl Estimate {
    /// The columns of a file, if its layout has the amount computed.
    pub(super) fn new(header: &Recognised<'_>) -> Option<Self> {
        let columns = header.layout.estimate.as_ref()?;
        let costs = columns
            .costs
            .iter()
            .map(|(cost, currency)| (header.column(cost), header.column(currency), cost.clone()));
        let credits = columns
            .credits
            .iter()
            .filter_map(|(field, whole)| Some((header.column(field)?, field.clone(), *whole)));
        Some(Self { costs: costs.collect(), credits: credits.collect() })
    }

    /// The amount of a record, and whether digits beyond the tenth decimal were dropped.
    pub(super) fn amount(
        &self,
        cells: &Cells<'_>,
        tally: &mut Tally,
    ) -> Result<(Money, bool), Rejection> {
        let in_dollars = |(_, currency, _): &&(_, Option<usize>, _)| {
            cell(cells, *currency).eq_ignore_ascii_case(DOLLARS)
        };
        let Some((column, _, field)) = self.costs.iter().find(in_dollars) else {
            let (_, currency, field) = &self.costs[0];
            return Err(Rejection::new(field.clone(), "currency_other", &cell(cells, *currency)));
        };
        let cost = amount(cells, *column, tally);
        let (mut cost, mut is_dropped) =
            cost.map_err(|rejection| Rejection { field: field.clone().into(), ..rejection })?;
        for (column, field, whole) in &self.credits {
            let credited = cells.get(*column);
            let (gross, is_inexact) = Money::parse(&credited)
                .ok()
                .filter(|_| !values::is_blank(&credited))
                .and_then(|(share, is_dropped)| {
                    Some((before_credit(cost, share, Money::from_dollars(*whole))?, is_dropped))
                })
                .ok_or_else(|| Rejection::new(field.clone(), "credit_invalid", &credited))?;
            (cost, is_dropped) = (gross, is_dropped || is_inexact);
        }
        Ok((cost, is_dropped))
    }
}

/// What a cost was before a share of it was credited, rounded half away from zero in the tenth
/// decimal; none where the share is negative or the whole.
fn before_credit(cost: Money, share: Money, whole: Money) -> Option<Money> {
    if share == Money::ZERO {
        return Some(cost);
    }
    let left = (share.0 > 0 && share < whole).then_some(whole.0 - share.0)?;
    // An amount has 23 digits at most, a share 13.
    Some(Money(crate::rounding::round_half_away(cost.0.checked_mul(whole.0)?, left)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_divided_by_what_the_credit_left_of_it() {
        let money = |text: &str| Money::parse(text.as_bytes()).unwrap().0;
        let before = |cost, share, whole| {
            before_credit(money(cost), money(share), Money::from_dollars(whole))
                .map(|amount| amount.to_string())
        };
        assert_eq!(before("4.08", "15", 100).as_deref(), Some("4.8"));
        assert_eq!(before("4.08", "0.15", 1).as_deref(), Some("4.8"));
        assert_eq!(before("-1", "15", 100).as_deref(), Some("-1.1764705882"));
        assert_eq!(before("7", "0", 100).as_deref(), Some("7"));
        assert_eq!(before("7", "100", 100), None);
        assert_eq!(before("7", "-1", 100), None);
    }
}
