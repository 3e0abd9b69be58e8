"""The benchmark's work in polars from Python, with its own SIMD reader and streaming engine.

    polars_rival.py DELIVERIES REFERENCE OUTPUT SERVICES

It leaves out what `duckdb_rival.py` leaves out.
"""

import glob
import os
import sys

import polars as pl

deliveries, reference, output, services = sys.argv[1:5]
os.makedirs(output, exist_ok=True)
year, month = map(int, reference.split("-"))
SECURITY = services.split(";")
IDENTITY = [
    "SubscriptionId", "ServiceLevel1", "ServiceLevel2", "ServiceLevel3", "ServiceLevel4",
    "ServiceGroup2", "ServiceGroup3", "ServiceInfluencer", "ComputeOS", "ComputeCoreSoftware",
    "UsageUnits",
]


def scan(pattern, columns, **options):
    """The columns of all files, which differ in the order and spelling of their headers."""
    known = {column.lower(): column for column in columns}
    frames = [
        pl.scan_csv(
            path, infer_schema=False, empty_string_is_null=False,
            with_column_names=lambda names: [known.get(name.lower(), name) for name in names],
            **options,
        ).select(columns)
        for path in sorted(glob.glob(f"{deliveries}/*/{pattern}"))
    ]
    return pl.concat(frames)


def back(column):
    digits = pl.col(column).str.replace_all("-", "", literal=True)
    of_year = digits.str.slice(0, 4).cast(pl.Int32)
    of_month = digits.str.slice(4, 2).cast(pl.Int32)
    return ((year - of_year) * 12 + (month - of_month)).alias("back")


attribution = pl.col("PartnerAttributionType").str.to_lowercase().str.replace_all(r"[ .()_-]", "")
is_reader = pl.col("AdminType").str.to_lowercase().str.ends_with("reader")
is_pal = attribution.is_in(["partneradminlink", "partneradminlinkpal", "pal"]) & ~is_reader
is_dpor = attribution.is_in(["dpor", "digitalpartnerofrecord"])
is_csp = attribution.is_in(["cspt1", "csptier1", "cspt2", "csptier2"])

AZURE = [
    "PGAMpnID", "CustomerTenantId", "CustomerTpid", "Month", "ServiceLevel2", "MPNID",
    "AssociationType", "AdminType", "PartnerAttributionType", "ACR_USD", *IDENTITY,
]
line = scan("azure_usage*.csv", list(dict.fromkeys(AZURE))).select(
    pl.col("PGAMpnID").alias("partner_id"),
    pl.when(pl.col("CustomerTenantId") == "")
    .then("tpid:" + pl.col("CustomerTpid"))
    .otherwise(pl.col("CustomerTenantId").str.to_lowercase())
    .alias("tenant_id"),
    back("Month"),
    pl.col("ServiceLevel2").alias("service"),
    pl.struct(IDENTITY).hash().alias("identity"),
    pl.struct(attribution, is_reader.alias("is_reader"), "MPNID", "AssociationType", "AdminType")
    .hash()
    .alias("claim"),
    (is_pal | is_dpor | is_csp).alias("is_azure"),
    (is_pal | is_csp).alias("is_security"),
    pl.col("ACR_USD").cast(pl.Decimal(38, 10)).alias("acr"),
)
key = ["partner_id", "tenant_id", "back", "service", "identity"]
consumption = (
    line.group_by([*key, "claim", "is_azure", "is_security"])
    .agg(pl.col("acr").sum())
    .group_by(key)
    .agg(
        pl.col("acr").filter("is_azure").max().fill_null(0).alias("azure"),
        pl.col("acr").filter("is_security").max().fill_null(0).alias("security"),
    )
    .group_by("partner_id", "tenant_id", "back", "service")
    .agg(pl.col("azure").sum(), pl.col("security").sum())
    .collect(engine="streaming")
)

