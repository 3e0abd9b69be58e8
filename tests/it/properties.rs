//! Properties on generated bases: how the input is cut, ordered and spelled does not matter.

use std::fs;
use std::io::Write;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::base::{
    AZURE_HEADER, Azure, Base, OFFICE_HEADER, PROFILE_HEADER, Place, SEATS_HEADER,
    TRAININGS_HEADER, published,
};
use crate::tables::Row;

/// What one line of usage may be; small numbers, so that lines meet in one consumption and amounts
/// lie on the thresholds.
fn azure_line() -> impl Strategy<Value = (u32, Azure)> {
    let amounts = prop::sample::select(vec![
        "100",
        "99.99",
        "500",
        "600",
        "599.99",
        "750",
        "1000",
        "999.99",
        "12000.01",
        "0.01",
        "-50",
        "12000",
        "11999.99",
        "1250",
        "0",
        "33.3333333333",
    ]);
    let attributions = prop::sample::select(vec![
        "PartnerAdminLink",
        "CSP Tier 2",
        "Digital Partner of Record",
        "Something new",
    ]);
    let services = prop::sample::select(vec!["Sentinel", "Azure Sentinel", "Key Vault", "Storage"]);
    (0_u32..3, 0_i32..26, 1_u32..5, amounts, attributions, services, prop::bool::ANY, 0_u32..3)
        .prop_map(|(partner, back, tenant, amount, attribution, service, is_reader, reseller)| {
            let id = format!("{}", 1001 + partner);
            let mut line = Azure::new(&id, back - 1, tenant, amount);
            attribution.clone_into(&mut line.attribution);
            service.clone_into(&mut line.service);
            if is_reader {
                "Reader".clone_into(&mut line.role);
            }
            if reseller > 0 {
                line.reseller = format!("{}", 7000 + reseller);
            }
            (partner, line)
        })
}

#[derive(Debug, Clone)]
struct SeatLine {
    partner: u32,
    back: i32,
    tenant: u32,
    workload: &'static str,
    paid: i64,
    active: i64,
}

fn seat_line() -> impl Strategy<Value = SeatLine> {
    let workloads = prop::sample::select(vec![
        "Intune",
        "Microsoft Defender for Identity",
        "Teams",
        "Brand New",
    ]);
    let seats = prop::sample::select(vec![0_i64, 4, 5, 24, 25, 26, 100, 300, 301, 1000]);
    (0_u32..3, 0_i32..14, 1_u32..5, workloads, seats, 0_i64..160).prop_map(
        |(partner, back, tenant, workload, paid, active)| SeatLine {
            partner,
            back,
            tenant,
            workload,
            paid,
            active,
        },
    )
}

/// A base and how it will be cut up.
#[derive(Clone)]
pub struct Case {
    azure: Vec<(u32, Azure)>,
    seats: Vec<SeatLine>,
    people: Vec<(u32, u32)>,
    order: u64,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (_, line) in &self.azure {
            writeln!(formatter, "{}", line.line())?;
        }
        writeln!(formatter, "{:?} {:?} {}", self.seats, self.people, self.order)
    }
}

pub fn case() -> impl Strategy<Value = Case> {
    (
        prop::collection::vec(azure_line(), 1..60),
        prop::collection::vec(seat_line(), 1..40),
        prop::collection::vec((0_u32..3, 0_u32..6), 0..12),
        any::<u64>(),
    )
        .prop_map(|(azure, seats, people, order)| Case { azure, seats, people, order })
}

const TITLES: [&str; 6] = [
    "Azure Security Engineer Associate",
    "Security Operations Analyst",
    "Cybersecurity Architect Expert",
    "Identity and Access Administrator",
    "Information Protection Administrator",
    "Microsoft Certified Professional",
];

/// The base with the lines of the partners that `keep` selects.
pub fn base_of(case: &Case, keep: impl Fn(u32) -> bool) -> Base {
    let mut base = Base::default();
    for partner in (0..3).filter(|partner| keep(*partner)) {
        base.partner(&format!("{}", 1001 + partner));
    }
    for (partner, line) in case.azure.iter().filter(|(partner, _)| keep(*partner)) {
        let _ = partner;
        base.azure.push(line.line());
    }
    for line in case.seats.iter().filter(|line| keep(line.partner)) {
        let partner = format!("{}", 1001 + line.partner);
        base.seats(&partner, line.back, line.tenant, line.workload, line.paid, line.active);
    }
    for (at, (partner, title)) in case.people.iter().enumerate() {
        if keep(*partner) {
            let person = format!("person{}", at % 7);
            let title = TITLES[usize::try_from(*title).unwrap()];
            let partner = format!("{}", 1001 + partner);
            base.training(&partner, &person, "Certification", title, "2025-03-01", "NA");
        }
    }
    base
}

