//! A small base written row by row as real exports, and the product run on it.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

use crate::tables::{self, Row};

pub const AZURE_HEADER: &str = "PGAMpnID,SubscriptionId,SubscriptionStartDate,SubscriptionEndDate,FirstUseDate,SubscriptionState,Month,ServiceLevel1,ServiceLevel2,ServiceLevel3,ServiceLevel4,ServiceGroup2,ServiceGroup3,ServiceInfluencer,ComputeOS,ComputeCoreSoftware,UsageUnits,UsageQuantity,CustomerName,CustomerTenantId,CustomerTpid,CustomerSegment,CustomerMarket,MPNID,PartnerName,PartnerLocation,PartnerAttributionType,SalesChannel,EnrollmentNumber,IsACRDuplicateAtPGALevel,ResellerID,ResellerName,IndustryName,VerticalName,EOU,AdminType,AssociationType,ACR_USD";
pub const SEATS_HEADER: &str = "CustomerTenantId,CustomerName,WorkloadName,MonthlyActiveUsers,PaidAvailableUnits,ClaimId,MpnId,DateAssociated,PartnerAttributionType,Date";
pub const OFFICE_HEADER: &str = "PGAPartnerID,CustomerTenantId,CustomerTpid,WorkloadName,Month,PaidAvailableUnits,MonthlyActiveUsers,CustomerName,CustomerMarket,CustomerSegment,IndustryName,VerticalName,EOU,PartnerID,PartnerName,PartnerLocation,PartnerAttributionType,IsDuplicateRowForPGA";
pub const TRAININGS_HEADER: &str = "PGAMpnId,TrainingActivityId,TrainingTitle,TrainingType,IndividualFirstName,IndividualLastName,Email,CorpEmail,TrainingCompletionDate,ExpirationDate,ActivationStatus,Month,IcMCP,MCPID,MpnId,PartnerName,PartnerCityLocation,PartnerCountryLocation";
pub const PROFILE_HEADER: &str =
    "MPNId,PartnerName,PGA_MPNID,PGA_PartnerName,City,Country,AccountType";

pub const EMS_HEADER: &str = "PGAMpnID,SubscriptionId,Month,SKU,FreeVsPaidSKU,CustomerTenantId,MPNID,PartnerAttributionType,AADPPaidAvailableUnits,IntunePaidAvailableUnits,AzipPaidAvailableUnits,AADPMonthlyActiveUsers,IntuneMonthlyActiveUsers,AzipMonthlyActiveUsers";

pub const REVENUE_HEADER: &str = "FiscalMonthName,GlobalPartnerID,PartnerName,PartnerAssociationType,CustomerID,CustomerName,CustomerTenantID,CustomerTenantName,SubscriptionId,SubscriptionStartDate,Country,WorkloadCategory,Workloads,AdjustedRevenueAmtCD";
pub const USAGE_HEADER: &str = "FiscalMonthName,GlobalPartnerID,PartnerName,PartnerAssociationType,CustomerID,CustomerName,CustomerTenantID,CustomerTenantName,SubscriptionID,SubscriptionStartDate,MetricType,WorkloadCategory,Workload,SkuGroup,PAMAU,MAC,MAU";

/// The reference month of all test bases.
pub const REFERENCE: &str = "2026-09";

/// The product with a clean environment.
pub fn capscore() -> Command {
    let mut command = Command::cargo_bin("capscore").unwrap();
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CAPSCORE_")) {
        command.env_remove(name);
    }
    command.env("CAPSCORE_PERSON_KEY", "test").env("CAPSCORE_LOG_FORMAT", "text");
    command
}

/// `YYYY-MM`, `back` months before the reference month.
pub fn month(back: i32) -> String {
    let count = 2026 * 12 + 8 - back;
    format!("{:04}-{:02}", count / 12, count % 12 + 1)
}

/// The tenant GUID of a number.
pub fn tenant(number: u32) -> String {
    format!("0bb1b2c3-0000-4000-8000-{number:012x}")
}

