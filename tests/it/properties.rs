//! Properties on generated bases: how the input is cut, ordered and spelled does not matter.

use std::fs;
use std::io::Write;
use std::path::Path;

use proptest::prelude::*;

use crate::base::{
    AZURE_HEADER, Base, OFFICE_HEADER, PROFILE_HEADER, Place, REVENUE_HEADER, SEATS_HEADER,
    TRAININGS_HEADER, USAGE_HEADER, published, run, run_by,
};
use crate::cases::{Case, base_of, case, runner};
use crate::tables::Row;

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
    write_cut_up(&folder, "r", REVENUE_HEADER, &base.revenue, dice);
    write_cut_up(&folder, "u", USAGE_HEADER, &base.usage, dice);
    write_cut_up(&folder, "t", TRAININGS_HEADER, &base.trainings, dice);
    write_cut_up(&folder, "p", PROFILE_HEADER, &base.profile, dice);
}

/// Rules under which Security has one path, or the newest.
fn ruleset_of(case: &Case) -> &'static str {
    if case.order.is_multiple_of(2) { "2023-12-01" } else { "2026-08" }
}

#[test]
fn cuts_orders_and_spellings_do_not_matter() {
    runner(12)
        .run(&case(), |case| {
            let base = base_of(&case, |_| true);
            let ruleset = ruleset_of(&case);
            let whole = run_by(&base, ruleset);
            let mut dice = Dice(case.order);
            let cut = Place::new();
            cut_up(&base, &cut, &mut dice);
            // Little memory: the lines go through the temporary file.
            let mut cut_run = cut.run_by(ruleset);
            cut_run.args(["--memory-limit", "16MiB", "--threads", "2"]).assert().success();
            let (left, right) = (published(&whole.path("tables")), published(&cut.path("tables")));
            prop_assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
            for (name, bytes) in &left {
                prop_assert!(*bytes == right[name], "{} differs", name);
            }
            Ok(())
        })
        .unwrap();
}

/// Rows of all monthly tables, of all areas, without what names the whole run.
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
    let mut rows: Vec<Row> = tables.iter().flat_map(|table| place.all_areas(table)).collect();
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
            let ruleset = ruleset_of(&case);
            let whole = run_by(&base_of(&case, |_| true), ruleset);
            let one = run_by(&base_of(&case, |partner| partner == 0), ruleset);
            let others = run_by(&base_of(&case, |partner| partner != 0), ruleset);
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
            let place = run(&base_of(&case, |_| true));
            crate::golden::compare(&place.path("deliveries"), &place);
            Ok(())
        })
        .unwrap();
}
