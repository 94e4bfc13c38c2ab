"""Make the element tables that come along, from the FHIR R4 definitions and an operator's own copies of NPHIES tables.

    python docs/nphies/tables.py FHIR_FOLDER NPHIES_FOLDER

FHIR_FOLDER holds profiles-types.json and profiles-resources.json of FHIR R4 (4.0.1); NPHIES_FOLDER the validation rules
(OBA 2.8) and the profiles (v5.2) as CSV. Only facts are taken: paths, cardinalities, types and the ids of rules.
"""

import csv
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[2] / "plugins" / "nphieslinc" / "data"
RESOURCES = (
    "Bundle",
    "MessageHeader",
    "Claim",
    "ClaimResponse",
    "CoverageEligibilityRequest",
    "CoverageEligibilityResponse",
    "Coverage",
    "Patient",
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "Encounter",
    "Location",
    "Task",
    "Communication",
    "CommunicationRequest",
    "PaymentNotice",
    "PaymentReconciliation",
    "VisionPrescription",
    "MedicationRequest",
    "ServiceRequest",
    "OperationOutcome",
)
_FHIR_TYPE = "http://hl7.org/fhirpath/System."
_SYSTEM = {"String": "string", "Date": "date", "DateTime": "dateTime", "Time": "time"}
_MANY = "MessageHeader.focus"  # one, but of a batch-request: BV-00221 says when
_SAME = {"Patient.extension.Patient-occupation": "Patient.extension.occupation"}  # one list spells it as the URL does
_SLICE = re.compile(r"\w+\[x\]:")
PROFILES = {
    "Claim Institutional": "institutional-claim",
    "Claim Professional": "professional-claim",
    "Claim Dental": "oral-claim",
    "Claim Pharmacy": "pharmacy-claim",
    "Claim Vision": "vision-claim",
    "Authorization institutional": "institutional-priorauth",
    "Authorization professional": "professional-priorauth",
    "Authorization Dental": "oral-priorauth",
    "Authorization Pharmacy": "pharmacy-priorauth",
    "Authorization Vision": "vision-priorauth",
    "Authorization Response": "prior-auth-response",
    "Claim Response": "claim-response",
    "Eligibility Request": "eligibility-request",
    "Eligibility Response": "eligibility-response",
    "Payment Reconciliation": "payment-reconciliation",
    "Payment Notice": "payment-notice",
    "Coverage": "coverage",
    "Encounter": "encounter",
    "VisionPrescription": "vision-prescription",
    "Task": "task",
    "Communication": "communication",
    "Communication Request": "communication-request",
    "Patient": "patient",
    "Organization Provider": "provider-organization",
    "Organization Payer": "insurer-organization",
    "Organization PolicyHolder": "policyholder-organization",
    "MessageHeader": "message-header",
    "MessageHeader (error notice)": "MessageHeader-ErrorNotice",
    "Operation outcome": "operationoutcome",
    "Practitioner": "practitioner",
    "Practitioner Role- Not used": "practitioner-role",
    "Bundle (Message)": "bundle",
    "Location (Department)": "location",
    "Medication Request": "medication-request",
}


def main() -> None:
    """Write the three tables."""
    fhir, nphies = Path(sys.argv[1]), Path(sys.argv[2])
    definitions = _definitions(fhir)
    known = {row[0] for row in definitions}
    _write("fhir_r4.csv", "FHIR R4 4.0.1", ("path", "min", "max", "types"), definitions)
    _write("profiles.csv", "NPHIES profiles v5.2", ("profile", "path", "min", "max"), sorted(_profiles(nphies)))
    rules = sorted(_rules(nphies, known))
    _write("rule_ids.csv", "NPHIES validation error codes, OBA 2.8", ("id", "state", "path"), rules)


def _definitions(folder: Path) -> list[tuple[str, ...]]:
    rows = []
    for name in ("profiles-types.json", "profiles-resources.json"):
        for entry in json.loads((folder / name).read_text(encoding="utf-8"))["entry"]:
            one = entry["resource"]
            if one["resourceType"] != "StructureDefinition" or one.get("derivation") == "constraint":
                continue
            if one["kind"] == "complex-type" or one["name"] in RESOURCES:
                rows += [_definition(element) for element in one["snapshot"]["element"] if "." in element["path"]]
    return rows


def _definition(element: dict[str, Any]) -> tuple[str, ...]:
    if "contentReference" in element:
        types = ["@" + element["contentReference"].rpartition("#")[2]]
    else:
        types = [_type(one["code"]) for one in element["type"]]
    return element["path"], str(element["min"]), element["max"], "|".join(dict.fromkeys(types))


def _type(code: str) -> str:
    name = code.removeprefix(_FHIR_TYPE)
    return _SYSTEM.get(name, name) if code.startswith(_FHIR_TYPE) else code


def _profiles(folder: Path) -> Iterator[tuple[str, ...]]:
    with (folder / "nphies_profile_elements_v5.2.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["sheet"] in PROFILES and row["min"] in ("0", "1") and row["max"] in ("1", "*"):
                path = _path(row["path"])
                if path and path != _MANY and (row["min"], row["max"]) != ("0", "*"):
                    yield PROFILES[row["sheet"]], path, row["min"], row["max"]


def _rules(folder: Path, known: set[str]) -> Iterator[tuple[str, ...]]:
    spelled = {path.lower(): path for path in known}
    with (folder / "nphies_validation_rules_v2.8.csv").open(encoding="utf-8") as file:
        seen = set()
        for row in csv.DictReader(file):
            if row["rule_id"] not in seen:
                seen.add(row["rule_id"])
                path = _path(row["element"])
                yield row["rule_id"], "ended" if row["deactivated"].strip() else "", spelled.get(path.lower(), path)


def _path(text: str) -> str:
    """Return an element's path as FHIR spells it; what is no path is left out."""
    path = _SLICE.sub("", text.strip()).replace(" sequence", ".sequence").replace("extension:", "extension.")
    path = path.replace("subdetail", "subDetail").replace("extension.reference.", "extension.").rstrip(".")
    if not re.fullmatch(r"[A-Za-z]+(\.[A-Za-z-]+(\[x\])?)*", path) or " " in path:
        return ""
    path = path[0].upper() + path[1:]
    return _SAME.get(path, path)


def _write(name: str, source: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    with (DATA / name).open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {source}; made by docs/nphies/tables.py\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([columns, *rows])


if __name__ == "__main__":
    main()