/// One line of Azure usage.
#[derive(Debug, Clone)]
pub struct Azure {
    pub partner: String,
    pub location: String,
    pub subscription: u32,
    pub month: String,
    pub service: String,
    pub tenant: String,
    pub attribution: String,
    pub role: String,
    pub reseller: String,
    pub quantity: String,
    pub amount: String,
    pub segment: String,
}

impl Azure {
    pub fn new(partner: &str, back: i32, tenant_number: u32, amount: &str) -> Self {
        Self {
            partner: partner.to_owned(),
            location: format!("6{partner}"),
            subscription: tenant_number,
            month: month(back),
            service: "Sentinel".to_owned(),
            tenant: tenant(tenant_number),
            attribution: "PartnerAdminLink".to_owned(),
            role: "Owner".to_owned(),
            reseller: String::new(),
            quantity: "1".to_owned(),
            amount: amount.to_owned(),
            segment: "Small, Medium & Corporate Commercial".to_owned(),
        }
    }

    pub fn line(&self) -> String {
        let Self { partner, location, subscription, month, service, tenant, .. } = self;
        let Self { attribution, role, reseller, quantity, amount, segment, .. } = self;
        format!(
            "{partner},0aa1b2c3-0000-4000-8000-{subscription:012x},2021-05-01,,2021-05-03,Active,{month}-01,Pillar,{service},Offering,Tier,,,,,,GB,{quantity},\"Test Customer, Inc.\",{tenant},77{subscription},\"{segment}\",Utopia,{location},Test Partner,Utopia,{attribution},Direct,,0,{reseller},,Retail,,,{role},,{amount}"
        )
    }
}

/// One line of business applications: a workload of a subscription under an association.
#[derive(Debug, Clone)]
pub struct Business {
    pub partner: String,
    pub month: String,
    pub tenant: String,
    pub subscription: u32,
    pub workload: String,
    pub attribution: String,
    pub metric_type: String,
    pub product: String,
}

impl Business {
    pub fn new(
        partner: &str,
        back: i32,
        tenant_number: u32,
        workload: &str,
        attribution: &str,
    ) -> Self {
        Self {
            partner: partner.to_owned(),
            month: month(back),
            tenant: tenant(tenant_number),
            subscription: tenant_number,
            workload: workload.to_owned(),
            attribution: attribution.to_owned(),
            metric_type: "Paid".to_owned(),
            product: "Enterprise".to_owned(),
        }
    }

    /// The columns that both exports start with.
    fn head(&self) -> String {
        let Self { partner, month, tenant, subscription, attribution, .. } = self;
        format!(
            "{month}-01,{partner},Test Partner,{attribution},77{subscription},\"Test Customer, Inc.\",{tenant},test.example,0aa1b2c3-0000-4000-8000-{subscription:012x},2021-05-01"
        )
    }

    pub fn revenue(&self, amount: &str) -> String {
        format!("{},Utopia,Category,{},{amount}", self.head(), self.workload)
    }

    /// By active users, those attributed to the partner, and capacity.
    pub fn usage(&self, mau: i64, pamau: i64, mac: i64) -> String {
        let Self { metric_type, workload, product, .. } = self;
        format!("{},{metric_type},Category,{workload},{product},{pamau},{mac},{mau}", self.head())
    }
}

/// A base in the making: lines of the exports, all delivered on one day.
#[derive(Default, Clone)]
pub struct Base {
    pub azure: Vec<String>,
    pub seats: Vec<String>,
    pub office: Vec<String>,
    pub ems: Vec<String>,
    pub revenue: Vec<String>,
    pub usage: Vec<String>,
    pub trainings: Vec<String>,
    pub profile: Vec<String>,
    pub next_person: u32,
}

