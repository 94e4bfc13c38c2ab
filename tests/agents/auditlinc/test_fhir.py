"""The export as FHIR R4: a bundle of AuditEvents with the entities that IHE's patterns ask for."""

from masterlinc.ids import show


def coded(event):
    return {agent["type"]["coding"][0]["code"]: agent for agent in event["agent"]}


async def test_a_read_names_patient_record_and_who_read_why(clinic):
    answer = await clinic.get("/audit/events/fhir", patient=clinic.patient)
    assert answer.headers["content-type"] == "application/fhir+json"
    bundle = answer.json()
    assert (bundle["resourceType"], bundle["type"], len(bundle["entry"])) == ("Bundle", "searchset", 2)
    read, create = (entry["resource"] for entry in bundle["entry"])
    assert (read["action"], create["action"]) == ("R", "C")
    assert (read["outcome"], read["subtype"][0]["code"]) == ("0", "read")
    assert coded(read).keys() == {"110152", "110153", "humanuser"}
    who = coded(read)["humanuser"]
    assert who["requestor"] is True
    assert who["who"]["identifier"]["value"] == show("USR", clinic.doctor.user_id)
    assert who["purposeOfUse"][0]["coding"][0]["code"] == "TREAT"
    kinds = {(one["type"]["code"], one.get("role", {}).get("code")) for one in read["entity"]}
    assert kinds == {("XrequestId", None), ("1", "1"), ("2", "4")}
    assert read["recorded"].endswith("Z")
    assert "Khaled" not in answer.text


async def test_the_link_next_leads_through_everything(clinic):
    await clinic.get(f"/patients/{clinic.patient}", clinic.doctor)
    seen, url = [], f"/api/v1/audit/events/fhir?patient={clinic.patient}&page_size=1"
    while url is not None:
        bundle = (await clinic.http.get(url, headers=clinic.headers(clinic.auditor))).json()
        seen += [entry["resource"]["id"] for entry in bundle["entry"]]
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
    assert len(seen) == len(set(seen)) == 3


async def test_a_refusal_is_a_minor_failure(clinic):
    await clinic.get("/audit/events", clinic.doctor)
    await clinic.running.services.refusals.flush()
    bundle = (await clinic.get("/audit/events/fhir", action="http.refused")).json()
    assert {entry["resource"]["outcome"] for entry in bundle["entry"]} == {"4"}


async def test_a_checkpoint_is_of_the_chain(clinic):
    from masterlinc.audit.sealer import seal_all

    await seal_all(clinic.running.services)
    made = (await clinic.get("/audit/checkpoint")).json()
    assert (made["format"], made["number"] > 0, len(made["seal"])) == ("masterlinc-audit-checkpoint/1", True, 64)