of_security = pl.col("service").is_in(SECURITY)
ttm, prior = pl.col("back").is_between(0, 11), pl.col("back").is_between(12, 23)
customer = consumption.group_by("partner_id", "tenant_id").agg(
    pl.col("azure").filter(ttm).sum().alias("ttm_usd"),
    pl.col("azure").filter(prior).sum().alias("prior_ttm_usd"),
    pl.col("azure").filter(pl.col("back") == 0).sum().alias("last_month_usd"),
    pl.col("azure").filter(pl.col("back") == 12).sum().alias("same_month_last_year_usd"),
    pl.col("azure").filter(pl.col("back") == 1).sum().alias("azure_1"),
    pl.col("azure").filter(pl.col("back") == 13).sum().alias("azure_13"),
    pl.col("security").filter(ttm & of_security).sum().alias("security_ttm"),
    pl.col("security").filter(prior & of_security).sum().alias("security_prior_ttm"),
)
customer.select(
    "partner_id", "tenant_id", "ttm_usd", "prior_ttm_usd", "last_month_usd",
    "same_month_last_year_usd",
).sort("partner_id", "tenant_id").write_parquet(f"{output}/acr_ttm.parquet")


def count(condition, name):
    return condition.sum().alias(name)


now, year_ago = pl.col("last_month_usd"), pl.col("same_month_last_year_usd")
customer.group_by("partner_id").agg(
    count((now >= 1000) | (pl.col("azure_1") >= 1000), "adds_current"),
    count((year_ago >= 1000) | (pl.col("azure_13") >= 1000), "adds_baseline"),
    now.sum().alias("growth_current"),
    year_ago.sum().alias("growth_baseline"),
    pl.col("ttm_usd").sum().alias("ttm"),
    count(pl.col("security_ttm") >= 600, "security_adds_current"),
    count(pl.col("security_prior_ttm") >= 600, "security_adds_baseline"),
    count(pl.col("security_ttm") > 12000, "security_deployments_current"),
    count(pl.col("security_prior_ttm") > 12000, "security_deployments_baseline"),
).sort("partner_id").write_parquet(f"{output}/azure_parts.parquet")

consumption.filter(ttm).group_by("partner_id", "service").agg(
    pl.col("azure").sum().alias("ttm")
).sort("partner_id", "service").write_parquet(f"{output}/services.parquet")

profile = scan("profile*.csv", ["MPNId", "PGA_MPNID"]).select(
    pl.col("MPNId").alias("location"), pl.col("PGA_MPNID").alias("account")
).unique("location")
measures = [
    pl.col("CustomerTenantId").str.to_lowercase().alias("tenant_id"),
    pl.col("WorkloadName").alias("workload"),
    pl.col("PaidAvailableUnits").cast(pl.Int64).alias("paid"),
    pl.col("MonthlyActiveUsers").cast(pl.Int64).alias("active"),
]
USAGE = ["CustomerTenantId", "WorkloadName", "PaidAvailableUnits", "MonthlyActiveUsers"]
claims = scan("cpor_m365*.tsv", ["MpnId", "Date", *USAGE], separator="\t").select(
    pl.col("MpnId").alias("location"), back("Date"), *measures
)
office = scan("office_usage*.csv", ["PGAPartnerID", "Month", *USAGE]).select(
    pl.col("PGAPartnerID").alias("location"), back("Month"), *measures
)
seats = (
    pl.concat([claims, office])
    .filter(pl.col("back").is_in([0, 12]))
    .join(profile, on="location", how="left")
    .with_columns(pl.coalesce("account", "location").alias("partner_id"))
    .group_by("partner_id", "tenant_id", "workload")
    .agg(
        pl.col("paid").filter(pl.col("back") == 0).max(),
        pl.col("active").filter(pl.col("back") == 0).max(),
        pl.col("paid").filter(pl.col("back") == 12).max().alias("paid_before"),
        pl.col("active").filter(pl.col("back") == 12).max().alias("active_before"),
    )
    .sort("partner_id", "tenant_id", "workload")
    .collect(engine="streaming")
)
seats.write_parquet(f"{output}/seats.parquet")
