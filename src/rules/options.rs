//! Readings of rules whose published text leaves room: each is a named option of a version
//! (`[version.options]` of a pack) with a default, so that a user with a live dashboard can
//! calibrate. This list is the one place where they are declared.

use std::collections::BTreeMap;

use toml::Spanned;

use crate::error::Result;
use crate::pipelines::PipelineFile;

/// Declares the options: a type each, the struct of all, and their description.
macro_rules! options {
    ($(
        $(#[$doc:meta])*
        $field:ident: $Type:ident, $question:literal {
            $($(#[$variant_doc:meta])* $Variant:ident = $word:literal,)+
        }
    )+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub enum $Type {
                $($(#[$variant_doc])* $Variant,)+
            }

            impl $Type {
                const WORDS: &[(&str, Self)] = &[$(($word, Self::$Variant)),+];
            }

            impl Default for $Type {
                fn default() -> Self {
                    Self::WORDS[0].1
                }
            }
        )+

        /// The chosen readings of a version.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct Options {
            $($(#[$doc])* pub $field: $Type,)+
        }

        impl Options {
            /// Sets one option by its name and word.
            fn set(&mut self, name: &str, word: &str) -> Option<()> {
                match name {
                    $(stringify!($field) => {
                        let (_, value) = $Type::WORDS.iter().find(|(known, _)| *known == word)?;
                        self.$field = *value;
                    })+
                    _ => return None,
                }
                Some(())
            }

            /// All options in the order of their declaration.
            pub fn list(&self) -> Vec<Choice> {
                vec![$(Choice {
                    name: stringify!($field),
                    question: $question,
                    words: &[$($word),+],
                    chosen: $Type::WORDS
                        .iter()
                        .find(|(_, value)| *value == self.$field)
                        .map_or("", |(word, _)| *word),
                }),+]
            }
        }
    };
}

/// One option as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its name in a pack.
    pub name: &'static str,
    /// What it decides.
    pub question: &'static str,
    /// The words that it takes; the first is the default.
    pub words: &'static [&'static str],
    /// The word in force.
    pub chosen: &'static str,
}

options! {
    /// Points of a counted unit (AMB-01).
    counted_points: CountedPoints, "whether a counted unit earns the exact fraction or the rounded figure that is printed" {
        /// The exact fraction.
        Exact = "exact",
        /// The rounded figure that Partner Center prints.
        Printed = "printed",
    }
    /// How net adds of Azure customers are counted (AMB-03).
    net_adds: Reading, "a customer of a monthly amount is gained when it qualifies now and did not a year ago, or only when it had nothing then" {
        /// Customers that qualify now minus those that qualified a year ago.
        BothSides = "both_sides",
        /// A customer adds only when it had nothing a year ago.
        ZeroBaseline = "zero_baseline",
    }
    /// The customers of the path test (AMB-06).
    path_customers: PathCustomers, "whose segments the path test looks at: tenants with consumption in R, or in twelve months" {
        /// Tenants with consumption above zero in R.
        Month = "month",
        /// Tenants with consumption above zero in twelve months.
        Ttm = "ttm",
    }
    /// The total that must reach the least consumption (AMB-07).
    minimum_acr_of: MinimumAcrOf, "which total must reach the minimum of usage growth" {
        /// Trailing twelve months.
        Ttm = "ttm",
        /// The current side of the window.
        Current = "current",
        /// The baseline side of the window.
        Baseline = "baseline",
    }
    /// Growth in percent from nothing (AMB-08).
    no_baseline: NoBaseline, "what growth in percent earns without a baseline" {
        /// No points.
        Zero = "zero",
        /// All points, where there is consumption now.
        Maximum = "maximum",
    }
    /// Points of a later prerequisite (AMB-09).
    prerequisites: Prerequisites, "whether a prerequisite earns its points while an earlier one is not met" {
        /// Each earns its points by itself.
        Independent = "independent",
        /// Only after all earlier ones.
        InOrder = "in_order",
    }
    /// On which side limits and bands are judged (AMB-11).
    band_side: Band, "whether limits and bands of the baseline are judged by its own data or by today's" {
        /// Each side by its own data.
        PerSide = "per_side",
        /// Both sides by today's data.
        Current = "current",
    }
    /// Users of several workloads of one tenant (AMB-12).
    protected_users: ProtectedUsers, "whether users of several workloads of a tenant are added or taken for the same people" {
        /// Added.
        Sum = "sum",
        /// The largest workload, as the users are the same people.
        Largest = "largest",
    }
    /// A shrinking part of a metric (AMB-13).
    negative_parts: NegativeParts, "whether a part of a metric that shrank takes points from the other parts" {
        /// Takes nothing from the others.
        Clamp = "clamp",
        /// Is set against them.
        Offset = "offset",
    }
    /// What must reach the active share (AMB-14).
    active_share_of: ActiveShareOf, "whether one workload must reach the share of active users, or the tenant in all" {
        /// One workload in the band.
        AnyWorkload = "any_workload",
        /// All workloads of the tenant together.
        Tenant = "tenant",
    }
    /// The pairs that the path test counts (AMB-16).
    assigning_pairs: AssigningPairs, "whether a workload of a customer must bring enough revenue in both months of the path test, or each month have enough of them" {
        /// The same pairs in both months.
        BothMonths = "both_months",
        /// Enough pairs in each of the months.
        EachMonth = "each_month",
    }
    /// Two paths of which the lower one qualifies (AMB-17).
    path_choice: PathChoice, "whether a qualifying path is preferred to one with a higher total" {
        /// A qualifying one, else the higher total.
        PreferQualifying = "prefer_qualifying",
        /// The higher total, whether it qualifies or not.
        HighestTotal = "highest_total",
    }
    /// Fractions of an increment of growth (AMB-23).
    growth_increments: GrowthIncrements, "whether only whole increments of growth earn points" {
        /// Whole ones.
        Whole = "whole",
        /// Fractions too, cut to 1/8400 point.
        Exact = "exact",
    }
    /// A customer whose association ended (AMB-25).
    lost_association: LostAssociation, "whether a customer with nothing under an eligible association now is subtracted or forgotten" {
        /// Is subtracted.
        KeepBaseline = "keep_baseline",
        /// Is dropped with the customer.
        DropBoth = "drop_both",
    }
    /// Which workloads of a tenant feed sums of users (AMB-28).
    users_of: UsersOf, "whether all workloads of a tenant in the band count their users, or those in the band" {
        /// All its eligible workloads.
        Tenant = "tenant",
        /// Only the workloads in the band.
        Band = "band",
    }
    /// Titles and exam numbers that are taken for a renamed certification without proof (AMB-29).
    assumed_aliases: AssumedAliases, "whether newer names of a certification count that no rule page lists yet" {
        /// Count, with a warning.
        Accept = "accept",
        /// Do not count.
        Refuse = "refuse",
    }
    /// A retired certification that expires before its year is over (AMB-30).
    retired_expiry: RetiredExpiry, "whether a retired certification ends with its own expiry, if that is earlier" {
        /// Its expiry or a year after retirement, whichever is earlier.
        Earlier = "earlier",
        /// A year after retirement.
        Retirement = "retirement",
    }
}

/// Options of a pack with their places.
pub(super) type RawOptions = BTreeMap<Spanned<String>, Spanned<String>>;

impl Options {
    /// The defaults with what a pack says.
    ///
    /// # Errors
    /// CS5002 with file and line: an unknown option or word.
    pub(super) fn load(file: &PipelineFile, raw: &RawOptions) -> Result<Self> {
        let mut options = Self::default();
        for (name, word) in raw {
            if options.set(name.get_ref(), word.get_ref()).is_some() {
                continue;
            }
            let known = options.list();
            return Err(
                if let Some(choice) = known.iter().find(|choice| choice.name == name.get_ref()) {
                    let text =
                        format!("{:?} is none of {}", word.get_ref(), choice.words.join(", "));
                    file.mistake(&word.span(), text)
                } else {
                    let names: Vec<&str> = known.iter().map(|choice| choice.name).collect();
                    let text = format!(
                        "there is no option {:?}, only {}",
                        name.get_ref(),
                        names.join(", ")
                    );
                    file.mistake(&name.span(), text)
                },
            );
        }
        Ok(options)
    }
}