impl Base {
    /// Partners with people, and with customers that all use the same.
    pub fn alike(partners: &[&str], tenants: u32) -> Self {
        let mut base = Self::default();
        for partner in partners {
            base.partner(partner);
            base.skilled(partner, 4);
            for tenant in 0..tenants {
                for back in 0..24 {
                    base.azure(partner, back, tenant, "612.345678");
                }
                base.seats(partner, 0, tenant, "Intune", 40, 30);
            }
        }
        base
    }

    /// Gives a partner data in every month that a score looks at, none of which counts anywhere.
    pub fn partner(&mut self, partner: &str) {
        for back in 0..24 {
            self.fill(partner, back);
        }
        self.introduce(partner);
    }

    /// Gives a partner business applications in every month, none of which count anywhere. Not
    /// part of `partner`: most bases have no such exports.
    pub fn business(&mut self, partner: &str) {
        for back in 0..24 {
            self.fill_business(partner, back);
        }
    }

    /// Gives a partner all exports, each with its first and last month only: what lies between is
    /// delivered too. For bases of hundreds of partners, which stay small.
    pub fn ends(&mut self, partner: &str) {
        for back in [0, 23] {
            self.fill(partner, back);
            self.fill_business(partner, back);
        }
        self.introduce(partner);
    }

    fn fill(&mut self, partner: &str, back: i32) {
        let mut filler = Azure::new(partner, back, 900_000, "0.01");
        filler.service = "Storage".to_owned();
        filler.attribution = "TPOR".to_owned();
        self.azure.push(filler.line());
        self.seats(partner, back, 900_000, "Teams", 1, 1);
        self.office(partner, back, 900_000, "Teams", "CSP Tier 2", 1, 1);
    }

    fn fill_business(&mut self, partner: &str, back: i32) {
        self.revenue(partner, back, 900_000, "Business Central", "TPOR", "0.01");
        self.usage(partner, back, 900_000, "Business Central", "TPOR", [1, 0, 0]);
    }

    /// What a partner delivers of no month: people, and its own name.
    fn introduce(&mut self, partner: &str) {
        self.training(partner, "filler", "Exam", "Exam AZ-104", "2020-01-01", "NA");
        self.profile
            .push(format!("6{partner},Test Partner,{partner},Test Partner,Town,Utopia,Location"));
    }

    pub fn azure(&mut self, partner: &str, back: i32, tenant: u32, amount: &str) {
        self.azure.push(Azure::new(partner, back, tenant, amount).line());
    }

    pub fn seats(
        &mut self,
        partner: &str,
        back: i32,
        tenant_number: u32,
        workload: &str,
        paid: i64,
        active: i64,
    ) {
        self.associated(partner, back, tenant_number, workload, paid, active, "2020-01-01");
    }

    /// A row of a claimed workload with the day on which it was tied to the partner.
    pub fn associated(
        &mut self,
        partner: &str,
        back: i32,
        tenant_number: u32,
        workload: &str,
        paid: i64,
        active: i64,
        date: &str,
    ) {
        self.dated(partner, back, tenant_number, workload, "CPOR", (paid, active), date);
    }

    /// A row of the same export, which alone tells a day, under any association: paid seats and
    /// active users.
    pub fn dated(
        &mut self,
        partner: &str,
        back: i32,
        tenant_number: u32,
        workload: &str,
        attribution: &str,
        (paid, active): (i64, i64),
        date: &str,
    ) {
        self.seats.push(format!(
            "{},Test Customer,{workload},{active},{paid},C-{tenant_number},6{partner},{date},{attribution},{}-01",
            tenant(tenant_number),
            month(back),
        ));
    }

    /// A row of Microsoft 365 usage under an association.
    pub fn office(
        &mut self,
        partner: &str,
        back: i32,
        tenant_number: u32,
        workload: &str,
        attribution: &str,
        paid: i64,
        active: i64,
    ) {
        self.office.push(format!(
            "{partner},{},77{tenant_number},{workload},{}-01,{paid},{active},Test Customer,Utopia,SMB Commercial,Retail,,,6{partner},Test Partner,Utopia,{attribution},0",
            tenant(tenant_number),
            month(back),
        ));
    }

