//! A synthetic base of Partner Center exports, the same bytes for the same settings: for tests,
//! benchmarks and a first look at the product. All partners, customers and people are invented.
//!
//! Each delivery has Azure and Microsoft 365 usage, claimed seats, revenue and usage of business
//! applications, customers, trainings, a profile, and the list of enrolments. One area's lists
//! decide which services and which of the seats count; other areas see the same customers, with
//! suites and business applications that only they count.
//!
//! Months are written one after another and each customer is drawn from its own random streams, so
//! memory does not grow with the base, and a base with fewer months is the end of one with more.

mod apps;
mod azure;
mod bonds;
mod business;
mod customer;
mod dirty;
mod enrolments;
mod files;
mod offers;
mod office;
mod partner;
mod people;
mod profile;
mod revenue;
mod seats;
mod stream;
mod suites;
mod table;
mod tenants;
mod text;
mod usage;
mod vocabulary;

use std::path::PathBuf;

use crate::calendar::Month;
use crate::error::{Code, Error, Result};
use crate::rules::{Catalogs, Rules};
use crate::store;
use table::Form;
use vocabulary::Vocabulary;

/// Holds the deliveries.
const DELIVERIES: &str = "deliveries";
/// Bases with fewer customer lines than this have compressed older deliveries.
const SMALL_BASE_LINES: u64 = 20_000;

/// What to generate.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Partner accounts.
    pub partners: u32,
    /// Customer tenants of a partner.
    pub tenants_per_partner: u32,
    /// Azure services that a tenant consumes in a month, on average.
    pub lines_per_tenant: u32,
    /// Months of data, one delivery each.
    pub months: u32,
    /// The newest month of data.
    pub last_month: Month,
    /// The seed of everything random.
    pub seed: u64,
    /// Whether the delivery of the third newest month has a few bad rows.
    pub is_dirty: bool,
    /// Azure exports with more rows are split into several files.
    pub rows_per_file: u64,
    /// The folder that gets `deliveries/<YYYY-MM>/`.
    pub out: PathBuf,
}

/// What was generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Files.
    pub files: u64,
    /// Records without headers.
    pub rows: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

impl Summary {
    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.rows += other.rows;
        self.bytes += other.bytes;
    }
}

/// Writes the deliveries of a synthetic base; `progress` gets a line for each.
///
/// # Errors
/// CS1001 for settings that make no base and for a folder that has deliveries, CS5002 without a rule pack, CS2002 when a file cannot be
/// written.
pub fn generate(
    settings: &Settings,
    catalogs: &Catalogs,
    rules: &Rules,
    progress: &mut dyn FnMut(&str),
) -> Result<Summary> {
    settings.check()?;
    let deliveries = settings.out.join(DELIVERIES);
    if !store::list_folder(&deliveries)?.is_empty() {
        let text = format!("{} has deliveries already", deliveries.display());
        return Err(Error::new(Code::Usage, text)
            .hint("give another folder with --out, or remove that one"));
    }
    let vocabulary = Vocabulary::new(catalogs, rules, settings.last_month)?;
    let base = Base { settings, vocabulary };
    let mut total = Summary::default();
    for month in Month::range(settings.first_month(), settings.last_month) {
        let delivery = Delivery::new(settings, month);
        let mut written = azure::write(&base, &delivery)?;
        written.add(seats::write(&base, &delivery)?);
        written.add(business::write(&base, &delivery)?);
        written.add(tenants::write(&base, &delivery)?);
        written.add(people::write(&base, &delivery)?);
        written.add(profile::write(&base, &delivery)?);
        written.add(enrolments::write(&base, &delivery)?);
        total.add(written);
        progress(&format!("{month}: {} rows in {} files", written.rows, written.files));
    }
    Ok(total)
}

impl Settings {
    fn first_month(&self) -> Month {
        self.last_month.plus(1 - i32::try_from(self.months).unwrap_or(1))
    }

    fn check(&self) -> Result<()> {
        // Ids of accounts and of locations must not meet.
        for (name, value, most) in [
            ("partners", self.partners, 4_999_999),
            ("tenants-per-partner", self.tenants_per_partner, 1_000_000),
            ("lines-per-tenant", self.lines_per_tenant, 10_000),
            ("months", self.months, 600),
        ] {
            if value == 0 || value > most {
                let text = format!("--{name} is {value}");
                return Err(
                    Error::new(Code::Usage, text).hint(format!("give a number from 1 to {most}"))
                );
            }
        }
        if self.rows_per_file == 0 {
            return Err(Error::new(Code::Usage, "a file of 0 rows cannot be written")
                .hint("give at least 1 row a file"));
        }
        Ok(())
    }
}