/// A cheap source of arbitrary decisions.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

/// Writes lines as several files with other column orders, delimiters, line ends, BOM and gzip.
fn write_cut_up(folder: &Path, name: &str, header: &str, lines: &[String], dice: &mut Dice) {
    fs::create_dir_all(folder).unwrap();
    let mut lines = lines.to_vec();
    dice.shuffle(&mut lines);
    let files = 1 + dice.below(4);
    for file in 0..files {
        let of_file: Vec<&String> = lines.iter().skip(file).step_by(files).collect();
        let text = format!(
            "{header}\n{}",
            of_file.iter().map(|line| line.as_str()).collect::<Vec<_>>().join("\n")
        );
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let mut order: Vec<usize> = (0..records[0].len()).collect();
        if dice.below(2) == 0 {
            dice.shuffle(&mut order);
        }
        let is_crlf = dice.below(2) == 0;
        let mut writer = csv::WriterBuilder::new()
            .delimiter(if dice.below(2) == 0 { b'\t' } else { b',' })
            .terminator(if is_crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') })
            .quote_style(if dice.below(2) == 0 {
                csv::QuoteStyle::Always
            } else {
                csv::QuoteStyle::Necessary
            })
            .from_writer(if dice.below(2) == 0 { b"\xef\xbb\xbf".to_vec() } else { Vec::new() });
        for record in &records {
            writer.write_record(order.iter().map(|at| &record[*at])).unwrap();
        }
        let mut bytes = writer.into_inner().unwrap();
        if dice.below(3) == 0 {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packed.write_all(&bytes).unwrap();
            bytes = packed.finish().unwrap();
        }
        // Sub-folders of one delivery are location folders.
        let sub = folder.join(format!("part{}", dice.below(2)));
        fs::create_dir_all(&sub).unwrap();
        fs::write(sub.join(format!("{name}{file}")), bytes).unwrap();
    }
}

fn cut_up(base: &Base, place: &Place, dice: &mut Dice) {
    let folder = place.path("deliveries/2026-10-21");
    write_cut_up(&folder, "a", AZURE_HEADER, &base.azure, dice);
    write_cut_up(&folder, "s", SEATS_HEADER, &base.seats, dice);
    write_cut_up(&folder, "o", OFFICE_HEADER, &base.office, dice);
    write_cut_up(&folder, "t", TRAININGS_HEADER, &base.trainings, dice);
    write_cut_up(&folder, "p", PROFILE_HEADER, &base.profile, dice);
}

/// Cases without shrinking into many slow runs.
pub fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        cases,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    })
}

#[test]
fn cuts_orders_and_spellings_do_not_matter() {
    runner(12)
        .run(&case(), |case| {
            let base = base_of(&case, |_| true);
            let whole = Place::new();
            base.write(&whole.path("deliveries"), "2026-10-21");
            whole.run().assert().success();
            let mut dice = Dice(case.order);
            let cut = Place::new();
            cut_up(&base, &cut, &mut dice);
            // Little memory: the lines go through the temporary file.
            cut.run().args(["--memory-limit", "16MiB", "--threads", "2"]).assert().success();
            let (left, right) = (published(&whole.path("tables")), published(&cut.path("tables")));
            prop_assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
            for (name, bytes) in &left {
                prop_assert!(*bytes == right[name], "{} differs", name);
            }
            Ok(())
        })
        .unwrap();
}

/// Rows of all monthly tables without what names the whole run.
fn rows(place: &Place) -> Vec<Row> {
    let tables = [
        "fact_area_score",
        "fact_metric_score",
        "fact_metric_part",
        "fact_customer_evidence",
        "fact_skilling_evidence",
        "fact_acr_ttm",
        "fact_implementation",
    ];
    let mut rows: Vec<Row> = tables.iter().flat_map(|table| place.month_table(table)).collect();
    for row in &mut rows {
        row.remove("run_id");
    }
    rows.sort();
    rows
}

#[test]
fn any_split_of_the_base_by_partner_gives_the_same_rows() {
    runner(8)
        .run(&case(), |case| {
            let whole = crate::base::run(&base_of(&case, |_| true));
            let one = crate::base::run(&base_of(&case, |partner| partner == 0));
            let others = crate::base::run(&base_of(&case, |partner| partner != 0));
            let mut parts = rows(&one);
            parts.extend(rows(&others));
            parts.sort();
            prop_assert_eq!(rows(&whole), parts);
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_independent_recomputation_agrees_on_any_base() {
    runner(12)
        .run(&case(), |case| {
            let place = crate::base::run(&base_of(&case, |_| true));
            crate::golden::compare(&place.path("deliveries"), &place);
            Ok(())
        })
        .unwrap();
}
