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
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,40}")  # what else stands there is a sentence on where the codes are
_ALSO = (("http://terminology.hl7.org/CodeSystem/adjudication", "copay"),)  # samples of the exchange write both
_COLUMNS = ("profile", "path", "min", "max", "type", "value_set")
_TYPES = {
    name.lower(): name
    for name in (
        "Money",
        "CodeableConcept",
        "Identifier",
        "Boolean",
        "Date",
        "DateTime",
        "Period",
        "PositiveInt",
        "String",
        "Reference",
        "Quantity",
        "Decimal",
    )
}
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
    """Write the tables."""
    fhir, nphies = Path(sys.argv[1]), Path(sys.argv[2])
    definitions = _definitions(fhir)
    known = {row[0] for row in definitions}
    _write("fhir_r4.csv", "FHIR R4 4.0.1", ("path", "min", "max", "types", "codes"), definitions)
    _write("profiles.csv", "NPHIES profiles v5.2", _COLUMNS, sorted(set(_profiles(nphies, known))))
    values = sorted(set(_value_sets(nphies)))
    _write("value_sets.csv", "NPHIES codeable concepts v5.4", ("value_set", "system"), values)
    systems = {system for _, system in values}
    codes = sorted({row for row in _codes(nphies) if row[0] in systems})
    _write("codes.csv", "NPHIES codeable concepts v5.4, the short lists", ("system", "code"), codes)
    rules = sorted(_rules(nphies, known))
    _write("rule_ids.csv", "NPHIES validation error codes, OBA 2.8", ("id", "state", "path", "profile"), rules)


def _definitions(folder: Path) -> list[tuple[str, ...]]:
    rows, sets = [], _required_sets(folder)
    for name in ("profiles-types.json", "profiles-resources.json"):
        for entry in json.loads((folder / name).read_text(encoding="utf-8"))["entry"]:
            one = entry["resource"]
            if one["resourceType"] != "StructureDefinition" or one.get("derivation") == "constraint":
                continue
            if one["kind"] == "complex-type" or one["name"] in RESOURCES:
                rows += [_definition(element, sets) for element in one["snapshot"]["element"] if "." in element["path"]]
    return rows


def _required_sets(folder: Path) -> dict[str, str]:
    """Return the codes of each value set of FHIR that lists them, or takes code systems whole."""
    listed = [
        entry["resource"]
        for name in ("valuesets.json", "v3-codesystems.json")
        for entry in json.loads((folder / name).read_text(encoding="utf-8"))["entry"]
    ]
    systems = {one["url"]: [*_nested(one.get("concept", []))] for one in listed if one["resourceType"] == "CodeSystem"}
    sets = {}
    for one in (one for one in listed if one["resourceType"] == "ValueSet"):
        parts = one.get("compose", {}).get("include", [])
        if parts and all(not part.get("filter") and not part.get("valueSet") for part in parts):
            codes = [
                [row["code"] for row in part.get("concept", [])] or systems.get(part["system"], []) for part in parts
            ]
            if all(codes):
                sets[one["url"]] = "|".join(sorted({code for some in codes for code in some}))
    return sets


def _nested(concepts: list[dict[str, Any]]) -> Iterator[str]:
    for one in concepts:
        yield one["code"]
        yield from _nested(one.get("concept", []))


def _definition(element: dict[str, Any], sets: dict[str, str]) -> tuple[str, ...]:
    if "contentReference" in element:
        types = ["@" + element["contentReference"].rpartition("#")[2]]
    else:
        types = [_type(one["code"]) for one in element["type"]]
    binding = element.get("binding", {})
    required = binding.get("strength") == "required" and types == ["code"]
    codes = sets.get(binding.get("valueSet", "").partition("|")[0], "") if required else ""
    return element["path"], str(element["min"]), element["max"], "|".join(dict.fromkeys(types)), codes


def _type(code: str) -> str:
    name = code.removeprefix(_FHIR_TYPE)
    return _SYSTEM.get(name, name) if code.startswith(_FHIR_TYPE) else code


def _profiles(folder: Path, known: set[str]) -> Iterator[tuple[str, ...]]:
    named = {name for name, _ in _value_sets(folder)}
    with (folder / "nphies_profile_elements_v5.2.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            path = _path(row["path"])
            if row["sheet"] not in PROFILES or not path or path == _MANY or row["max"] not in ("1", "*"):
                continue
            least = "1" if row["min"] == "1" else "0"
            value_set = _tail(row["valueset"])
            type_ = _extension_type(row["type"]) if ".extension." in path and path not in known else ""
            yield PROFILES[row["sheet"]], path, least, row["max"], type_, value_set if value_set in named else ""


def _extension_type(text: str) -> str:
    """Return the type of an extension's value as FHIR spells it, where the list names one."""
    first = text.split("(", maxsplit=1)[0].split(maxsplit=1)[0].lower() if text.strip() else ""
    return _TYPES.get(first, "")


def _value_sets(folder: Path) -> Iterator[tuple[str, ...]]:
    with (folder / "nphies_valuesets_v5.4.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            system = row["codesystem"].strip().strip('"')
            if system.startswith(("http", "urn")) and " " not in system:
                yield _tail(row["valueset"]), system


def _codes(folder: Path) -> Iterator[tuple[str, ...]]:
    """Return the codes of systems that are listed whole; of one in an appendix there are none."""
    with (folder / "nphies_codesystems_v5.4.csv").open(encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    long = {
        row["system"].strip() for row in rows if row["appendix"].strip() or not _CODE.fullmatch(row["code"].strip())
    }
    for row in rows:
        if row["system"].strip() not in long:
            yield row["system"].strip(), row["code"].strip()
    yield from _ALSO


def _tail(url: str) -> str:
    return url.strip().strip('"').rstrip("/").rpartition("/")[2].lower() if "\n" not in url.strip() else ""


def _rules(folder: Path, known: set[str]) -> Iterator[tuple[str, ...]]:
    spelled = {path.lower(): path for path in known}
    with (folder / "nphies_validation_rules_v2.8.csv").open(encoding="utf-8") as file:
        seen = set()
        for row in csv.DictReader(file):
            if row["rule_id"] not in seen:
                seen.add(row["rule_id"])
                path = _path(row["element"])
                state = "ended" if row["deactivated"].strip() else ""
                yield row["rule_id"], state, spelled.get(path.lower(), path), _profile_of(row["description"])


def _profile_of(words: str) -> str:
    """Return the profile that a rule is about, where it names the codes of one claim type."""
    found = re.match(r"(Claim|Authorization) - .*/ValueSet/([a-z]+)-billing\)", words)
    if found is None:
        return ""
    kind = "oral" if found[2] == "dental" else found[2]
    return f"{kind}-{'claim' if found[1] == 'Claim' else 'priorauth'}"


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