/// What all files of a base share.
struct Base<'a> {
    settings: &'a Settings,
    vocabulary: Vocabulary,
}

/// One delivery: the exports of one month of data. How it is spelled depends on its month alone, so
/// that a base shows all spellings.
struct Delivery {
    month: Month,
    folder: PathBuf,
    is_packed: bool,
    is_dirty: bool,
}

impl Delivery {
    fn new(settings: &Settings, month: Month) -> Self {
        let lines = u64::from(settings.partners)
            .saturating_mul(u64::from(settings.tenants_per_partner))
            .saturating_mul(u64::from(settings.lines_per_tenant));
        let age = settings.last_month.since(month);
        let oldest = settings.last_month.since(settings.first_month());
        let is_dirty = settings.is_dirty && age == oldest.min(2);
        Self {
            month,
            // Data of a month is delivered in the next one.
            folder: settings.out.join(DELIVERIES).join(month.plus(1).to_string()),
            // The dirty delivery stays readable.
            is_packed: age >= 2 && lines < SMALL_BASE_LINES && !is_dirty,
            is_dirty,
        }
    }

    /// The month as a number.
    fn number(&self) -> i32 {
        self.month.year() * 12 + i32::try_from(self.month.month()).unwrap_or(0)
    }

    /// Whether months are spelled `2026-09-01`, else `20260901`.
    fn has_dashes(&self) -> bool {
        self.number().rem_euclid(2) == 1
    }

    /// Whether associations have their other spelling.
    fn has_other_names(&self) -> bool {
        self.number().rem_euclid(3) == 0
    }

