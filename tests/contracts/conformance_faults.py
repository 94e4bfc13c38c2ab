"""Faults to plant into a new agent, each with the rule that is to catch it and what that rule says to change."""

from dataclasses import dataclass, field

AGENT, CONTRACT, CONFIG, ERRORS = "agent.py", "contract.py", "config.py", "errors.py"
ROUTES, SCHEMAS, SERVICE, TASKS = "routes.py", "schemas.py", "service.py", "tasks.py"
SUBSCRIBERS, TABLES, WORKFLOWS = "subscribers.py", "tables.py", "workflows.py"
MIGRATION = "migrations/0001_notes.py"
GOLDEN = "tests/events/NAME.note_added.v1.json"

Edit = tuple[str, str, str]  # a file of the package, what stands there, what is put in its place


@dataclass(frozen=True)
class Fault:
    """One fault of an agent called NAME."""

    rule: str
    says: str
    edits: tuple[Edit, ...] = ()
    files: dict[str, str | None] = field(default_factory=dict)  # in the distribution; None takes a file away
    open_tables: dict[str, str] = field(default_factory=dict)


def planted(
    rule: str, says: str, *edits: Edit, files: dict[str, str | None] | None = None, **more: dict[str, str]
) -> Fault:
    return Fault(rule, says, edits, files or {}, **more)


def more_sql(sql: str) -> Edit:
    """Statements at the end of the migration."""
    return (MIGRATION, 'status, words)")}\n', f'status, words)")}}\n{sql}\n')


def column(sql: str) -> Edit:
    """A column more in the table of notes."""
    return (MIGRATION, "    created_at timestamptz NOT NULL,\n", f"    created_at timestamptz NOT NULL,\n    {sql},\n")


def imports(file: str, line: str) -> Edit:
    """An import more."""
    return (file, "from masterlinc", f"{line}\nfrom masterlinc")


def declared(line: str, *, before: str = "") -> Edit:
    """A field more in the declaration, and what it needs before it."""
    return (AGENT, "agent = Agent(\n", f"{before}agent = Agent(\n    {line},\n")


NO_PICCOLO = (AGENT, "    tables=(Note,),\n", "")
NO_GOLDEN: dict[str, str | None] = {GOLDEN: None}
IDS = '"note_id": "01920000-0000-7000-8000-000000000001"'
REFUSES = """
from contextlib import asynccontextmanager

from masterlinc.errors import StartupError


@asynccontextmanager
async def refuse(ctx):
    raise StartupError("the key is missing")
    yield


"""
ADDS_AGAIN = """
from uuid import UUID

from NAME.service import add_note


async def demo(ctx, plan):
    await add_note(ctx.acting_for(UUID(int=7)), "one more")


"""
SECOND = """
import pathlib

from masterlinc.db.ddl import migration

ID = "0002_second"
DESCRIPTION = "Does another thing the second time"
MARK = pathlib.Path(__file__).with_suffix(".ran")


async def forwards():
    sql = "SELECT 1" if MARK.exists() else "ALTER TABLE NAME.note ADD CHECK (id <> organization_id)"
    MARK.touch()
    return migration("NAME", ID, DESCRIPTION, sql)
"""
# An agent that works only where the one that uses it does.
HELPER = """
from contextlib import asynccontextmanager

from masterlinc.agent import Agent
from masterlinc.errors import StartupError


@asynccontextmanager
async def lifespan(ctx):
    if not ctx.enabled("NAME"):
        raise StartupError("the helper needs NAME, and does not say so")
    yield


agent = Agent("NAME_helper", "Helper", "مساعد", "1.0.0", ">=0.1", lifespan=lifespan)
"""

