"""The peer of `sudare pseudonymize`: what a data engineer writes with hmac, csv, pandas, ElementTree and pyrage.

The same job on the same folder of a 健保: eligibility, payer-side claims (医科, DPC, 歯科, 調剤) with the clearing body's corrections,
checkup XML out of its zip, two lists of programmes; identities de-duplicated before anything is hashed, the same seven tokens under
the same keys, facilities and receipts keyed, birth to the month, postcode to three digits; one table each as Parquet with zstd,
encrypted with age. `pseudonymize_speed.py` compares what comes out. It does less than Sudare: no ICD-10 and YJ codes, no signature, no line
numbers of findings, no opt-outs, other formats than these; its checks are those that pandas makes easy.

    pseudonymize_pandas.py FOLDER OUT RECIPIENT LINKAGE_KEY AGE_IDENTITY ORIGIN ITAIJI
"""

import csv
import gc
import glob
import hashlib
import hmac
import io
import re
import sys
import tarfile
import unicodedata
import zipfile
from functools import lru_cache
from xml.etree import ElementTree

import pandas
import pyrage

# --- normalization and keys


def itaiji(path):
    table = {}
    for line in open(path, encoding="utf-8"):
        if not line.startswith("#") and line.strip():
            head, *forms = line.rstrip("\n").split("\t")
            table.update({ord(form[0]): head[0] for form in forms if form})
    return table


LARGE = str.maketrans("ァィゥェォッャュョヮヵヶ", "アイウエオツヤユヨワカケ")
SOUND = str.maketrans("ヂヅヲヰヱ", "ジズオイエ")
STROKES = str.maketrans({c: "ー" for c in "-‐‑‒–—―−─━一"})
HYPHENS = str.maketrans({c: "-" for c in "‐‑‒–—―−─━・·.｡"})
KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}
NO_KANA = re.compile("[^ア-ヴー]")
ERAS = {"1": 1867, "2": 1911, "3": 1925, "4": 1988, "5": 2018}


def fold(text):
    return unicodedata.normalize("NFKC", text).upper()


def name(text):
    text = re.sub(r"\([^)]*\)|\s", "", fold(text))
    while (at := text.find("々")) > 0:
        text = text[:at] + text[at - 1] + text[at + 1:]
    text = text.translate(KATAKANA).translate(LARGE).translate(ITAIJI)
    return text if len(text) > 1 else None


def kana(text):
    text = re.sub(r"\s", "", fold(text)).translate(KATAKANA).translate(STROKES).translate(LARGE).translate(SOUND)
    return None if len(text) < 2 or NO_KANA.search(text) else text


def given(text):
    parts = fold(text).split()
    return kana(parts[1]) or parts[1].translate(LARGE) if len(parts) == 2 and kana(text) else None


def number(text):
    text = re.sub(r"\s", "", fold(text)).translate(HYPHENS).strip("-")
    if text.isdigit():
        text = text.lstrip("0")
        if not text or len(text) >= 4 and set(text) == {"9"}:
            return None
    return text or None


def birth(text):
    text = fold(text).strip()
    if len(text) == 7 and text[0] in ERAS:
        text = f"{ERAS[text[0]] + int(text[1:3]):04}{text[3:]}"
    text = text.replace("-", "").replace("/", "")
    return text if len(text) == 8 and text.isdigit() and "18800101" <= text <= "21001231" else None


def packed(*fields):
    out = b""
    for field in fields:
        if field is None:
            return None
        field = field.encode()
        out += len(field).to_bytes(2, "big") + field
    return out


class Keys:
    def __init__(self, secret, origin):
        self.prk = hmac.new(origin.encode(), secret, hashlib.sha256).digest()
        self.passes = {p: self.sub(p) for p in ("member", "id1", "id2", "id4", "individual", "marriage", "birth", "key/insurer")}
        self.columns = {c: self.sub(f"key/{c}") for c in ("facility", "receipt", "receipt_number", "workplace", "provider")}

    def sub(self, purpose):
        return hmac.new(self.prk, f"sudare/linkage/{purpose}/1".encode() + b"\x01", hashlib.sha256).digest()

    def token(self, of, message):
        return hmac.digest(self.passes[of], message, "sha256")[:16] if message is not None else None

    @lru_cache(1 << 20)
    def keyed(self, column, text, within=""):
        text = number(text) or ""
        message = b"".join(len(part.encode()).to_bytes(8, "big") + part.encode() for part in (within, text))
        return int.from_bytes(hmac.digest(self.columns[column], message, "sha256")[:8], "little")


# --- identities


