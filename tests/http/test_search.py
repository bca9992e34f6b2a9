"""Searches over a live server: grammar, free text, pages, tasks, both shapes (rest-api 10, B-15, B-16)."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from tests.conftest import running
from tests.http.calls import define, ended, finish, poll, read, simple, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Server

pytestmark = pytest.mark.usefixtures("core")

# Words of payloads and rows of tasks are kept where they are asked for.
WORDS = {"FASTCOND_SEARCH_TEXT": "on", "FASTCOND_SEARCH_TASKS": "on"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("data"), env=WORDS) as started:
        yield started


def search(server: Server, path: str = "workflow/search", **params: object) -> dict[str, Any]:
    """Return a page of results."""
    answer = server.call("GET", f"/api/{path}?{urlencode(params)}")
    assert answer.status == 200, answer.body
    page: dict[str, Any] = answer.json()
    return page


def ids(page: dict[str, Any]) -> list[str]:
    """Return which executions a page holds, in its order."""
    return [each["workflowId"] for each in page["results"]]


def begun(server: Server, name: str, **body: object) -> str:
    """Start an execution with more than a name."""
    answer = server.call("POST", "/api/workflow", {"name": name, "version": 1, "input": {}, **body})
    assert answer.status == 200, answer.body
    return answer.body.decode()


def test_what_was_just_started_or_ended_is_found_with_its_true_status(server: Server) -> None:
    """B-13.3, B-15.6: no search tells an older state than was acknowledged, in either shape."""
    define(server, "true_status", [simple("true_task")])
    for _ in range(20):
        one = start(server, "true_status")
        query = f"workflowId='{one}' AND status IN (RUNNING)"
        assert ids(search(server, query=query)) == [one]
        finish(server, poll(server, "true_task"))
        for path in ("workflow/search", "workflow/search-v2"):
            page = search(server, path, query=f"workflowId = '{one}'")
            assert [each["status"] for each in page["results"]] == ["COMPLETED"]
            assert page["totalHits"] == 1
        task = search(server, "tasks/search", query=f"workflowId = '{one}'")["results"][0]
        assert task["status"] == "COMPLETED"


@pytest.mark.parametrize("path", ["workflow/search", "workflow/search-by-tasks", "tasks/search"])
def test_search_text_is_parsed(server: Server, path: str) -> None:
    """H20-H24, B-15.7: what is sent is read as the grammar says or refused with its place, never a fault."""
    refused = [
        ("query", ") OR 1=1"),
        ("query", "status = 'A"),
        ("query", "status = 'A' AND"),
        ("query", "(" * 40 + "status=A" + ")" * 40),
        ("query", "status = 'A'; DROP TABLE executions"),
        ("query", "nothing = 1"),
        ("query", "startTime > yesterday"),
        ("sort", "startTime:DESC;DROP TABLE executions"),
        ("sort", "(SELECT 1):ASC"),
        ("sort", "status:SIDEWAYS"),
    ]
    for field, text in refused:
        answer = server.call("GET", f"/api/{path}?{urlencode({field: text})}")
        assert answer.status == 400, (text, answer.body)
        assert "at position" in answer.json()["message"], text
    answered = [
        *("%", "_", "'", "''", '"', "\\", ") OR 1=1", '" OR "', "NEAR(a b)", "words:x", "-", "^a", "OR"),
        *("*", "{}", '{"a":1}', "\0", "É", "e\u0301", "\U0001f4e6", "\u202e", "a NOT b", "(", "input:a*"),
    ]
    for text in answered:
        answer = server.call("GET", f"/api/{path}?{urlencode({'freeText': text, 'size': 1})}")
        assert answer.status == 200, (text, answer.body)
    for value in ("% _", "'; DROP TABLE executions; --", "x') OR ('1'='1", "\U0001f4e6"):
        query = "status = '" + value.replace("'", "\\'") + "'"
        answer = server.call("GET", f"/api/{path}?{urlencode({'query': query})}")
        assert (answer.status, answer.json()["totalHits"]) == (200, 0), (value, answer.body)


def test_free_text_finds_words_of_payloads_and_task_names(server: Server) -> None:
    """B-15.4: words, their beginnings and phrases of input, output, reason, names; ANDed with the query."""
    define(server, "texts", [simple("bake_bread")])
    one = begun(server, "texts", correlationId="ticket-4711", input={"note": "Crème brûlée\nfor table nine"})
    other = begun(server, "texts", input={"note": "nine tables", "deep": [{"er": "zebra"}]})
    for text, expected in [
        ("brulee", {one}),
        ("nine", {one, other}),
        ('"table nine"', {one}),
        ('"nine table"', set()),
        ("tab*", {one, other}),
        ("tab", set()),
        ("zebra nine", {other}),
        ("zebra brulee", set()),
        ("zebra OR brulee", {one, other}),
        ("ticket-4711", {one}),
        ("bread", {one, other}),
        ("bake_bread", {one, other}),
        ("RUNNING zebra", {other}),
        (one, {one}),
        ("!!", set()),
    ]:
        page = search(server, freeText=text, query="workflowType = texts")
        assert (set(ids(page)), page["totalHits"]) == (expected, len(expected)), text
    task = poll(server, "bake_bread")
    finish(server, task, outputData={"crumb": "sourdough"})
    ended(server, task["workflowInstanceId"])
    assert ids(search(server, freeText="sourdough")) == [task["workflowInstanceId"]]
    assert ids(search(server, freeText="sourdough RUNNING")) == []
    assert server.call("DELETE", f"/api/workflow/{task['workflowInstanceId']}/remove").status == 200
    assert search(server, freeText="sourdough") == {"totalHits": 0, "results": []}


def test_masked_payloads_are_not_found(server: Server) -> None:
    """S-92.7: what nobody may read nobody may find out by searching."""
    define(server, "masks", [simple("mask_task")], maskedFields=["pin"])
    one = begun(server, "masks", input={"pin": "swordfish"})
    assert search(server, freeText="swordfish")["totalHits"] == 0
    assert ids(search(server, freeText="mask_task", query="workflowType=masks")) == [one]
    summary = search(server, "tasks/search", query="taskType = mask_task")["results"][0]
    assert "swordfish" not in str(summary)


def test_tasks_are_searched_sorted_and_paged(server: Server) -> None:
    """Rest-api 5 rows 19 and 20: fields of the task and of its execution, both shapes."""
    define(server, "two_tasks", [simple("first_of_two"), simple("second_of_two")])
    started = [begun(server, "two_tasks", correlationId=f"pair {number}") for number in range(4)]
    for _ in started:
        finish(server, poll(server, "first_of_two"))
    both = "taskDefName IN (first_of_two,second_of_two)"
    assert search(server, "tasks/search", query=both, size=3)["totalHits"] == 8
    open_ = search(server, "tasks/search", query=f"{both} AND status = 'SCHEDULED'")
    assert [each["taskDefName"] for each in open_["results"]] == ["second_of_two"] * 4
    page = search(
        server, "tasks/search", query=both, sort="taskDefName:DESC|scheduledTime:ASC", start=3, size=2
    )
    assert [each["taskDefName"] for each in page["results"]] == ["second_of_two", "first_of_two"]
    summary = search(server, "tasks/search", query=f"workflowId={started[0]} AND endTime > 0")["results"][0]
    task = next(t for t in read(server, started[0])["tasks"] if t["status"] == "COMPLETED")
    assert summary["workflowType"] == "two_tasks"
    assert summary["correlationId"] == "pair 0"
    assert summary["executionTime"] == task["endTime"] - task["startTime"]
    assert summary["queueWaitTime"] == task["startTime"] - task["scheduledTime"]
    assert summary["startTime"].endswith("Z")
    assert isinstance(summary["input"], str)
    by_id = search(server, "tasks/search-v2", query=f"taskId = '{task['taskId']}'")
    assert (by_id["totalHits"], by_id["results"][0]) == (1, task)
    of_pair = search(server, "tasks/search", query="correlationId = 'pair 2' AND taskType = 'first*'")
    assert ids(of_pair) == [started[2]]
    named = search(server, "tasks/search", freeText="second_of", query="workflowType=two_tasks")
    assert named["totalHits"] == 4


def test_executions_are_found_by_their_tasks(server: Server) -> None:
    """Rest-api 10: distinct executions; the total is that of tasks less what the page folded together."""
    define(server, "by_tasks", [simple("by_task_a"), simple("by_task_b")])
    one, other = start(server, "by_tasks"), start(server, "by_tasks")
    first = poll(server, "by_task_a")
    finish(server, first)
    for path in ("workflow/search-by-tasks", "workflow/search-by-tasks-v2"):
        page = search(server, path, query="taskType IN (by_task_a,by_task_b)")
        assert (set(ids(page)), page["totalHits"]) == ({one, other}, 2)
        done = search(server, path, query="taskType=by_task_a AND status=COMPLETED")
        assert ids(done) == [first["workflowInstanceId"]]
    assert page["results"][0]["tasks"] == []


def test_bulk_search_gives_each_that_is_there(server: Server) -> None:
    """Rest-api 4: models for ids that exist, messages for those that do not."""
    define(server, "bulk_found", [simple("bulk_task")])
    one = start(server, "bulk_found")
    answer = server.call("POST", "/api/workflow/bulk/search", [one, "no-such-id"])
    assert answer.status == 200
    found = answer.json()
    assert list(found["bulkErrorResults"]) == ["no-such-id"]
    [model] = found["bulkSuccessfulResults"]
    assert (model["workflowId"], len(model["tasks"])) == (one, 1)
    assert model["updatedTime"] == read(server, one)["updateTime"]
    bare = server.call("POST", "/api/workflow/bulk/search?includeTasks=false", [one]).json()
    assert bare["bulkSuccessfulResults"][0]["tasks"] == []
    assert server.call("POST", "/api/workflow/bulk/search", []).status == 400


def test_pages_sorts_and_filters_of_the_list(server: Server) -> None:
    """Rest-api 10: bar-separated sort, `classifier`, `topLevelOnly`, a bound on the page."""
    sub = {"name": "sub_listed", "taskReferenceName": "s", "type": "SUB_WORKFLOW"}
    define(server, "listed_child", [simple("listed_task")])
    sub["subWorkflowParam"] = {"name": "listed_child", "version": 1}  # type: ignore[assignment]
    define(server, "listed_parent", [sub])
    parents = [begun(server, "listed_parent", priority=number % 2) for number in range(4)]
    query = "workflowType = 'listed*'"
    assert search(server, query=query)["totalHits"] == 8
    assert set(ids(search(server, query=query, topLevelOnly="true"))) == set(parents)
    assert search(server, query=query, classifier="workflow")["totalHits"] == 8
    assert search(server, query=query, classifier="agent")["totalHits"] == 0
    of_parents = "workflowType = listed_parent"
    page = search(server, query=of_parents, sort="priority:DESC|startTime:ASC", start=1, size=2)
    assert [each["priority"] for each in page["results"]] == [1, 0]
    assert page["totalHits"] == 4
    for path in ("workflow/search", "tasks/search"):
        assert server.call("GET", f"/api/{path}?size=5001").status == 400


def test_index_loses_no_row(tmp_path: Path) -> None:
    """G15: what is found after a kill, and from an index made anew, is what was found before it."""
    questions = [
        ("workflow/search", {"query": "status = COMPLETED"}),
        ("workflow/search", {"freeText": "marker"}),
        ("workflow/search", {"freeText": "marker COMPLETED"}),
        ("tasks/search", {"query": "taskDefName = kept_task", "sort": "taskId"}),
        ("tasks/search", {"query": "status IN (SCHEDULED,IN_PROGRESS)", "sort": "taskId"}),
    ]

    def found(server: Server) -> list[Any]:
        pages = [search(server, path, size=500, **params) for path, params in questions]
        return [(page["totalHits"], sorted(map(str, page["results"]))) for page in pages]

    with running(tmp_path, env=WORDS) as server:
        define(server, "kept", [simple("kept_task")])
        for number in range(60):
            begun(server, "kept", input={"marker": number})
        for number in range(40):
            finish(server, poll(server, "kept_task"))
            if number == 20:
                # The archive takes over now, so that some of it is in its file and some in the journal alone.
                search(server)
        server.stop(number=signal.SIGKILL)
    with running(tmp_path, env=WORDS) as server:
        before = found(server)
        assert [total for total, _ in before] == [40, 60, 40, 60, 20]
        assert server.stop() == 0
    for way in ("off", "on"):
        with running(tmp_path, env={"FASTCOND_SEARCH_TEXT": way, "FASTCOND_SEARCH_TASKS": way}) as server:
            if way == "on":
                assert found(server) == before
            else:
                assert server.call("GET", "/api/tasks/search").status == 501
                assert search(server, freeText="kept")["totalHits"] == 60
                assert search(server, freeText="marker")["totalHits"] == 0
            assert server.stop() == 0


def test_times_are_utc_everywhere(tmp_path: Path) -> None:
    """G14: a server in another zone finds and shows the same instants, as text in UTC."""
    with running(tmp_path, env={"TZ": "Pacific/Kiritimati", **WORDS}) as server:
        define(server, "zoned", [simple("zoned_task")])
        one = start(server, "zoned")
        finish(server, poll(server, "zoned_task"))
        whole = ended(server, one)
        [summary] = search(server, query=f"startTime = {whole['startTime']}")["results"]
        [again] = search(server, query=f"startTime = '{summary['startTime']}'")["results"]
        assert again == summary
        assert summary["endTime"].endswith("Z")
        [task] = search(server, "tasks/search", query=f"endTime = {whole['tasks'][0]['endTime']}")["results"]
        [same] = search(server, "tasks/search", query=f"endTime >= {task['endTime']}")["results"]
        assert same == task
