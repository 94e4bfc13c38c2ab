from masterlinc.testing import bearer, client_of


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


async def test_what_is_not_there_is_a_problem_and_no_page(client, run_app):
    without = await run_app(doctorlinc={"enabled": False})
    async with client_of(without) as other:
        answers = [await client.get("/api/v1/nowhere"), await other.get("/api/v1/patients")]
        answers.append(await other.post("/api/v1/appointments", json={}))
    for answer in answers:
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert answer.json()["code"] == "not-found"