class People:
    """Numbers of identities: one for every distinct spelling of a kind of file."""

    def __init__(self):
        self.known = {}
        self.first, self.last = [], []
        self.covered = {}

    def of(self, kind, *fields):
        return self.known.setdefault((kind, *fields), len(self.known))

    def seen(self, ident, day):
        while len(self.first) < len(self.known):
            self.first.append("9")
            self.last.append("0")
        if day < self.first[ident]:
            self.first[ident] = day
        if day > self.last[ident]:
            self.last[ident] = day

    def frame(self, keys):
        rows = []
        for _, insurer, symbol, num, branch, written, reading, born, sex, postcode in self.known:
            insurer = insurer.strip().zfill(8) if insurer.strip().isdigit() else None
            symbol, num = number(symbol) or "", number(num)
            branch = fold(branch).zfill(2) if branch else None
            read, first = (kana(reading), given(reading)) if reading else (None, None)
            full = name(written) if written else None
            if full and not NO_KANA.search(full.translate(SOUND)):
                if read is None:
                    read, first = kana(written), given(written)
                full = None
            born = birth(born)
            sex = sex if sex in ("1", "2") else None
            area = re.sub(r"\D", "", fold(postcode)) if postcode else ""
            member = packed(insurer, symbol, num)
            days = packed(born, sex)
            def token(of, *parts):
                return None if any(part is None for part in parts) else keys.token(of, b"".join(parts))
            where = packed("postcode", area) if len(area) == 7 else None
            rows.append((
                token("member", member, packed(branch), days), token("id1", member, days), token("id2", packed(full), days),
                token("id4", packed(read), days), None,
                token("marriage", packed(first), days, where) if where
                else token("marriage", packed(first), days, packed("member"), member),
                token("birth", packed(read), member),
                int(sex or 0), born[:6] + "01" if born else None,
                int.from_bytes(hmac.digest(keys.passes["key/insurer"], insurer.encode(), "sha256")[:8], "little") if insurer else None,
                area[:3] or None))
        columns = ["t_member", "t_id1", "t_id2", "t_id4", "t_individual", "t_marriage", "t_birth", "sex", "birth_ym", "insurer", "postcode3"]
        frame = pandas.DataFrame(rows, columns=columns)
        frame["insurer"] = frame["insurer"].astype("UInt64")
        frame["birth_ym"] = pandas.to_datetime(frame["birth_ym"], format="%Y%m%d", errors="coerce")
        frame.insert(0, "ident", range(len(frame)))
        frame["first_seen"], frame["last_seen"] = self.first, self.last
        return frame


# --- claims

SORTS = {"1": "medical", "3": "dental", "4": "pharmacy"}
KANA = {"medical": 36, "dpc": 28, "dental": 25, "pharmacy": 41}


def corrected(lines):
    """Records as billed and as adjudicated: JY puts lines of class 2 behind, in the place of, or takes away lines of class 1."""
    billed = [line for line in lines if line[0] == "1" and line[3] != "MN"]
    changes = [line for line in lines if line[3] == "JY"]
    if not changes:
        return billed, billed, False
    fresh = {(line[1], line[2]): line for line in lines if line[0] == "2" and line[3] not in ("MN", "JY", "EX", "RC")}
    slots = [[line] for line in billed]
    places = {(line[1], line[2]): at for at, line in reversed(list(enumerate(billed)))}
    for change in changes:
        change = change + [""] * 8
        what, at, new = change[4], places.get((change[5], change[6] or "0")), fresh.get((change[9], change[10] or "0"))
        if what == "1" and new:
            slots.append([new]) if at is None else slots[at].append(new)
        elif what == "2" and new and at is not None:
            slots[at][0] = new
            places.setdefault((new[1], new[2]), at)
        elif what == "3" and at is not None:
            slots[at][0] = None
    return billed, [line for slot in slots for line in slot if line], True


def thousandths(text):
    return round(float(text) * 1000)


