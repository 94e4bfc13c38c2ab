"""The examples of the API's documentation are taken as they are."""

import pytest

from masterlinc.routes import examples


@pytest.mark.parametrize(
    ("path", "example", "status"),
    [
        ("/execute", examples.EXECUTE, 200),
        ("/api/v1/workflow/execute", examples.GRAPH, 201),
        ("/api/v1/delegate", examples.DELEGATE, 201),
        ("/api/v1/message/route", examples.MESSAGE, 201),
    ],
)
async def test_an_example_is_taken_and_documented(caller, path, example, status):
    admin = caller("admin")
    answer = await admin.post(path, example)
    assert answer.status_code == status, answer.text
    document = (await admin.get("/api/v1/openapi.json")).json()
    schema = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    assert example in schema["examples"], schema


async def test_any_json_is_any_json_in_the_documentation(caller):
    document = (await caller("admin").get("/api/v1/openapi.json")).json()
    schemas = document["components"]["schemas"]
    assert schemas["GraphStep"]["properties"]["input_data"] == {"description": "Any JSON value."}
    assert schemas["ExecuteForm"]["properties"]["input"] == {"description": "Any JSON value."}
