//! One consumption counts once: the amounts of contract §3 and the balance of §5, worked out by
//! hand.

use crate::base::{Azure, Base, Place, assert_balanced, capscore, run, units};
use crate::tables::one;

/// Lines of one consumption of tenant 1 in the reference month.
fn line(attribution: &str, role: &str, amount: &str, change: impl FnOnce(&mut Azure)) -> String {
    let mut line = Azure::new("1001", 0, 1, amount);
    attribution.clone_into(&mut line.attribution);
    role.clone_into(&mut line.role);
    change(&mut line);
    line.line()
}

fn base(lines: Vec<String>) -> Base {
    let mut base = Base::default();
    base.partner("1001");
    base.azure.extend(lines);
    base
}

/// Trailing twelve months of tenant 1 by scope.
fn ttm(place: &Place, scope: &str) -> String {
    let rows = place.month_table("fact_acr_ttm");
    one(&rows, &[("tenant_id", &crate::base::tenant(1)), ("scope", scope)])["ttm_usd"].clone()
}

fn azure_input(place: &Place) -> serde_json::Value {
    let manifest = place.manifest();
    let inputs = manifest["inputs"].as_array().unwrap();
    let azure: Vec<&serde_json::Value> =
        inputs.iter().filter(|input| input["dataset"] == "azure_usage").collect();
    assert_eq!(azure.len(), 1);
    azure[0].clone()
}

#[test]
fn the_largest_eligible_amount_counts() {
    let place = run(&base(vec![
        line("PartnerAdminLink", "Owner", "100.10", |_| {}),
        line("CSP Tier 2", "", "100.25", |_| {}),
        line("Digital Partner of Record", "", "90", |_| {}),
        line("TPOR", "", "500", |_| {}),
    ]));
    // PAL alone for Security; the largest of PAL, CSP and DPOR for the Azure areas; TPOR nowhere.
    assert_eq!(ttm(&place, "security"), "100.1000");
    assert_eq!(ttm(&place, "all"), "100.2500");
    let input = azure_input(&place);
    assert_balanced(&input, "azure");
    // The facts hold the largest amount of all attributions, and the 24 filler cents.
    assert_eq!(input["amount_facts"], "500.24");
    assert_eq!(input["amount_repeated"], "290.35");
    assert_eq!((&input["used"], &input["repeated"]), (&25.into(), &3.into()));
}

#[test]
fn claims_are_summed_apart_and_the_largest_counts() {
    let place = run(&base(vec![
        // One claim: distinct lines add, an identical line does not.
        line("PartnerAdminLink", "Owner", "10", |_| {}),
        line("PartnerAdminLink", "Owner", "20", |line| line.quantity = "2".to_owned()),
        line("PartnerAdminLink", "Owner", "20", |line| line.quantity = "2".to_owned()),
        // Another claim by its role, and one by its location.
        line("PartnerAdminLink", "Contributor", "25", |_| {}),
        line("PartnerAdminLink", "Owner", "29.99", |line| line.location = "6002".to_owned()),
        // A reader's claim is none.
        line("PartnerAdminLink", "Billing Reader", "1000", |_| {}),
    ]));
    assert_eq!(ttm(&place, "security"), "30.0000");
    assert_balanced(&azure_input(&place), "azure");
}

#[test]
fn a_reseller_change_in_mid_month_is_one_claim() {
    let place = run(&base(vec![
        line("CSP Tier 1", "", "10", |line| line.reseller = "7001".to_owned()),
        line("CSP Tier 1", "", "20", |line| line.reseller = "7002".to_owned()),
        // The same consumption by PAL names no reseller: it must not count on top.
        line("PartnerAdminLink", "Owner", "30", |_| {}),
    ]));
    assert_eq!(ttm(&place, "all"), "30.0000");
    let input = azure_input(&place);
    assert_balanced(&input, "azure");
    assert_eq!(input["amount_facts"], "30.24");
    assert_eq!(input["amount_repeated"], "30");
}

#[test]
fn credits_below_zero_count() {
    let place = run(&base(vec![
        line("PartnerAdminLink", "Owner", "-40.5", |_| {}),
        line("CSP Tier 2", "", "-50", |_| {}),
        line("PartnerAdminLink", "Owner", "100", |line| line.service = "Key Vault".to_owned()),
    ]));
    // Of −40.5 and −50 the larger is −40.5, which is also all that PAL has.
    assert_eq!(ttm(&place, "security"), "59.5000");
    assert_eq!(ttm(&place, "all"), "59.5000");
    assert_balanced(&azure_input(&place), "azure");
}

#[test]
fn one_consumption_split_over_two_files_counts_once() {
    let mut first = base(vec![line("PartnerAdminLink", "Owner", "80", |_| {})]);
    let place = Place::new();
    let mut second = Base::default();
    second.azure.push(line("CSP Tier 2", "", "81", |_| {}));
    second.azure.push(line("PartnerAdminLink", "Owner", "80", |_| {}));
    first.write(&place.path("deliveries"), "2026-10-21");
    second.write(&place.path("deliveries/2026-10-21"), "second");
    first.azure.clear();
    place.run().assert().success();
    assert_eq!(ttm(&place, "security"), "80.0000");
    assert_eq!(ttm(&place, "all"), "81.0000");
    let manifest = place.manifest();
    let inputs = manifest["inputs"].as_array().unwrap();
    let azure: Vec<_> = inputs.iter().filter(|input| input["dataset"] == "azure_usage").collect();
    assert_eq!(azure.len(), 2);
    azure.iter().for_each(|input| assert_balanced(input, "azure"));
    let facts: i128 = azure.iter().map(|input| units(&input["amount_facts"])).sum();
    assert_eq!(facts, 812_400_000_000);
}

