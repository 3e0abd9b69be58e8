-- Told all about the files, DuckDB opens each once; its sniffer costs more than the reading.

-- One row a consumption: the lines of one claim are added, the largest of its eligible claims counts.
CREATE TEMP TABLE consumption AS
WITH line AS (
    SELECT "PGAMpnID" AS partner,
           coalesce(nullif(lower("CustomerTenantId"), ''), 'tpid:' || "CustomerTpid") AS tenant,
           CAST(strptime(left(replace("Month", '-', ''), 6), '%Y%m') AS DATE) AS month,
           "ServiceLevel2" AS service,
           hash(lower("SubscriptionId"), "ServiceLevel1", "ServiceLevel2", "ServiceLevel3",
                "ServiceLevel4", "ServiceGroup2", "ServiceGroup3", "ServiceInfluencer", "ComputeOS",
                "ComputeCoreSoftware", "UsageUnits") AS identity,
           regexp_replace(lower("PartnerAttributionType"), '[ .()_-]', '', 'g') AS attribution,
           hash("MPNID", "AdminType", "AssociationType") AS claim,
           "AdminType" ILIKE '%reader' AS is_reader,
           CAST("ACR_USD" AS DECIMAL(18, 10)) AS acr
    FROM read_csv(getvariable('deliveries') || '/*/azure_usage*.csv', header = true, delim = ',',
                  quote = '"', escape = '"', all_varchar = true, union_by_name = true,
                  sample_size = 100)
), named AS (
    SELECT *, attribution IN ('partneradminlink', 'partneradminlinkpal', 'pal') AND NOT is_reader
                  AS is_pal,
           attribution IN ('dpor', 'digitalpartnerofrecord') AS is_dpor,
           attribution IN ('cspt1', 'csptier1', 'cspt2', 'csptier2') AS is_csp
    FROM line
), claimed AS (
    SELECT partner, tenant, month, service, identity, attribution, is_reader, claim,
           any_value(is_pal OR is_dpor OR is_csp) AS is_azure,
           any_value(is_pal OR is_csp) AS is_security,
           sum(acr) AS acr
    FROM named
    GROUP BY partner, tenant, month, service, identity, attribution, is_reader, claim
), once AS (
    SELECT partner, tenant, month, service, identity,
           coalesce(max(acr) FILTER (is_azure), 0) AS azure,
           coalesce(max(acr) FILTER (is_security), 0) AS security
    FROM claimed
    GROUP BY partner, tenant, month, service, identity
)
SELECT partner, tenant, month, service, sum(azure) AS azure,
       CASE WHEN list_contains(getvariable('security'), service) THEN sum(security) ELSE 0 END
           AS security
FROM once
GROUP BY partner, tenant, month, service;

-- Windows, counted in months before the reference month.
CREATE TEMP TABLE customer AS
WITH back AS (
    SELECT *, date_diff('month', month, getvariable('reference')) AS back FROM consumption
)
SELECT partner, tenant,
       coalesce(sum(azure) FILTER (back BETWEEN 0 AND 11), 0) AS azure_ttm,
       coalesce(sum(azure) FILTER (back BETWEEN 12 AND 23), 0) AS azure_prior_ttm,
       coalesce(sum(azure) FILTER (back = 0), 0) AS azure_0,
       coalesce(sum(azure) FILTER (back = 1), 0) AS azure_1,
       coalesce(sum(azure) FILTER (back = 12), 0) AS azure_12,
       coalesce(sum(azure) FILTER (back = 13), 0) AS azure_13,
       coalesce(sum(security) FILTER (back BETWEEN 0 AND 11), 0) AS security_ttm,
       coalesce(sum(security) FILTER (back BETWEEN 12 AND 23), 0) AS security_prior_ttm
FROM back
GROUP BY partner, tenant;

