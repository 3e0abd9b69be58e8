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
    counted_points: CountedPoints, "points of one counted unit: exact fractions, or the rounded figures that are printed" {
        /// The exact fraction.
        Exact = "exact",
        /// The rounded figure that Partner Center prints.
        Printed = "printed",
    }
    /// How net adds of Azure customers are counted (AMB-03).
    net_adds: Reading, "a customer that qualified neither then nor from zero: net of two sets, or only from nothing a year ago" {
        /// Customers that qualify now minus those that qualified a year ago.
        BothSides = "both_sides",
        /// A customer adds only when it had nothing a year ago.
        ZeroBaseline = "zero_baseline",
    }
    /// The customers of the path test (AMB-06).
    path_customers: PathCustomers, "customers of the path test: tenants with consumption in R, or in any of twelve months" {
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
    no_baseline: NoBaseline, "growth in percent without a baseline" {
        /// No points.
        Zero = "zero",
        /// All points, where there is consumption now.
        Maximum = "maximum",
    }
    /// Points of a later prerequisite (AMB-09).
    prerequisites: Prerequisites, "a prerequisite that is met while an earlier one is not" {
        /// Each earns its points by itself.
        Independent = "independent",
        /// Only after all earlier ones.
        InOrder = "in_order",
    }
    /// On which side limits and bands are judged (AMB-11).
    band_side: Band, "limits and bands of the baseline are judged by" {
        /// Each side by its own data.
        PerSide = "per_side",
        /// Both sides by today's data.
        Current = "current",
    }
    /// Users of several workloads of one tenant (AMB-12).
    protected_users: ProtectedUsers, "users of several workloads of a tenant" {
        /// Added.
        Sum = "sum",
        /// The largest workload, as the users are the same people.
        Largest = "largest",
    }
    /// A shrinking part of a metric (AMB-13).
    negative_parts: NegativeParts, "a part of a metric that shrank" {
        /// Takes nothing from the others.
        Clamp = "clamp",
        /// Is set against them.
        Offset = "offset",
    }
    /// What must reach the active share (AMB-14).
    active_share_of: ActiveShareOf, "the share of active users is reached by" {
        /// One workload in the band.
        AnyWorkload = "any_workload",
        /// All workloads of the tenant together.
        Tenant = "tenant",
    }
    /// Two paths of which the lower one qualifies (AMB-17).
    path_choice: PathChoice, "of two scored paths" {
        /// A qualifying one, else the higher total.
        PreferQualifying = "prefer_qualifying",
        /// The higher total, whether it qualifies or not.
        HighestTotal = "highest_total",
    }
    /// Fractions of an increment of growth (AMB-23).
    growth_increments: GrowthIncrements, "increments of growth" {
        /// Whole ones.
        Whole = "whole",
        /// Fractions too, cut to 1/8400 point.
        Exact = "exact",
    }
    /// A customer whose association ended (AMB-25).
    lost_association: LostAssociation, "the baseline of a customer without an eligible association now" {
        /// Is subtracted.
        KeepBaseline = "keep_baseline",
        /// Is dropped with the customer.
        DropBoth = "drop_both",
    }
    /// Which workloads of a tenant feed sums of users (AMB-28).
    users_of: UsersOf, "users of a tenant with a workload in the band" {
        /// All its eligible workloads.
        Tenant = "tenant",
        /// Only the workloads in the band.
        Band = "band",
    }
    /// Titles and exam numbers that are taken for a renamed certification without proof (AMB-29).
    assumed_aliases: AssumedAliases, "newer names of a certification that no list names yet" {
        /// Count, with a warning.
        Accept = "accept",
        /// Do not count.
        Refuse = "refuse",
    }
    /// A retired certification that expires before its year is over (AMB-30).
    retired_expiry: RetiredExpiry, "a retired certification counts until" {
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
