//! What a part of a metric says, in words: for `dim_rule`, `rules show` and `rules diff`.

use super::pack::Part;
use super::sentence::{
    CustomerResult, Customers, Measure, People, Rate, Ratio, SeatBand, Sentence, StepRole,
    UsageMeasure, Window,
};

impl Part {
    /// The attributions that count, sorted, with commas; blank for people.
    pub fn associations_text(&self) -> String {
        match &self.sentence {
            Sentence::Customers(customers) => customers.associations.sorted_text(),
            Sentence::People(_) => String::new(),
        }
    }

    /// What earns the points of one increment, for people: `each 1250 USD`, `each tenant`.
    pub fn unit_text(&self) -> String {
        let size = self.unit_size;
        match self.value_unit() {
            _ if self.is_prerequisite() => "the whole step".to_owned(),
            "usd" => format!("each {size} USD"),
            "percent" => "each whole percent".to_owned(),
            "users" => format!("each {size} active users"),
            "people" => "each person".to_owned(),
            "tenants" => "each tenant".to_owned(),
            "services" => "each service".to_owned(),
            _ => "each workload of a tenant".to_owned(),
        }
    }

    fn is_prerequisite(&self) -> bool {
        matches!(
            &self.sentence,
            Sentence::People(People { role: StepRole::Prerequisite { .. }, .. })
        )
    }

    /// What qualifies, for people.
    pub fn threshold_text(&self) -> String {
        match &self.sentence {
            Sentence::People(people) => people.text(&people.certifications.join(" or ")),
            Sentence::Customers(customers) => customers.threshold_text(),
        }
    }

    /// Which months are measured, for people.
    pub fn window_text(&self) -> String {
        let Sentence::Customers(customers) = &self.sentence else {
            return "valid on the last day of R".to_owned();
        };
        let is_net = customers.result != CustomerResult::Count;
        let (now, before) = match customers.window {
            Window::Month => ("R", "R-12"),
            Window::EitherOfTwoMonths => ("R-1 or R", "R-13 or R-12"),
            Window::Ttm => ("R-11 to R", "R-23 to R-12"),
        };
        if is_net { format!("{now} against {before}") } else { now.to_owned() }
    }
}

impl People {
    /// Who counts, with words for the certifications.
    pub(super) fn text(&self, certifications: &str) -> String {
        match self.role {
            StepRole::Prerequisite { people_needed } => {
                let people = if people_needed == 1 { "person" } else { "people" };
                format!("at least {people_needed} {people} with {certifications}")
            }
            StepRole::Last if self.step == 1 => format!("people with {certifications}"),
            StepRole::Last => {
                format!("people with {certifications}, once all earlier steps are met")
            }
        }
    }
}

impl Customers {
    fn threshold_text(&self) -> String {
        let mut words = Vec::new();
        let unit = self.measure.unit();
        if let Some(amount) = self.limit.at_least {
            words.push(format!("at least {amount} {unit}"));
        }
        if let Some(amount) = self.limit.above {
            words.push(format!("more than {amount} {unit}"));
        }
        if let Some(amount) = self.limit.at_most {
            words.push(format!("at most {amount} {unit}"));
        }
        match self.seats {
            Some(SeatBand { min, max: Some(max) }) => {
                words.push(format!("{min} to {max} paid seats"));
            }
            Some(SeatBand { min, max: None }) => words.push(format!("at least {min} paid seats")),
            None => {}
        }
        if let Some(Ratio { numerator, denominator }) = self.active_share {
            words.push(format!("at least {numerator}/{denominator} of the paid seats active"));
        }
        if self.measure == (Measure::ActiveUsers { capped: true }) {
            words.push("active users up to the paid seats".to_owned());
        }
        if let Some(Ratio { numerator, denominator }) = self.associated_above {
            words.push(format!(
                "not above {numerator}/{denominator} active when associated within the last twelve months"
            ));
        }
        if self.since_association {
            words.push("growth since the association began".to_owned());
        }
        if self.promoted {
            words.push("or promoted from there within a year".to_owned());
        }
        if let Some(amount) = self.minimum_ttm {
            words.push(format!("at least {amount} USD in twelve months in all"));
        }
        if let Some(amount) = self.minimum_baseline {
            words.push(format!("at least {amount} {unit} a year ago in all"));
        }
        if !self.excluded.is_empty() {
            words.push(format!("not {}", self.excluded.join(", ")));
        }
        if words.is_empty() { "all customers".to_owned() } else { words.join(", ") }
    }
}

impl Part {
    /// What a unit of use is worth, a line a rate; empty where the part has no rate card.
    pub fn rate_lines(&self) -> Vec<String> {
        match &self.sentence {
            Sentence::Customers(customers) => customers.rates.iter().map(Rate::text).collect(),
            Sentence::People(_) => Vec::new(),
        }
    }
}

impl Rate {
    /// `Some Workload: 200 for each monthly active user (CPOR,DPOR)`.
    pub(super) fn text(&self) -> String {
        let unit = match self.measure {
            UsageMeasure::ActiveUsers => "active user",
            UsageMeasure::AttributedUsers => "active user attributed to the partner",
            UsageMeasure::Capacity => "unit of capacity",
        };
        let (workloads, who) = (self.workloads.join(", "), self.associations.sorted_text());
        format!("{workloads}: {} for each {unit} ({who})", self.rate)
    }
}
