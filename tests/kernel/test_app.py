from masterlinc.testing import bearer


async def test_health_answers_without_a_token(client):
    answer = await client.get("/health")
    assert answer.status_code == 200
    assert answer.json()["service"] == "masterlinc"


async def test_every_other_route_asks_for_a_token(client):
    answer = await client.get("/api/v1/agents")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


async def test_agents_are_listed_with_their_tasks(client, running, make_principal):
    answer = await client.get("/api/v1/agents", headers=bearer(running, make_principal("admin")))
    assert answer.status_code == 200
    assert "claimlinc" in {agent["agent_id"] for agent in answer.json()["agents"]}


async def test_an_unknown_task_is_named(client, running, make_principal):
    headers = bearer(running, make_principal("admin"))
    answer = await client.post("/execute", json={"task": "nobody.nothing"}, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == "task"


async def test_the_openapi_document_and_its_page_are_served_by_ourselves(client):
    document = (await client.get("/api/v1/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    page = await client.get("/api/v1/docs")
    assert page.status_code == 200
    assert "cdn" not in page.text
    script = await client.get("/api/v1/docs/assets/swagger-ui-bundle.js")
    assert script.status_code == 200


async def test_every_operation_documents_the_one_shape_of_an_error(client):
    document = (await client.get("/api/v1/openapi.json")).json()
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert operations
    for one in operations:
        problem = one["responses"]["422"]["content"]["application/problem+json"]["schema"]
        assert problem == {"$ref": "#/components/schemas/Problem"}, one["operationId"]
        assert "ValidationException" not in str(one["responses"]["400"])