class Claims:
    def __init__(self, people):
        self.people = people
        self.claim, self.diagnosis, self.act = [], [], []
        self.rejected = 0

    def file(self, path):
        with open(path, encoding="cp932", newline="") as text:
            lines = []
            for row in csv.reader(text):
                if len(row) < 4 or row[0] not in ("1", "2"):
                    self.rejected += 1
                    continue
                if row[3] == "MN" and lines:
                    self.receipt(lines)
                    lines = []
                lines.append(row)
            if lines:
                self.receipt(lines)

    def receipt(self, lines):
        billed, final, changed = corrected(lines)
        first = {}
        for line in final:
            first.setdefault(line[3], line[3:] + [""] * 90)
        common, payer = first.get("RE"), first.get("HO") or first.get("KO")
        house = first.get("IR") or first.get("YK")
        if not (common and payer and house) or common[2][0] not in SORTS:
            self.rejected += len(lines)
            return
        sort = SORTS[common[2][0]]
        if sort == "medical" and ("BU" in first or common[18] in ("0", "1", "2", "3")):
            sort = "dpc"
        month = common[3]
        sn = first.get("SN")
        who = ("claims", payer[1], payer[2], payer[3], sn[6] if sn else "", common[4], common[KANA[sort]], common[6], common[5], "")
        ident = self.people.of(*who)
        bill = next(month for month in (house[7], house[6], house[8]) if len(month) == 6 and month.isdigit())
        managed = lines[0][3:] + [""] * 4
        receipt_number = "s:" + managed[3] if managed[3].strip("0") else "m:" + managed[1]
        receipt = f"{receipt_number}@{bill}"
        acts = []
        done = self.acts(sort, month, final, acts)
        self.act.extend((ident, *act, receipt) for act in acts)
        self.diagnoses(ident, sort, month, final, receipt)
        points = int(payer[5] or 0)
        as_billed = points
        if changed:
            head = next((line[3:] for line in billed if line[3] in ("HO", "KO")), None)
            as_billed = int(head[5] or 0) if head else points
            if not any(line[0] == "2" and line[3] in ("HO", "KO") for line in final) and sort != "pharmacy":
                points = max(0, points + done - self.acts(sort, month, billed, None))
        facility = house[2] + house[3] + house[4]
        inpatient = sort != "pharmacy" and int(common[2][-1]) % 2
        self.claim.append((ident, month, sort, 0 if inpatient else 1, int(payer[4] or 0), as_billed, points, facility, receipt, receipt_number, bill))
        days = [act[0] for act in acts]
        self.people.seen(ident, min(days, default=month + "01"))
        self.people.seen(ident, max(days, default=month + "01"))

    def diagnoses(self, ident, sort, month, lines, receipt):
        for line in lines:
            item = line[3:] + [""] * 12
            if line[3] == "SY":
                code, start, outcome, modifiers, main = item[1], item[2], item[3], item[4], item[6] == "01"
            elif line[3] == "HS":
                code, start, outcome, modifiers, main = item[4], item[1], item[2], item[5], item[9] == "01"
            elif line[3] == "SB":
                code, start, outcome, modifiers, main = item[1], "", "", item[2], item[5] == "11"
            else:
                continue
            if len(code) == 7 and code.isdigit():
                suspected = "8002" in (modifiers[at:at + 4] for at in range(0, len(modifiers), 4))
                self.diagnosis.append((ident, month, code, start or None, outcome or None, main, suspected, receipt))

    def acts(self, sort, month, lines, out):
        """Σ points; acts, one per service date, go to `out` unless it is None."""
        total, unit, group, things, times, oral = 0, [], "", [], [], False
        out = [] if out is None else out

        def close():
            nonlocal total
            count = next((part[3] for part in reversed(unit) if part[3] is not None), None)
            dated = next((part[4] for part in reversed(unit) if part[4]), None)
            for kind, code, quantity, own, days, points, group in unit:
                own, days = count if own is None else own, days or dated
                total += (points or 0) * (own if own is not None else sum(n for _, n in days) if days else 1)
                for day, n in days or [("01", own or 1)]:
                    supply = n if kind == "drug" and group == "21" else None
                    out.append((month + day, kind, code, quantity * n, (points or 0) * n, supply))
            unit.clear()

        def dispensed():
            for date, amount, points in times:
                for at, (kind, code, quantity) in enumerate(things, 1):
                    supply = amount if oral and kind == "drug" else None
                    out.append((date, kind, code, quantity * amount, points if at == len(things) else 0, supply))
            times.clear()
            things.clear()

        for line in lines:
            tag, item = line[3], line[3:]
            if tag in ("SI", "IY", "TO", "SS") and sort != "pharmacy":
                item = item + [""] * (110 if tag == "SS" else 46)
                if item[1] and item[1] != group:
                    if unit:
                        close()
                    group = item[1]
                if tag == "SS":
                    points, count, first = item[76], item[77], 78
                elif sort == "dental":
                    points, count, first = {"IY": (item[5], item[6], 8), "SI": (item[5], item[6], 7), "TO": (item[12], item[13], 14)}[tag]
                else:
                    points, count, first = item[5], item[6], 17 if tag == "TO" else 13
                kind = {"IY": "drug", "TO": "material"}.get(tag, "procedure")
                days = [(f"{day:02}", int(n)) for day, n in enumerate(item[first:first + 31], 1) if n and n != "0"]
                count = int(count) if count else None
                unit.append((kind, item[3], thousandths(item[4]) if item[4] else 1000, count, days, int(points) if points else None, group))
                if sort == "dental" and tag in ("SS", "TO"):
                    start, most = (6, 35) if tag == "SS" else (7, 2)
                    for at in range(start, start + 2 * most, 2):
                        if item[at]:
                            quantity = thousandths(item[at + 1]) if item[at + 1] else 1000
                            unit.append((kind, item[at], quantity, count, days, None, group))
                if points:
                    close()
            elif tag == "SH":
                dispensed()
                oral = item[2] == "1"
            elif tag == "CZ":
                item = item + [""] * 70
                times.append((item[3], int(item[5]), int(item[13] or 0)))
                for code, points in [(9, 10), (55, 56), (60, 61), (63, 64)] + [(16 + 3 * n, 17 + 3 * n) for n in range(10)]:
                    if item[points] and len(item[code]) == 9:
                        out.append((item[3], "procedure", item[code], 1000, int(item[points]), None))
            elif tag in ("IY", "TO"):
                quantity = thousandths(item[3]) if len(item) > 3 and item[3] else 1000
                things.append(("drug" if tag == "IY" else "material", item[2], quantity))
            elif tag == "CD":
                item = item + [""] * 10
                kind = {"6": "drug", "7": "material"}.get(item[5][0], "procedure" if item[5][0] in "134" else "other")
                amount = thousandths(item[6] or item[7] or "1")
                out.append((item[1], kind, item[5], amount * int(item[9] or 1), 0, None))
            elif tag == "GT":
                total += int(item[8] or 0)
        if unit:
            close()
        dispensed()
        return total

    def frames(self, keys):
        claim = pandas.DataFrame(self.claim, columns=["ident", "month", "type", "setting", "days", "points_billed", "points",
                                                      "facility", "receipt", "receipt_number", "billed_month"])
        diagnosis = pandas.DataFrame(self.diagnosis, columns=["ident", "month", "code", "start_date", "outcome", "main", "suspected", "receipt"])
        act = pandas.DataFrame(self.act, columns=["ident", "service_date", "kind", "code", "quantity", "points", "supply_days", "receipt"])
        for frame in (claim, diagnosis, act):
            # Few receipts, many rows: hash each once.
            for column in frame.columns.intersection(["facility", "receipt", "receipt_number"]):
                numbers, texts = pandas.factorize(frame[column])
                keyed = pandas.array([keys.keyed(column, receipt_name(text) if "receipt" in column else text) for text in texts], dtype="UInt64")
                frame[column] = keyed.take(numbers)
            for column in frame.columns.intersection(["month", "billed_month"]):
                frame[column] = pandas.to_datetime(frame[column], format="%Y%m")
            for column in frame.columns.intersection(["start_date", "service_date"]):
                frame[column] = pandas.to_datetime(frame[column], format="%Y%m%d", errors="coerce")
        claim["points"] = claim["points"].clip(0, 10_000_000)
        act = act[act["code"].str.fullmatch(r"[0-9A-Za-z]{1,9}")]
        return {"claim": claim, "diagnosis": diagnosis, "act": act}