    /// Revenue of a workload of business applications.
    pub fn revenue(
        &mut self,
        partner: &str,
        back: i32,
        tenant: u32,
        workload: &str,
        attribution: &str,
        amount: &str,
    ) {
        let line = Business::new(partner, back, tenant, workload, attribution);
        self.revenue.push(line.revenue(amount));
    }

    /// Usage of a workload of business applications: MAU, PAMAU and MAC.
    pub fn usage(
        &mut self,
        partner: &str,
        back: i32,
        tenant: u32,
        workload: &str,
        attribution: &str,
        [mau, pamau, mac]: [i64; 3],
    ) {
        let line = Business::new(partner, back, tenant, workload, attribution);
        self.usage.push(line.usage(mau, pamau, mac));
    }

    pub fn training(
        &mut self,
        partner: &str,
        person: &str,
        kind: &str,
        title: &str,
        earned: &str,
        expires: &str,
    ) {
        self.trainings.push(format!(
            "{partner},ID,{title},{kind},First,Last,,{person}@example.org,{earned},{expires},Active,{earned},1,,6{partner},Test Partner,Town,Utopia"
        ));
    }

    /// So many new people with a certification that never expires.
    pub fn people(&mut self, partner: &str, title: &str, count: u32) {
        for _ in 0..count {
            self.next_person += 1;
            let person = format!("person{}", self.next_person);
            let title = format!("Microsoft Certified: {title}");
            self.training(partner, &person, "Certification", &title, "2025-01-01", "NA");
        }
    }

    /// Two holders of each prerequisite of the Security ruleset and `others` of the last step.
    pub fn skilled(&mut self, partner: &str, others: u32) {
        self.people(partner, "Azure Security Engineer Associate", 2);
        self.people(partner, "Security Operations Analyst", 2);
        self.people(partner, "Identity and Access Administrator", others);
    }

    /// Writes one delivery.
    pub fn write(&self, deliveries: &Path, date: &str) {
        let folder = deliveries.join(date);
        fs::create_dir_all(&folder).unwrap();
        for (name, header, lines) in [
            ("azure.csv", AZURE_HEADER, &self.azure),
            ("seats.csv", SEATS_HEADER, &self.seats),
            ("office.csv", OFFICE_HEADER, &self.office),
            ("ems.csv", EMS_HEADER, &self.ems),
            ("revenue.csv", REVENUE_HEADER, &self.revenue),
            ("usage.csv", USAGE_HEADER, &self.usage),
            ("trainings.csv", TRAININGS_HEADER, &self.trainings),
            ("profile.csv", PROFILE_HEADER, &self.profile),
        ] {
            if !lines.is_empty() {
                fs::write(folder.join(name), format!("{header}\n{}\n", lines.join("\n"))).unwrap();
            }
        }
    }
}

/// Folders of one run.
pub struct Place {
    pub root: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// `capscore run` on `deliveries` into `facts` and `tables`, by the single-path rules.
    pub fn run(&self) -> Command {
        self.run_by("2023-12-01")
    }

    /// `capscore run` by a ruleset.
    pub fn run_by(&self, ruleset: &str) -> Command {
        let mut command = capscore();
        command.args(["run", "--as-of", REFERENCE, "--ruleset", ruleset]);
        command.args(["--input", &self.text("deliveries"), "--facts", &self.text("facts")]);
        command.args(["--output", &self.text("tables")]);
        command
    }

    /// Rows of a table of the reference month; of tables with areas, those of Security.
    pub fn month_table(&self, table: &str) -> Vec<Row> {
        self.area_table(table, "security")
    }

    /// Rows of a table of the reference month; of tables with areas, those of one area.
    pub fn area_table(&self, table: &str, area: &str) -> Vec<Row> {
        let mut rows = self.all_areas(table);
        rows.retain(|row| row.get("area").is_none_or(|known| known == area));
        rows
    }