WRITTEN = (
    planted("its_version_is_one", "write one as 1.0.0", (AGENT, 'version="0.1.0"', 'version="first"')),
    planted("its_words_are_in_both_languages", "is not Arabic", (AGENT, '"عرض الملاحظات"', '"See notes"')),
    planted("its_words_are_in_both_languages", "is not English", (AGENT, '"See notes"', '"عرض الملاحظات"')),
    planted("its_words_are_in_both_languages", "Task add_note: summary, summary_ar", (TASKS, '"إضافة ملاحظة"', '""')),
    planted("its_errors_are_in_both_languages", "set both", (ERRORS, "title, title_ar =", "title, _ =")),
    planted("its_errors_are_in_both_languages", "patient-unknown", (ERRORS, '"note-unknown"', '"NoteUnknown"')),
    planted(
        "its_permissions_are_its_own",
        "give it another name",
        (AGENT, "    permissions=(\n", '    permissions=(\n        Permission("claim:read", "See claims", "عرض"),\n'),
    ),
    planted(
        "its_permissions_are_its_own",
        "is not as claim:read",
        (AGENT, "    permissions=(\n", '    permissions=(\n        Permission("see notes", "See notes", "عرض"),\n'),
    ),
    planted(
        "its_routes_say_who_may",
        'write opt={"permission"',
        (ROUTES, '@get("/notes", opt={"permission": "RIGHT:read"}, ', '@get("/notes", '),
    ),
    planted(
        "its_routes_say_who_may",
        "asks for note:show, which no agent declares",
        (ROUTES, 'str}", opt={"permission": "RIGHT:read"}', 'str}", opt={"permission": "note:show"}'),
    ),
    planted("its_routes_say_what_they_do", "write summary=", (ROUTES, ', summary="List notes"', "")),
    planted(
        "its_routes_take_no_unknown_fields",
        "takes NoteForm: write forbid_unknown_fields=True",
        (SCHEMAS, "frozen=True, forbid_unknown_fields=True", "frozen=True"),
    ),
    planted(
        "its_tasks_ask_for_what_is_declared",
        "Task add_note asks for 'note:file'",
        (TASKS, 'permission="RIGHT:write"', 'permission="note:file"'),
    ),
    planted(
        "its_settings_refuse_unknown_keys",
        "settings Config: write forbid_unknown_fields=True",
        (CONFIG, "forbid_unknown_fields=True, ", ""),
    ),
    planted(
        "its_contract_is_data",
        "contract.py imports asyncpg",
        (CONTRACT, "\nfrom msgspec", "\nimport asyncpg\nfrom msgspec"),
    ),
    planted(
        "its_contract_is_data",
        "contract.py imports masterlinc.ids",
        (CONTRACT, "\nfrom msgspec", "\nfrom masterlinc import ids\nfrom msgspec"),
    ),
    planted(
        "its_contract_is_data",
        ".config: other agents would get it too",
        (CONTRACT, "\nfrom msgspec", "\nfrom . import config\nfrom msgspec"),
    ),
    planted(
        "it_sees_only_the_contracts_of_others",
        "import authlinc.contract only",
        imports(SERVICE, "from authlinc.errors import *"),
        declared('requires=("authlinc",)'),
    ),
    planted(
        "it_sees_only_the_contracts_of_others",
        'add "authlinc" to requires',
        imports(SERVICE, "from authlinc.contract import FindOrganization"),
    ),
    planted(
        "it_requires_only_what_it_imports", "nothing imports authlinc.contract", declared('requires=("authlinc",)')
    ),
    planted(
        "it_requires_only_what_it_imports",
        "leave one",
        imports(SERVICE, "from authlinc.contract import FindOrganization"),
        declared('requires=("authlinc",), optional=("authlinc",)'),
    ),
    planted("only_its_routes_know_http", "move it to NAME.routes", imports(SERVICE, "from litestar import Request")),
    planted(
        "it_keeps_off_the_inside_of_the_kernel",
        "use what the Context offers",
        imports(SERVICE, "from masterlinc.app import API"),
    ),
    planted(
        "what_others_name_is_in_its_contract",
        "request NAME.tasks.CountNotes: move it to contract.py",
        (
            TASKS,
            "TASKS = (\n",
            "class CountNotes(AddNote):\n    ...\n\nTASKS = (\n    Task(CountNotes, AddedNote, _add_note, 'A', 'ع'),\n",
        ),
    ),
    planted(
        "its_events_are_named_with_their_version",
        'write tag="NAME.something_happened.v1"',
        (CONTRACT, 'tag="NAME.note_added.v1"', 'tag="note_added"'),
        files=NO_GOLDEN,
    ),
    planted(
        "its_events_name_their_organization",
        "add organization_id: UUID",
        (CONTRACT, "    note_id: UUID\n    organization_id: UUID\n", "    note_id: UUID\n"),
        files={GOLDEN: f'{{"type": "NAME.note_added.v1", {IDS}}}'},
    ),
    planted(
        "its_events_hold_ids_and_states",
        "field text is neither a UUID",
        (CONTRACT, "    organization_id: UUID\n", "    organization_id: UUID\n    text: str\n"),
        files={GOLDEN: f'{{"type": "NAME.note_added.v1", {IDS}, {IDS.replace("note", "organization")}, "text": "a"}}'},
    ),
    planted("its_events_are_read_as_they_were_stored", "has no stored form: write it once to", files=NO_GOLDEN),
    planted(
        "its_events_are_read_as_they_were_stored",
        "is not read any more",
        (CONTRACT, "    note_id: UUID\n    organization_id", "    number: UUID\n    organization_id"),
    ),
    planted(
        "its_events_are_read_as_they_were_stored",
        "is written as",
        (CONTRACT, "    organization_id: UUID\n", "    organization_id: UUID\n    copy_of: UUID | None = None\n"),
    ),
    planted(
        "its_events_are_read_as_they_were_stored", "put it back", files={"tests/events/NAME.note_lost.v1.json": "{}"}
    ),
    planted(
        "its_events_are_read_as_they_were_stored_before",
        "give the field that it lacks a default",
        files={"tests/events/earlier/NAME.note_added.v1.first.json": f'{{"type": "NAME.note_added.v1", {IDS}}}'},
    ),
    planted(
        "its_events_are_read_as_they_were_stored_before",
        "put it back",
        files={"tests/events/earlier/NAME.note_lost.v1.first.json": "{}"},
    ),
    planted(
        "its_events_bear_fields_of_later_versions",
        "take forbid_unknown_fields out",
        (CONTRACT, 'tag="NAME.note_added.v1"', 'tag="NAME.note_added.v1", forbid_unknown_fields=True'),
    ),
    planted(
        "it_subscribes_to_what_there_is",
        "add it to publishes",
        (AGENT, "    publishes=(NoteAdded,),\n", ""),
        files=NO_GOLDEN,
    ),
    planted(
        "it_subscribes_to_what_there_is",
        "two subscriptions are called start_filing",
        (SUBSCRIBERS, "SUBSCRIPTIONS = (", "SUBSCRIPTIONS = 2 * ("),
    ),
    planted(
        "it_subscribes_to_what_there_is",
        "write async def",
        (SUBSCRIBERS, "NoteAdded, _start_filing)", "NoteAdded, print)"),
    ),
    planted(
        "its_tasks_can_be_called", "no two tasks of a version have the same", (TASKS, "TASKS = (", "TASKS = 2 * (")
    ),
    planted("its_tasks_can_be_called", "write async def", (TASKS, "        _file_note,", "        print,")),
    planted(
        "its_tasks_can_be_written_as_json", "has no JSON schema", (CONTRACT, "    text: str\n", "    text: complex\n")
    ),
    planted(
        "its_workflows_can_run",
        "needs task NAME.count_letters",
        (WORKFLOWS, '"NAME.count_words"', '"NAME.count_letters"'),
    ),
    planted(
        "its_workflows_can_run",
        "needs task NAME.forget_words",
        (WORKFLOWS, '"NAME.count_words"', '"NAME.count_words", undo="NAME.forget_words"'),
    ),
    planted(
        "its_workflows_can_run",
        "wait for each other",
        (WORKFLOWS, '"NAME.count_words"', '"NAME.count_words", after=("file_note",)'),
    ),
    planted("its_steps_are_given_ids", "takes no StepInput", (WORKFLOWS, '"NAME.count_words"', '"NAME.add_note"')),
    planted(
        "its_workflows_can_run",
        "runs NAME.moving, which no agent it requires has",
        (WORKFLOWS, 'Step("file_note", "NAME.file_note")', 'Step("file_note", workflow="NAME.moving")'),
    ),
    planted(
        "its_tools_are_offered_with_a_right",
        "is a step of a workflow: mend it, or take tool=True out",
        (TASKS, 'name="file_note",', 'name="file_note",\n        permission="RIGHT:write",\n        tool=True,'),
    ),
    planted(
        "its_schedules_start_workflows",
        "is no time that comes",
        declared(
            'schedules=(Schedule("nightly", "at night", "filing"),)', before="from masterlinc.agent import Schedule\n\n"
        ),
    ),
    planted(
        "its_schedules_start_workflows",
        "the agent has: filing",
        declared(
            'schedules=(Schedule("nightly", "0 3 * * *", "tidying"),)',
            before="from masterlinc.agent import Schedule\n\n",
        ),
    ),
    planted("its_migrations_are_numbered", 'write ID = "0001_notes"', (MIGRATION, 'ID = "0001_notes"', 'ID = "notes"')),
    planted(
        "its_migrations_are_numbered",
        "its number should be 0002",
        files={
            "NAME/migrations/0003_third.py": SECOND.replace("0002_second", "0003_third").replace(
                "MARK.exists()", "True"
            )
        },
    ),
)