def receipt_name(text):
    """`s:…@202501` → the month as days since 1970, as Sudare names versions."""
    number, at, month = text.partition("@")
    return f"{number}@{(pandas.Timestamp(int(month[:4]), int(month[4:]), 1) - pandas.Timestamp(0)).days}" if at else text


# --- the rest

V3 = "{urn:hl7-org:v3}"


def checkups(path, people, checkup, items):
    with zipfile.ZipFile(path) as archive:
        for file in archive.namelist():
            if "/DATA/" not in file:
                continue
            root = ElementTree.fromstring(archive.read(file))
            role = root.find(f"{V3}recordTarget/{V3}patientRole")
            ids = {i.get("root", "").rsplit(".", 1)[-1]: i.get("extension", "") for i in role.findall(f"{V3}id")}
            patient = role.find(f"{V3}patient")
            date = root.find(f".//{V3}serviceEvent/{V3}effectiveTime").get("value")
            ident = people.of("checkup", ids.get("101", ""), ids.get("204", ""), ids.get("205", ""), ids.get("211", ""), "",
                              patient.findtext(f"{V3}name") or "", patient.find(f"{V3}birthTime").get("value"),
                              patient.find(f"{V3}administrativeGenderCode").get("code"),
                              role.findtext(f"{V3}addr/{V3}postalCode") or "")
            people.seen(ident, date)
            row = {"ident": ident, "exam_date": date}
            for observation in root.iter(f"{V3}observation"):
                code, value = observation.find(f"{V3}code"), observation.find(f"{V3}value")
                if code is None:
                    continue
                attributes = value.attrib if value is not None else {}
                row[code.get("code")] = attributes.get("value") or attributes.get("code")
                items.append((ident, date, code.get("code"), attributes.get("value"), attributes.get("unit"), attributes.get("code")))
            checkup.append(row)


