//! The points of a metric from the values of its parts, as they might be between two months: what
//! a change of one value alone is worth.

use super::part::{MetricScore, PartScore, use_best};
use super::partners::{Coverage, Covered, DatasetSet};
use crate::money::Money;
use crate::points::Points;
use crate::rules::{CustomerResult, Part, Pick, Prerequisites, Sentence, StepRole, Version};

/// The value of a part of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartValue {
    /// Now; of steps the people.
    pub current: Money,
    /// A year ago; nothing where the part looks at no year ago.
    pub baseline: Money,
    /// Whether growth is not scored as there is too little of it.
    pub is_below_minimum: bool,
}

/// The points of a metric of one path by a version of the rules; `values` are those of its parts in
/// table order.
pub fn metric_points(version: &Version, path: &str, metric: &str, values: &[PartValue]) -> Points {
    let parts: Vec<&Part> = version.parts_of_metric(path, metric).collect();
    let Some(metric) = version.metrics.iter().find(|known| known.id == metric) else {
        return Points::ZERO;
    };
    let covered =
        Covered { coverage: Coverage::Complete, missing: DatasetSet::default(), is_mixed: false };
    let options = version.options;
    let mut are_open = true;
    let mut scores: Vec<PartScore> = Vec::new();
    for (part, value) in parts.iter().zip(values) {
        let PartValue { current, baseline, is_below_minimum } = *value;
        scores.push(match &part.sentence {
            Sentence::People(step) => {
                let people = current.whole_dollars();
                let is_open = match step.role {
                    StepRole::Prerequisite { .. } => {
                        are_open || options.prerequisites == Prerequisites::Independent
                    }
                    StepRole::Last => are_open,
                };
                if let StepRole::Prerequisite { people_needed } = step.role {
                    are_open &= people >= people_needed;
                }
                PartScore::step(part, people, is_open, covered)
            }
            Sentence::Customers(sentence) => match sentence.result {
                CustomerResult::Count => PartScore::count(part, current, covered),
                CustomerResult::GrowthPercent => {
                    let (max, values) = (metric.max_points, (current, baseline));
                    PartScore::percent(part, options, max, values, is_below_minimum, covered)
                }
                _ if is_below_minimum => PartScore::not_computable(covered),
                _ => PartScore::net(part, options, current, baseline, covered),
            },
        });
    }
    if metric.pick == Pick::Best {
        use_best(&mut scores.iter_mut().collect::<Vec<_>>());
    }
    let pairs: Vec<(&Part, &PartScore)> = parts.into_iter().zip(&scores).collect();
    MetricScore::add(metric.max_points, &pairs).points
}