STORED = (
    planted(
        "its_migrations_change_its_own_schema_only",
        "what is not in schema NAME: public",
        more_sql("CREATE TABLE public.NAME (id int);"),
    ),
    planted(
        "its_migrations_change_its_own_schema_only",
        "what is not in schema NAME: masterlinc",
        more_sql("GRANT SELECT ON masterlinc.token_key TO PUBLIC;"),
    ),
    planted(
        "its_last_migration_goes_on_from_the_one_before",
        "leaves something else on a database of the version before",
        files={"NAME/migrations/0002_second.py": SECOND},
    ),
    planted(
        "its_tables_are_secured",
        'add tenant_table_policy("NAME.note")',
        more_sql("ALTER TABLE NAME.note DISABLE ROW LEVEL SECURITY;"),
    ),
    planted(
        "its_policies_bind_every_read",
        "has no USING",
        more_sql("CREATE POLICY all_rows ON NAME.note WITH CHECK (true);"),
    ),
    planted(
        "its_keys_lead_with_the_organization",
        "write PRIMARY KEY (organization_id, id)",
        (MIGRATION, "PRIMARY KEY (organization_id, id)", "PRIMARY KEY (id, organization_id)"),
    ),
    planted(
        "its_organizations_are_never_empty",
        "NAME.tag.organization_id may be empty: write NOT NULL",
        NO_PICCOLO,
        more_sql("CREATE TABLE NAME.tag (organization_id uuid);"),
        open_tables={"tag": "the same for everybody"},
    ),
    planted(
        "its_keys_are_made_by_the_service",
        "leave it to masterlinc.ids.new_id",
        NO_PICCOLO,
        (MIGRATION, "    id uuid NOT NULL,", "    id uuid NOT NULL DEFAULT gen_random_uuid(),"),
    ),
    planted("its_amounts_are_exact", "use numeric(14,2)", NO_PICCOLO, column("fee real NOT NULL")),
    planted(
        "its_amounts_are_exact", "CHECK (fee >= 0 AND fee < 1e12)", NO_PICCOLO, column("fee numeric(14,2) NOT NULL")
    ),
    planted("its_sealed_columns_are_declared", "declare it as a SealedColumn", NO_PICCOLO, column("secret bytea")),
    planted("its_times_have_their_zone", "write timestamptz", NO_PICCOLO, column("seen_at timestamp")),
    planted(
        "its_foreign_keys_stay_at_home",
        "take ON DELETE and ON UPDATE out",
        more_sql("ALTER TABLE NAME.note ADD FOREIGN KEY (organization_id, id) REFERENCES NAME.note ON DELETE CASCADE;"),
    ),
    planted(
        "its_foreign_keys_stay_at_home",
        "a row could point into another organization",
        more_sql(
            "ALTER TABLE NAME.note ADD UNIQUE (id), ADD CONSTRAINT copy FOREIGN KEY (id) REFERENCES NAME.note (id);"
        ),
    ),
    planted(
        "the_role_app_may_use_and_not_change_its_tables",
        "may change or empty table NAME.note",
        more_sql("GRANT TRUNCATE ON NAME.note TO masterlinc_app;"),
    ),
    planted(
        "its_functions_of_the_owner_are_closed",
        "add SET search_path",
        more_sql(
            "CREATE FUNCTION NAME.all_notes() RETURNS bigint LANGUAGE sql SECURITY DEFINER"
            " AS 'SELECT count(*) FROM NAME.note';\nREVOKE ALL ON FUNCTION NAME.all_notes FROM PUBLIC;"
        ),
    ),
    planted(
        "its_functions_of_the_owner_are_closed",
        "add REVOKE ALL ON FUNCTION",
        more_sql(
            "CREATE FUNCTION NAME.all_notes() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog"
            " AS 'SELECT count(*) FROM NAME.note';"
        ),
    ),
    planted(
        "its_piccolo_tables_are_those_of_the_migrations",
        "words is integer in the database, integer NOT NULL in the Piccolo table",
        (TABLES, "words = Integer(null=True, default=None)", "words = Integer(default=None)"),
    ),
    planted(
        "its_piccolo_tables_are_those_of_the_migrations",
        "table NAME.tag is missing in tables=(…) of Agent",
        more_sql('CREATE TABLE NAME.tag (organization_id uuid PRIMARY KEY);\n{tenant_table_policy("NAME.tag")}'),
    ),
    planted(
        "its_piccolo_tables_run_in_our_transactions",
        "write default=None",
        (TABLES, "status = Text(default=None)", 'status = Text(default="new")'),
    ),
    planted(
        "its_piccolo_tables_run_in_our_transactions",
        "which Piccolo writes NULL over",
        (MIGRATION, "    status text NOT NULL CHECK", "    status text NOT NULL DEFAULT 'new' CHECK"),
    ),
)

RUN = (
    planted(
        "it_starts_and_is_well",
        "see what Agent(health=…) raises",
        (SERVICE, "        await queries.probe(tx)", "        raise RuntimeError(str(tx))"),
    ),
    planted("it_starts_and_is_well", "the key is missing", declared("lifespan=refuse", before=REFUSES)),
    planted(
        "it_may_be_disabled",
        "the helper needs NAME",
        imports(SERVICE, "from NAME_helper.contract import *"),
        declared('requires=("NAME_helper",)'),
        files={"NAME_helper/agent.py": HELPER, "NAME_helper/contract.py": "", "NAME_helper/__init__.py": ""},
    ),
    planted("its_demo_may_run_again", "look what is there before you add", declared("demo=demo", before=ADDS_AGAIN)),
)