WHO = ["保険者番号", "記号", "番号", "枝番", "氏名", "カナ氏名", "生年月日", "性別"]


def members(path, people, keys):
    frame = pandas.read_csv(path, dtype=str, keep_default_na=False, encoding="cp932")
    frame["ident"] = [people.of("eligibility", *row) for row in frame[[*WHO, "郵便番号"]].itertuples(index=False, name=None)]
    for ident, start, end in frame[["ident", "取得日", "喪失日"]].itertuples(index=False, name=None):
        people.seen(ident, start)
        people.seen(ident, end or start)
    insurers = frame["保険者番号"].str.strip().str.zfill(8)
    workplace = [keys.keyed("workplace", f"{insurer}:{fold(place)}", insurer) for place, insurer in zip(frame["事業所記号"], insurers)]
    out = pandas.DataFrame({
        "ident": frame["ident"], "insurer": insurers, "relation": frame["本人家族"].map({"1": 0, "2": 1}),
        "start_date": pandas.to_datetime(frame["取得日"], format="%Y%m%d", errors="coerce"),
        "end_date": pandas.to_datetime(frame["喪失日"], format="%Y%m%d", errors="coerce"),
        "end_reason": frame["喪失事由"], "workplace": pandas.array(workplace, dtype="UInt64"),
        "size_band": frame["規模"], "industry": frame["業種"]})
    return out


def programmes(path, people, keys):
    frame = pandas.read_csv(path, dtype=str, keep_default_na=False, encoding="cp932")
    frame["ident"] = [people.of("mapped", *row, "") for row in frame[WHO].itertuples(index=False, name=None)]
    kind, by, *days, status = frame.columns[8:14]
    for row in frame[["ident", *days]].itertuples(index=False, name=None):
        for day in filter(None, row[1:]):
            people.seen(row[0], day)
    out = pandas.DataFrame({"ident": frame["ident"], "kind": frame[kind], "status": frame[status],
                            "provider": pandas.array([keys.keyed("provider", text) for text in frame[by]], dtype="UInt64")})
    for column, day in zip(("invited_date", "start_date", "end_date"), days):
        out[column] = pandas.to_datetime(frame[day], format="%Y%m%d", errors="coerce")
    return out


def main(folder, out, recipient, linkage_key, identity, origin, table):
    # Millions of tuples, no cycles: the collector would only look for what is not there.
    gc.disable()
    global ITAIJI
    ITAIJI = itaiji(table)
    identity = pyrage.x25519.Identity.from_str(open(identity).read().strip())
    secret = pyrage.decrypt(open(linkage_key, "rb").read(), [identity]).decode().split("\n")[1]
    keys, people = Keys(bytes.fromhex(secret), origin), People()
    enrolment = members(f"{folder}/eligibility.csv", people, keys)
    claims = Claims(people)
    for path in sorted(glob.glob(f"{folder}/claims/**/*.CSV", recursive=True)):
        claims.file(path)
    checkup, items = [], []
    for path in sorted(glob.glob(f"{folder}/checkups/*.zip")):
        checkups(path, people, checkup, items)
    programme = pandas.concat([programmes(f"{folder}/{file}.csv", people, keys) for file in ("guidance", "programmes")])
    items = pandas.DataFrame(items, columns=["ident", "exam_date", "code", "value", "unit", "answer"])
    items["value"] = pandas.to_numeric(items["value"], errors="coerce")
    tables = {"enrolment": enrolment, **claims.frames(keys), "checkup": pandas.DataFrame(checkup), "checkup_item": items,
              "programme": programme, "identity": people.frame(keys)}
    quality = {name: {"rows": len(frame), "missing": frame.isna().sum().to_dict()} for name, frame in tables.items()}
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        def add(name, data):
            about = tarfile.TarInfo(name)
            about.size = len(data)
            tar.addfile(about, io.BytesIO(data))
        for name, frame in tables.items():
            part = io.BytesIO()
            frame.to_parquet(part, compression="zstd")
            add(f"{name}.parquet", part.getvalue())
        add("quality.txt", f"{quality} {claims.rejected}".encode())
    with open(out, "wb") as file:
        file.write(pyrage.encrypt(content.getvalue(), [pyrage.x25519.Recipient.from_str(recipient)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