-- Seats of the reference month and of the month a year before, by customer and workload.
CREATE TEMP TABLE seat AS
WITH profile AS (
    SELECT "MPNId" AS location, any_value("PGA_MPNID") AS partner
    FROM read_csv(getvariable('deliveries') || '/*/profile*.csv', header = true, delim = ',',
                  quote = '"', escape = '"', all_varchar = true, union_by_name = true,
                  sample_size = 100)
    GROUP BY location
), line AS (
    SELECT "MpnId" AS location, lower("CustomerTenantId") AS tenant, "WorkloadName" AS workload,
           "Date" AS day, "PaidAvailableUnits" AS paid, "MonthlyActiveUsers" AS active
    FROM read_csv(getvariable('deliveries') || '/*/cpor_m365*.tsv', header = true, delim = '\t',
                  quote = '"', escape = '"', all_varchar = true, union_by_name = true,
                  sample_size = 100)
    UNION ALL BY NAME
    SELECT "PGAPartnerID" AS location, lower("CustomerTenantId") AS tenant,
           "WorkloadName" AS workload, "Month" AS day, "PaidAvailableUnits" AS paid,
           "MonthlyActiveUsers" AS active
    FROM read_csv(getvariable('deliveries') || '/*/office_usage*.csv', header = true, delim = ',',
                  quote = '"', escape = '"', all_varchar = true, union_by_name = true,
                  sample_size = 100)
), dated AS (
    SELECT location, tenant, workload,
           date_diff('month', CAST(strptime(left(replace(day, '-', ''), 6), '%Y%m') AS DATE),
                     getvariable('reference')) AS back,
           CAST(paid AS BIGINT) AS paid, CAST(active AS BIGINT) AS active
    FROM line
)
SELECT coalesce(profile.partner, location) AS partner, tenant, workload, back,
       max(paid) AS paid, max(active) AS active
FROM dated LEFT JOIN profile USING (location)
WHERE back IN (0, 12)
GROUP BY ALL;

COPY (
    SELECT partner AS partner_id, tenant AS tenant_id, azure_ttm AS ttm_usd,
           azure_prior_ttm AS prior_ttm_usd, azure_0 AS last_month_usd,
           azure_12 AS same_month_last_year_usd
    FROM customer
    ORDER BY ALL
) TO '$output/acr_ttm.parquet' (FORMAT parquet, COMPRESSION zstd);

COPY (
    SELECT partner AS partner_id,
           count(*) FILTER (azure_0 >= 1000 OR azure_1 >= 1000) AS adds_current,
           count(*) FILTER (azure_12 >= 1000 OR azure_13 >= 1000) AS adds_baseline,
           sum(azure_0) AS growth_current, sum(azure_12) AS growth_baseline,
           sum(azure_ttm) AS ttm,
           count(*) FILTER (security_ttm >= 600) AS security_adds_current,
           count(*) FILTER (security_prior_ttm >= 600) AS security_adds_baseline,
           count(*) FILTER (security_ttm > 12000) AS security_deployments_current,
           count(*) FILTER (security_prior_ttm > 12000) AS security_deployments_baseline
    FROM customer GROUP BY partner ORDER BY partner
) TO '$output/azure_parts.parquet' (FORMAT parquet, COMPRESSION zstd);

COPY (
    SELECT partner AS partner_id, service, sum(azure) AS ttm
    FROM consumption
    WHERE date_diff('month', month, getvariable('reference')) BETWEEN 0 AND 11
    GROUP BY partner, service ORDER BY partner, service
) TO '$output/services.parquet' (FORMAT parquet, COMPRESSION zstd);

COPY (
    SELECT partner AS partner_id, tenant AS tenant_id, workload,
           max(paid) FILTER (back = 0) AS paid, max(active) FILTER (back = 0) AS active,
           max(paid) FILTER (back = 12) AS paid_before,
           max(active) FILTER (back = 12) AS active_before
    FROM seat GROUP BY ALL ORDER BY ALL
) TO '$output/seats.parquet' (FORMAT parquet, COMPRESSION zstd);
