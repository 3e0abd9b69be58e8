"""The Azure exports of a base as they come back from spreadsheets, e-mail and other countries."""

import csv

AMOUNTS = ("ACR_USD", "UsageQuantity")


def make(clean, folder):
    """One dirty copy of each month's export, each kind of dirt in turn; the rows stay those of the
    base, but for the rejected and the repeated ones."""
    for number, month in enumerate(sorted(clean.iterdir())):
        target = folder / month.name
        target.mkdir(parents=True)
        for path in sorted(month.glob("azure_usage*")):
            DIRT[number % len(DIRT)](path, target / path.name)


def rows(path):
    """The header, and the records."""
    file = path.open(newline="", encoding="utf-8")
    reader = csv.reader(file)
    return next(reader), reader


def places(header, *names):
    """Where columns are, whatever their spelling."""
    plain = [name.lower() for name in header]
    return [plain.index(name.lower()) for name in names if name.lower() in plain]


def quoted(path, target):
    """Every cell in quotes, a byte order mark, Windows line ends."""
    header, records = rows(path)
    with target.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow(header)
        writer.writerows(records)


def european(path, target):
    """Semicolons, and commas as decimal marks."""
    header, records = rows(path)
    amounts = places(header, *AMOUNTS)
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerow(header)
        for record in records:
            for at in amounts:
                record[at] = record[at].replace(".", ",")
            writer.writerow(record)


def unicode_text(path, target):
    """What spreadsheets call Unicode text: UTF-16, tabs."""
    header, records = rows(path)
    with target.open("w", newline="", encoding="utf-16") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\r\n")
        writer.writerow(header)
        writer.writerows(records)


def american(path, target):
    """Months as days of a spreadsheet, month first: the file is read twice."""
    header, records = rows(path)
    (month,) = places(header, "Month") or places(header, "MonthKey")
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(header)
        for record in records:
            digits = record[month].replace("-", "")
            record[month] = f"{int(digits[4:6])}/1/{digits[:4]}"
            writer.writerow(record)


def stray_quotes(path, target):
    """A stray quote inside a name now and then: the file is read again by the tolerant reader."""
    with path.open(newline="", encoding="utf-8") as source, target.open("w", newline="") as file:
        for number, line in enumerate(source):
            if number % 5_000 == 4_999 and '"' not in line and "Sample" in line:
                line = line.replace("Sample", 'Sam"ple', 1)
            file.write(line)


def broken_rows(path, target):
    """Amounts that are none in one of 400 rows, every 50th row twice, and totals at the end."""
    header, records = rows(path)
    amount, quantity = places(header, *AMOUNTS)
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for number, record in enumerate(records):
            if number % 400 == 7:
                record[amount] = "n/a"
            writer.writerow(record)
            if number % 50 == 0:
                writer.writerow(record)
        totals = [""] * len(header)
        totals[amount], totals[quantity] = "1", "1"
        writer.writerow(totals)


DIRT = (quoted, european, unicode_text, american, stray_quotes, broken_rows)