#[test]
fn other_services_subscriptions_and_months_are_other_consumptions() {
    let place = run(&base(vec![
        line("PartnerAdminLink", "Owner", "1", |_| {}),
        line("PartnerAdminLink", "Owner", "1", |line| line.service = "Azure Sentinel".to_owned()),
        line("PartnerAdminLink", "Owner", "1", |line| line.subscription = 77),
        line("PartnerAdminLink", "Owner", "1", |line| line.month = crate::base::month(11)),
        line("PartnerAdminLink", "Owner", "1", |line| line.month = crate::base::month(12)),
        // Not a security service.
        line("PartnerAdminLink", "Owner", "1", |line| line.service = "Virtual Machines".to_owned()),
    ]));
    assert_eq!(ttm(&place, "security"), "4.0000");
    assert_eq!(ttm(&place, "all"), "5.0000");
    let rows = place.month_table("fact_acr_ttm");
    let row = one(&rows, &[("tenant_id", &crate::base::tenant(1)), ("scope", "security")]);
    assert_eq!(row["prior_ttm_usd"], "1.0000");
    assert_eq!(row["same_month_last_year_usd"], "1.0000");
    assert_eq!(row["last_month_usd"], "3.0000");
    assert_eq!(row["months_with_usage"], "2");
    assert_eq!(row["attributions"], "PAL");
}

#[test]
fn guids_and_months_have_one_identity_whatever_their_spelling() {
    let plain = line("PartnerAdminLink", "Owner", "12.50", |_| {});
    let spelled = plain
        .replace(&crate::base::tenant(1), &crate::base::tenant(1).to_uppercase())
        .replace("2026-09-01", "20260901")
        .replace("12.50", "12.5");
    let place = run(&base(vec![plain, spelled]));
    assert_eq!(ttm(&place, "security"), "12.5000");
}

/// The facts of some files of one delivery, each a header and its lines.
fn facts(files: &[(&str, String)]) -> Vec<(String, String)> {
    let place = Place::new();
    let folder = place.path("deliveries/2026-10-21");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let mut command = capscore();
    command.args(["ingest", "--threads", "1", "--input", &place.text("deliveries")]);
    command.args(["--facts", &place.text("facts")]).assert().success();
    let rows = crate::tables::read(&place.path("facts/acr/azure_usage/2026-09/0000000001.parquet"));
    rows.into_iter().map(|row| (row["service"].clone(), row["amount"].clone())).collect()
}

/// Conversions are remembered by the bytes of cells; bytes mean something else by another delimiter
/// or by the reader that takes stray quotes for text.
#[test]
fn what_is_remembered_of_one_file_does_not_mislead_in_another() {
    let text = |delimiter: &str, lines: &[&str]| {
        let header = "MPNID,Month,CustomerTenantId,SubscriptionId,PartnerAttributionType,ServiceLevel1,ServiceLevel2,ACR_USD";
        let start = "6000001,20260901,00000001-1111-4222-8333-000000000001,00000064-1111-4222-8333-000000000064,CSP T1,";
        let lines = lines.iter().map(|line| start.replace(',', delimiter) + line);
        let header = header.replace(',', delimiter);
        std::iter::once(header).chain(lines).collect::<Vec<_>>().join("\n")
    };
    let commas = text(",", &["Compute|Virtual,Machines,1"]);
    let pipes = text("|", &["Compute|Virtual,Machines|2"]);
    let expected = [("Machines", "1.0000000000"), ("Virtual,Machines", "2.0000000000")];
    let expected = expected.map(|(name, amount)| (name.to_owned(), amount.to_owned()));
    for (first, second) in [("a.csv", "b.csv"), ("b.csv", "a.csv")] {
        assert_eq!(facts(&[(first, commas.clone()), (second, pipes.clone())]), expected);
    }
    let strict = text(",", &["Pillar,\"\"\"Foo\"\"\",1", "x\"y,Bar,4"]);
    let fast = text(",", &["Pillar,\"Foo\",2"]);
    let expected = [("\"Foo\"", "1"), ("Bar", "4"), ("Foo", "2")];
    let expected = expected.map(|(name, amount)| (name.to_owned(), format!("{amount}.0000000000")));
    for (first, second) in [("a.csv", "b.csv"), ("b.csv", "a.csv")] {
        assert_eq!(facts(&[(first, strict.clone()), (second, fast.clone())]), expected);
    }
}

/// Columns that nobody knows tell lines apart, also when they share a name.
#[test]
fn columns_without_a_name_tell_lines_apart() {
    let header = "MPNID,Month,CustomerTenantId,SubscriptionId,PartnerAttributionType,ServiceLevel2,ACR_USD,,";
    let line = |others: &str| {
        format!(
            "6000001,20260901,00000001-1111-4222-8333-000000000001,00000064-1111-4222-8333-000000000064,CSP T1,Key Vault,10.5,{others}"
        )
    };
    let text = [header.to_owned(), line("a,b"), line("b,a"), line("a,b")].join("\n");
    assert_eq!(facts(&[("a.csv", text)]), [("Key Vault".to_owned(), "21.0000000000".to_owned())]);
}