    fn form(&self, delimiter: u8) -> Form {
        Form {
            delimiter,
            has_crlf: self.number().rem_euclid(4) == 1,
            has_mark: self.number().rem_euclid(5) == 2,
            is_packed: self.is_packed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::Read as _;
    use std::path::Path;

    use super::*;
    use crate::calendar::Day;
    use crate::pipelines::PipelineFiles;
    use crate::store::{list_folder, open_file};

    fn make(out: &Path, seed: u64, is_dirty: bool) -> Summary {
        let files = PipelineFiles::embedded();
        let catalogs = Catalogs::load(&files).unwrap();
        let rules = Rules::load(&files, &catalogs, &[]).unwrap();
        let settings = Settings {
            partners: 7,
            tenants_per_partner: 4,
            lines_per_tenant: 3,
            months: 5,
            last_month: Month::new(2026, 9).unwrap(),
            seed,
            is_dirty,
            rows_per_file: 1_000_000,
            out: out.to_path_buf(),
        };
        let mut lines = 0;
        let summary = generate(&settings, &catalogs, &rules, &mut |_| lines += 1).unwrap();
        assert_eq!(lines, 5);
        summary
    }

    /// All files below a folder with their bytes.
    fn content(out: &Path) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        for folder in list_folder(&out.join("deliveries")).unwrap() {
            for path in list_folder(&folder).unwrap() {
                let mut bytes = Vec::new();
                open_file(&path).unwrap().read_to_end(&mut bytes).unwrap();
                files.push((path.strip_prefix(out).unwrap().display().to_string(), bytes));
            }
        }
        files
    }

    fn text(out: &Path, name: &str) -> String {
        let files = content(out);
        let (_, bytes) = files.into_iter().find(|(path, _)| path == name).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_seed_fixes_all_bytes() {
        let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let summary = make(folders[0].path(), 7, false);
        assert_eq!(summary, make(folders[1].path(), 7, false));
        make(folders[2].path(), 8, false);
        let [first, second, other] = folders.each_ref().map(|folder| content(folder.path()));
        assert!(first == second);
        assert!(first != other);
        assert_eq!(summary.files, 45);
        let bytes: usize = first.iter().map(|(_, bytes)| bytes.len()).sum();
        assert_eq!(summary.bytes, u64::try_from(bytes).unwrap());
    }

    #[test]
    fn the_azure_export_has_its_columns() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), 7, false);
        let text = text(folder.path(), "deliveries/2026-10/azure_usage.csv");
        assert_eq!(text.lines().next().unwrap().split(',').count(), 38);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        for record in reader.records() {
            assert_eq!(record.unwrap().len(), 38);
        }
    }

    #[test]
    fn seats_and_customers_have_their_columns_and_all_partners() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), 7, false);
        for (name, columns) in [("office_usage.csv", 18), ("customers.csv", 31)] {
            let text = text(folder.path(), &format!("deliveries/2026-10/{name}"));
            let mut reader =
                csv::Reader::from_reader(text.trim_start_matches('\u{FEFF}').as_bytes());
            assert_eq!(reader.headers().unwrap().len(), columns, "{name}");
            let mut accounts = BTreeSet::new();
            for record in reader.records() {
                let record = record.unwrap();
                assert_eq!(record.len(), columns, "{name}");
                accounts.insert(record[0].to_owned());
            }
            assert_eq!(accounts.len(), 7, "{name}");
        }
    }

    /// Some columns of the rows of a delivery's file, in lower case.
    fn columns(out: &Path, name: &str, delimiter: u8, columns: &[usize]) -> Vec<Vec<String>> {
        let text = text(out, &format!("deliveries/2026-10/{name}"));
        let text = text.trim_start_matches('\u{FEFF}');
        let mut builder = csv::ReaderBuilder::new();
        let mut reader = builder.delimiter(delimiter).from_reader(text.as_bytes());
        let row = |record: csv::StringRecord| -> Vec<String> {
            columns.iter().map(|column| record[*column].to_lowercase()).collect()
        };
        reader.records().map(|record| row(record.unwrap())).collect()
    }

    #[test]
    fn claimed_seats_are_the_same_in_both_exports() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), 7, false);
        let claims = |name: &str, delimiter: u8, wanted: &[usize]| {
            let mut rows = columns(folder.path(), name, delimiter, wanted);
            rows.retain(|row| row[0] == "cpor");
            rows.sort();
            rows
        };
        let claimed = claims("cpor_m365_usage.tsv", b'\t', &[8, 0, 2, 3, 4]);
        assert!(!claimed.is_empty());
        assert_eq!(claimed, claims("office_usage.csv", b',', &[16, 1, 3, 6, 5]));
    }

    #[test]
    fn both_exports_of_business_applications_have_the_same_customers() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), 7, false);
        let customers = |name: &str| -> BTreeSet<Vec<String>> {
            // Month, partner, customer and tenant.
            columns(folder.path(), name, b',', &[0, 1, 2, 4, 5, 6, 7]).into_iter().collect()
        };
        let sold = customers("bizapps_revenue.csv");
        assert!(sold.iter().all(|row| row[0] == "september 2026"));
        assert!(!sold.is_empty());
        assert_eq!(sold, customers("bizapps_usage.csv"));
    }

    #[test]
    fn enrolments_name_areas_of_the_rules() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), 7, false);
        let enrolled = columns(folder.path(), "enrolments.csv", b',', &[1, 2]);
        assert!(!enrolled.is_empty());
        let files = PipelineFiles::embedded();
        let rules = Rules::load(&files, &Catalogs::load(&files).unwrap(), &[]).unwrap();
        for row in enrolled {
            assert!(rules.packs.iter().any(|pack| pack.area == row[0]), "{row:?}");
            assert!(Day::parse(&row[1]).is_some(), "{row:?}");
        }
    }

    #[test]
    fn bad_rows_are_the_same_for_each_seed() {
        let bad_rows = |seed: u64, name: &str, count: usize| {
            let folder = tempfile::tempdir().unwrap();
            make(folder.path(), seed, true);
            let text = text(folder.path(), name);
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.split_off(lines.len() - count)
        };
        let name = "deliveries/2026-08/azure_usage.csv";
        let lines = bad_rows(7, name, 6);
        assert!(lines[0].ends_with("\"12,5x\""), "{lines:?}");
        assert_eq!(lines, bad_rows(8, name, 6));
        let name = "deliveries/2026-08/cpor_m365_usage.tsv";
        assert_eq!(bad_rows(7, name, 3), bad_rows(8, name, 3));
    }

    #[test]
    fn settings_that_make_no_base_are_refused() {
        let settings = Settings {
            partners: 0,
            tenants_per_partner: 1,
            lines_per_tenant: 1,
            months: 1,
            last_month: Month::new(2026, 9).unwrap(),
            seed: 1,
            is_dirty: false,
            rows_per_file: 1,
            out: PathBuf::new(),
        };
        assert_eq!(settings.check().unwrap_err().code(), Code::Usage);
    }
}