    /// All rows of a table of the reference month.
    pub fn all_areas(&self, table: &str) -> Vec<Row> {
        tables::read(&self.path("tables").join(table).join(format!("{REFERENCE}.parquet")))
    }

    /// Rows of a table that belongs to no month.
    pub fn whole_table(&self, table: &str) -> Vec<Row> {
        tables::read(&self.path("tables").join(format!("{table}.parquet")))
    }

    /// What a failed check of the published run observed, and its message; none when it passed.
    pub fn check(&self, id: &str) -> Option<(String, String)> {
        let run = fs::read_dir(self.path("tables/_runs")).unwrap().next().unwrap().unwrap().path();
        let checks = tables::read(&run.join("check_result.parquet"));
        let is_failed = |row: &&Row| row["check_id"] == id && row["is_failed"] == "true";
        let check = checks.iter().find(is_failed)?;
        Some((check["observed"].clone(), check["message"].clone()))
    }

    /// The only manifest.
    pub fn manifest(&self) -> serde_json::Value {
        let runs: Vec<PathBuf> = fs::read_dir(self.path("tables/_runs"))
            .unwrap()
            .map(|entry| entry.unwrap().path().join("manifest.json"))
            .collect();
        assert_eq!(runs.len(), 1, "{runs:?}");
        serde_json::from_slice(&fs::read(&runs[0]).unwrap()).unwrap()
    }
}

/// An amount of a manifest in units of 10⁻¹⁰ dollar.
pub fn units(text: &serde_json::Value) -> i128 {
    let text = text.as_str().unwrap();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<10}").parse().unwrap()
}

/// Every record of a file is accepted, quarantined or skipped, every accepted one has one use, and so
/// has every amount.
pub fn assert_balanced(file: &serde_json::Value, what: &str) {
    let count = |name: &str| file[name].as_u64().unwrap();
    let counted = count("accepted") + count("quarantined") + count("skipped");
    assert_eq!(count("records"), counted, "{what}: {file}");
    let used = count("used") + count("repeated") + count("not_used");
    assert_eq!(count("accepted"), used, "{what}: {file}");
    let amount = |name: &str| units(&file[name]);
    let amounts = amount("amount_facts") + amount("amount_repeated") + amount("amount_not_used");
    assert_eq!(amount("amount_accepted"), amounts, "{what}: {file}");
}

/// A base delivered on one day, run by the single-path rules.
pub fn run(base: &Base) -> Place {
    run_by(base, "2023-12-01")
}

/// A base delivered on one day, run by a ruleset.
pub fn run_by(base: &Base, ruleset: &str) -> Place {
    let place = Place::new();
    base.write(&place.path("deliveries"), "2026-10-21");
    place.run_by(ruleset).assert().success();
    place
}

/// Every published file but the records of executions: path → bytes.
pub fn published(output: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut files = std::collections::BTreeMap::new();
    collect(output, output, &mut files);
    files
}

fn collect(root: &Path, folder: &Path, files: &mut std::collections::BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if path.is_dir() {
            if name != "_attempts" {
                collect(root, &path, files);
            }
        } else if !name.ends_with("manifest.json") && name != "_lock" && name != "_outcome.json" {
            files.insert(name, fs::read(&path).unwrap());
        }
    }
}

/// What a command tells on stderr that ends with this code.
pub fn stderr(command: &mut Command, code: i32) -> String {
    let output = command.assert().code(code).get_output().stderr.clone();
    String::from_utf8_lossy(&output).into_owned()
}

/// What a command prints that ends well.
pub fn stdout(command: &mut Command) -> String {
    let output = command.assert().success().get_output().stdout.clone();
    String::from_utf8_lossy(&output).into_owned()
}

/// `capscore facts …` on the facts of a place.
pub fn facts(place: &Place, arguments: &[&str]) -> Command {
    let mut command = capscore();
    command.arg("facts").args(arguments).args(["--facts", &place.text("facts")]);
    command
}
