"""Logs hold listed fields, one line each, and nothing that a person said."""

import json
import logging
import subprocess
import sys

import pytest

from masterlinc.observe.logs import JsonFormatter, PrettyFormatter, logger
from masterlinc.observe.requests import seen

EVIL = 'line\r\nbreak "}{" \x1b[31m red \u202e bidi \u2028 %s ${jndi}'


def record(write, caplog):
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "masterlinc"):
        write()
    return caplog.records[-1]


@pytest.mark.parametrize("formatter", [JsonFormatter(), PrettyFormatter()])
def test_attack_64_a_value_cannot_leave_its_line(formatter, caplog):
    line = formatter.format(record(lambda: logger.info(EVIL, reason=EVIL, name=EVIL), caplog))
    assert len(line.splitlines()) == 1 or formatter.__class__ is JsonFormatter
    assert "\n" not in line
    assert "\r" not in line
    assert "\x1b" not in line


def test_a_json_line_can_be_read_again(caplog):
    line = json.loads(
        JsonFormatter().format(record(lambda: logger.warning("x", reason=EVIL, ms=1.5, attempts=3), caplog))
    )
    assert (line["level"], line["event"], line["reason"], line["ms"], line["attempts"]) == (
        "warning",
        "x",
        EVIL,
        1.5,
        3,
    )
    assert line["at"].endswith("Z")


def test_a_field_that_is_not_listed_is_refused():
    with pytest.raises(ValueError, match="patient_name"):
        logger.info("x", patient_name="سلمى")


@pytest.mark.parametrize("formatter", [JsonFormatter(), PrettyFormatter()])
def test_a_fault_is_written_without_its_message(formatter, caplog):
    def look_up():
        try:
            {}["1034567892"]
        except KeyError as cause:
            raise RuntimeError("patient سلمى 1034567892") from cause

    def fail():
        try:
            look_up()
        except RuntimeError as fault:
            logger.fault("broken", fault, trace_id="t")

    line = formatter.format(record(fail, caplog))
    assert "RuntimeError" in line
    assert "KeyError" in line
    assert "test_logs.py" in line
    assert "1034567892" not in line
    assert "سلمى" not in line


def test_exceptions_of_other_libraries_lose_their_message_too(caplog):
    def fail():
        try:
            int("1034567892x")
        except ValueError:
            logging.getLogger("masterlinc.other").exception("went wrong")

    line = JsonFormatter().format(record(fail, caplog))
    assert "1034567892" not in line
    assert json.loads(line)["fault"] == "ValueError"


def test_a_request_is_one_line_with_its_template_and_not_its_path(caplog):
    scope = {"method": "GET", "path": "/patients/PAT-1", "path_template": "/patients/{id}", "state": {"trace_id": "t"}}
    line = JsonFormatter().format(record(lambda: seen(scope, 200, 0.0123), caplog))
    assert "PAT-1" not in line
    assert (json.loads(line)["route"], json.loads(line)["ms"]) == ("/patients/{id}", 12.3)


def test_requests_that_went_well_are_for_debugging(caplog):
    scope = {"method": "GET", "path": "/x", "state": {}}
    with caplog.at_level(logging.INFO, "masterlinc"):
        seen(scope, 201, 0.1)
        assert caplog.records == []
        seen(scope, 404, None)
    assert [record.facts["status"] for record in caplog.records] == [404]


@pytest.mark.parametrize("formatter", [JsonFormatter(), PrettyFormatter()])
def test_a_library_says_its_words_without_the_values(formatter, caplog):
    def say():
        logging.getLogger("httpcore.http11").warning("receive_headers.complete return_value=%r", "سلمى")

    line = formatter.format(record(say, caplog))
    assert "httpcore.http11: receive_headers.complete return_value=%r" in line
    assert "سلمى" not in line


def test_what_a_library_puts_on_further_lines_is_left_out(caplog):
    line = JsonFormatter().format(record(lambda: logging.getLogger("asyncio").error("never retrieved\nسلمى"), caplog))
    assert json.loads(line)["event"] == "asyncio: never retrieved"


def test_words_of_others_in_our_lines_are_redacted_and_ids_stay(caplog):
    trace = "0af7651916cd43dd8448eb211c80319c"
    line = json.loads(
        JsonFormatter().format(record(lambda: logger.info("x", reason="token=4711", trace_id=trace), caplog))
    )
    assert (line["reason"], line["trace_id"]) == ("[…]", trace)


def test_what_nobody_caught_is_written_without_its_message():
    """Python itself would show the message and the lines of the code."""
    script = (
        "from masterlinc.observe.logs import configure; import threading; configure()\n"
        "def fail(): raise ValueError('1034567892')\n"
        "thread = threading.Thread(target=fail); thread.start(); thread.join()\n"
        "import warnings; warnings.warn('careful with 1034567892')\n"
        "fail()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 1
    assert [line["event"] for line in lines if "fault" in line] == ["uncaught", "uncaught"]
    assert "1034567892" not in done.stderr
