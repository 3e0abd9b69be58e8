//! Invented partners: where they are and how their business goes.

use super::stream::Stream;

/// A country with a city and a sales area, as the exports spell them.
pub(super) struct Place {
    /// Country.
    pub(super) country: &'static str,
    /// City.
    pub(super) city: &'static str,
    /// Sales area (column EOU).
    pub(super) sales_area: &'static str,
}

const fn place(country: &'static str, city: &'static str, sales_area: &'static str) -> Place {
    Place { country, city, sales_area }
}

/// The places of partners and customers; some are not ASCII, so that decoding is exercised.
pub(super) static PLACES: [Place; 8] = [
    place("Netherlands", "Utrecht", "NLD - Utrecht"),
    place("Germany", "Köln", "DEU - Nordrhein-Westfalen"),
    place("United States", "Seattle", "USA – Northeast"),
    place("Japan", "Osaka", "JPN - Kansai"),
    place("Brazil", "São Paulo", "BRA - Sudeste"),
    place("France", "Orléans", "FRA - Centre"),
    place("India", "Pune", "IND - Maharashtra"),
    place("Kenya", "Nairobi", "KEN - Nairobi"),
];

/// How a partner's business goes: decides which metrics earn points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Archetype {
    /// Many new customers, much growth, everyone certified: far above the line.
    Strong,
    /// A few new customers and most people certified: around the line.
    Near,
    /// The same customers year after year.
    Steady,
    /// Loses customers and usage.
    Shrinking,
    /// Certified people, hardly any customer.
    Skilled,
    /// Small customers and one or two people.
    Beginner,
}

/// A partner account.
pub(super) struct Partner {
    /// Its number, from 0.
    pub(super) index: u32,
    /// How its business goes.
    pub(super) archetype: Archetype,
    /// Which of five shades of the archetype it is.
    pub(super) variant: u32,
    /// The global account id.
    pub(super) account: u64,
    /// Its name.
    pub(super) name: String,
    /// The ids of its locations, one to three.
    pub(super) locations: Vec<u64>,
    /// Where it is.
    pub(super) place: &'static Place,
}

impl Partner {
    /// The partner with a number.
    pub(super) fn draw(seed: u64, index: u32) -> Self {
        let mut stream = Stream::new(seed, "partner", &[i64::from(index)]);
        let archetype = match index % 6 {
            0 => Archetype::Strong,
            1 => Archetype::Near,
            2 => Archetype::Steady,
            3 => Archetype::Shrinking,
            4 => Archetype::Skilled,
            _ => Archetype::Beginner,
        };
        let number = u64::from(index);
        let count = 1 + u64::from(stream.below(3));
        Self {
            index,
            archetype,
            variant: (index / 6) % 5,
            account: 1_000_000 + number,
            name: format!("Sample Partner {number:03}"),
            locations: (1..=count).map(|place| 6_000_000 + 10 * number + place).collect(),
            place: &PLACES[stream.position(PLACES.len())],
        }
    }

    /// The location with a number, counted around.
    pub(super) fn location(&self, number: u32) -> u64 {
        let at = usize::try_from(number).unwrap_or(0) % self.locations.len().max(1);
        self.locations.get(at).copied().unwrap_or(self.account)
    }

    /// How many Azure services its customers use, scored ones and others: from three to eight.
    pub(super) fn services(&self) -> (u32, u32) {
        let count = 3 + (self.index + self.index / 6) % 6;
        let scored = (count * 2).div_ceil(3);
        (scored, count - scored)
    }

    /// Whether a customer is on the small-business side. A quarter of the partners has only such
    /// customers, a quarter just enough of them for a share of four in five, and half has fewer.
    pub(super) fn is_small_customer(&self, number: u32) -> bool {
        // Where customers leave, the share is made of those that stay.
        let rank = match self.archetype {
            Archetype::Shrinking => number - (number + 1) / 3,
            _ => number,
        };
        match (self.index + self.index / 6) % 4 {
            0 => true,
            1 => rank % 5 != 4,
            2 => !rank.is_multiple_of(3),
            _ => !rank.is_multiple_of(2),
        }
    }

    /// Whether so many of its customers are large that fewer than four in five are small.
    pub(super) fn has_large_customers(&self) -> bool {
        (self.index + self.index / 6) % 4 > 1
    }

    /// Whether a customer has business applications: one in three, the first one or the second one
    /// among them. One shade of beginners has none.
    pub(super) fn has_applications(&self, number: u32) -> bool {
        let is_without = self.archetype == Archetype::Beginner && self.variant == 2;
        !is_without && number % 3 == (self.index / 6) % 2
    }

    /// Whether a customer stops its usage within the last year of the base.
    pub(super) fn loses(&self, number: u32) -> bool {
        self.archetype == Archetype::Shrinking && number % 3 == 1
    }

    /// How many of the partner's customers are new in the last year of the base.
    pub(super) fn newcomers(&self, customers: u32) -> u32 {
        // Without an old customer the earlier months of the partner would not be delivered, and
        // its growth would be not computable instead of large.
        let most = customers.saturating_sub(1);
        match self.archetype {
            Archetype::Strong => customers.saturating_mul(5).div_ceil(8).min(most),
            Archetype::Near if matches!(self.variant, 0 | 3) => most.min(2),
            Archetype::Near => most.min(3),
            Archetype::Steady | Archetype::Shrinking | Archetype::Skilled => 0,
            // One shade is new to the programme: the months before it have no data at all.
            Archetype::Beginner if self.variant == 4 => customers,
            Archetype::Beginner => customers / 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_small_customers_differ() {
        let share = |index: u32| {
            let partner = Partner::draw(1, index);
            let kept = (0..8).filter(|number| !partner.loses(*number));
            let sides: Vec<bool> = kept.map(|number| partner.is_small_customer(number)).collect();
            (sides.iter().filter(|is_small| **is_small).count(), sides.len())
        };
        assert_eq!(share(0), (8, 8));
        assert_eq!(share(1), (7, 8));
        assert_eq!(share(2), (5, 8));
        // Exactly four in five.
        assert_eq!(share(15), (4, 5));
        for index in [0, 1, 2, 15] {
            let (small, all) = share(index);
            assert_eq!(Partner::draw(1, index).has_large_customers(), small * 5 < all * 4);
        }
    }

    #[test]
    fn partners_use_three_to_eight_services() {
        let mut counts: Vec<u32> = (0..30)
            .map(|index| {
                let (scored, other) = Partner::draw(1, index).services();
                scored + other
            })
            .collect();
        counts.sort_unstable();
        counts.dedup();
        assert_eq!(counts, [3, 4, 5, 6, 7, 8]);
    }
}
