"""The peer of `sudare pseudonymize`: what a data engineer writes with hmac, csv, pandas, ElementTree and pyrage.

The same job on the same folder: an insurer's eligibility CSV, payer-side claims (NN_RECODEINFO) with the day columns laid out as
one act per service date, checkup XML out of its zip; NFKC, seven kinds of token (HMAC-SHA256, 128 bits, one key per pass),
identities de-duplicated; Parquet with zstd, encrypted with age. It does less than Sudare: no corrections (JY), no bounds or
code lists, no checks, no quality report, no signature. One process, as pandas is.

    pseudonymize_pandas.py FOLDER OUT RECIPIENT
"""

import csv
import glob
import hashlib
import hmac
import io
import sys
import tarfile
import time
import unicodedata
import xml.etree.ElementTree as ElementTree
import zipfile

import pandas
import pyrage

KEYS = {name: hashlib.sha256(b"peer/" + name.encode()).digest()
        for name in ("member", "id1", "id2", "id4", "individual", "marriage", "birth")}


def normal(text):
    return unicodedata.normalize("NFKC", text).replace(" ", "").replace("\u3000", "")


def token(key, *fields):
    if not all(fields):
        return None
    message = b"".join(len(f.encode()).to_bytes(2, "big") + f.encode() for f in fields)
    return hmac.new(KEYS[key], message, hashlib.sha256).digest()[:16]


def tokens(insurer, symbol, number, branch, name, kana, birth, sex):
    insurer, symbol, number = normal(insurer).zfill(8), normal(symbol), normal(number)
    branch, name, kana = normal(branch), normal(name), normal(kana)
    return {
        "t_member": token("member", insurer, symbol + "-", number, branch, birth, sex),
        "t_id1": token("id1", insurer, symbol + "-", number, birth, sex),
        "t_id2": token("id2", name, birth, sex),
        "t_id4": token("id4", kana, birth, sex),
        "t_individual": None,
        "t_marriage": token("marriage", kana[3:], birth, sex, insurer, symbol + "-", number),
        "t_birth": token("birth", kana, insurer, symbol + "-", number),
        "birth_ym": birth[:6],
        "sex": sex,
    }


def claims(path, identity, claim, diagnosis, act):
    who = month = None
    person = {}

    def done():
        if person:
            identity.append(tokens(*(person.get(k, "") for k in
                                     ("insurer", "symbol", "number", "branch", "name", "kana", "birth", "sex"))))

    with open(path, encoding="cp932", newline="") as lines:
        for row in csv.reader(lines):
            if len(row) < 4:
                continue
            tag, item = row[3], row[3:] + [""] * 60
            if tag == "MN":
                done()
                person, who = {}, len(identity)
            elif tag == "RE":
                pharmacy = item[2].startswith("4")
                month = item[3]
                person.update(name=item[4], sex=item[5], birth=item[6], kana=item[41 if pharmacy else 36])
            elif tag == "HO":
                person.update(insurer=item[1], symbol=item[2], number=item[3])
                claim.append((who, month, item[4], int(item[5] or 0)))
            elif tag == "SN":
                person["branch"] = item[6]
            elif tag == "SY":
                diagnosis.append((who, month, item[1], item[2], "8002" in item[4]))
            elif tag in ("SI", "IY", "TO"):
                first = 17 if tag == "TO" else 13
                for day, count in enumerate(item[first:first + 31], 1):
                    if count:
                        act.append((who, f"{month}{day:02}", tag, item[3], item[4], int(item[5] or 0) * int(count)))
    done()


V3 = "{urn:hl7-org:v3}"


def checkups(path, identity, checkup):
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if "/DATA/" not in name:
                continue
            root = ElementTree.fromstring(archive.read(name))
            role = root.find(f"{V3}recordTarget/{V3}patientRole")
            ids = {i.get("root", "").rsplit(".", 1)[-1]: i.get("extension", "") for i in role.findall(f"{V3}id")}
            patient = role.find(f"{V3}patient")
            date = root.find(f".//{V3}serviceEvent/{V3}effectiveTime").get("value")
            row = {"ident": len(identity), "date": date}
            identity.append(tokens(ids.get("101", ""), ids.get("204", ""), ids.get("205", ""), ids.get("211", ""), "",
                                   patient.findtext(f"{V3}name") or "", patient.find(f"{V3}birthTime").get("value"),
                                   patient.find(f"{V3}administrativeGenderCode").get("code")))
            for observation in root.iter(f"{V3}observation"):
                code, value = observation.find(f"{V3}code"), observation.find(f"{V3}value")
                if code is not None and value is not None:
                    row[code.get("code")] = value.get("value") or value.get("code")
            checkup.append(row)


def main(folder, out, recipient):
    start = time.perf_counter()
    identity, claim, diagnosis, act, checkup = [], [], [], [], []
    members = pandas.read_csv(f"{folder}/eligibility.csv", dtype=str, keep_default_na=False, encoding="cp932")
    for row in members.itertuples(index=False):
        identity.append(tokens(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7]))
    for path in sorted(glob.glob(f"{folder}/claims/**/*.CSV", recursive=True)):
        claims(path, identity, claim, diagnosis, act)
    for path in sorted(glob.glob(f"{folder}/checkups/*.zip")):
        checkups(path, identity, checkup)
    tables = {
        "identity": pandas.DataFrame(identity).drop_duplicates(),
        "enrolment": members[["取得日", "喪失日", "喪失事由", "本人家族"]],
        "claim": pandas.DataFrame(claim, columns=["ident", "month", "days", "points"]),
        "diagnosis": pandas.DataFrame(diagnosis, columns=["ident", "month", "code", "start", "suspected"]),
        "act": pandas.DataFrame(act, columns=["ident", "date", "kind", "code", "quantity", "points"]),
        "checkup": pandas.DataFrame(checkup),
    }
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, frame in tables.items():
            part = io.BytesIO()
            frame.to_parquet(part, compression="zstd")
            about = tarfile.TarInfo(f"{name}.parquet")
            about.size = part.tell()
            part.seek(0)
            tar.addfile(about, part)
    sealed = pyrage.encrypt(content.getvalue(), [pyrage.x25519.Recipient.from_str(recipient)])
    with open(out, "wb") as file:
        file.write(sealed)
    print(f"{time.perf_counter() - start:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:4])
