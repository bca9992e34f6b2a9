"""Writes random definitions: bounded nesting, every task type, references that mostly lead somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.oracle.definitions import every_step, steps

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

Object = dict[str, Any]
WORKERS = ("wa", "wb", "wc")
CHILDREN = ("child_two", "child_one")
FAILURE, MAIN = "undo", "main"
DEPTH_MAX = 3


class DefinitionWriter:
    """Writes the definitions of one case; a counter makes reference names unique."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._refs: list[str] = []
        self._counter = 0
        self._level = 0
        self._in_loop: str | None = None
        self._extra_defs: list[Object] = []

    # ---- task definitions

    def task_defs(self) -> list[Object]:
        """Definitions for the worker types, and for some system tasks met on the way."""
        return [self._task_def(name) for name in WORKERS] + self._extra_defs

    def _task_def(self, name: str) -> Object:
        rng = self.rng
        found: Object = {
            "name": name,
            "retryCount": rng.choice((0, 0, 1, 2)),
            "retryLogic": rng.choice(("FIXED", "LINEAR_BACKOFF", "EXPONENTIAL_BACKOFF")),
            "retryDelaySeconds": rng.choice((0, 1, 3)),
            "timeoutPolicy": rng.choice(("RETRY", "TIME_OUT_WF", "ALERT_ONLY")),
            "responseTimeoutSeconds": rng.choice((3, 9, 3600)),
        }
        if rng.random() < 0.3:
            found["backoffScaleFactor"] = 2
        if rng.random() < 0.3:
            found["maxRetryDelaySeconds"] = 4
        if rng.random() < 0.25:
            found["timeoutSeconds"] = rng.choice((13, 17))
            found["responseTimeoutSeconds"] = min(found["responseTimeoutSeconds"], 11)
        if rng.random() < 0.15:
            found["totalTimeoutSeconds"] = 41
            found["responseTimeoutSeconds"] = min(found["responseTimeoutSeconds"], 11)
        if rng.random() < 0.2:
            found["pollTimeoutSeconds"] = 7
        if rng.random() < 0.2:
            found["inputTemplate"] = {"t": "${workflow.input.s}", "n": 9}
        if rng.random() < 0.08:
            found["concurrentExecLimit"] = 1
        if rng.random() < 0.08:
            found["rateLimitPerFrequency"], found["rateLimitFrequencyInSeconds"] = 1, 5
        return found

    # ---- workflow definitions

    def workflow(self, name: str) -> Object:
        """One workflow definition."""
        rng = self.rng
        self._refs, self._level = [], {"child_two": 2, "child_one": 1, FAILURE: 2, MAIN: 0}[name]
        first = [] if name == MAIN and rng.random() < 0.6 else [self._simple()]
        found: Object = {
            "name": name,
            "tasks": first + self._steps(DEPTH_MAX - self._level, rng.randint(1, 4)),
        }
        if rng.random() < 0.5:
            found["outputParameters"] = {"o": self._value(), "all": "${workflow.variables}"}
        if rng.random() < 0.4:
            found["variables"] = {"v": 1}
        if rng.random() < 0.2:
            found["inputTemplate"] = {"n": 7, "extra": "e"}
        if rng.random() < 0.12:
            found["timeoutSeconds"] = rng.choice((23, 67))
            found["timeoutPolicy"] = rng.choice(("TIME_OUT_WF", "TIME_OUT_WF", "ALERT_ONLY"))
        if name != FAILURE and rng.random() < 0.2:
            found["failureWorkflow"] = rng.choice((FAILURE, FAILURE, "unknown", "$workflow.input.s"))
        return found

    def _steps(self, depth: int, count: int) -> list[Object]:
        found: list[Object] = []
        for _ in range(count):
            found.extend(self._one(depth))
        return found

    def _one(self, depth: int) -> list[Object]:
        kinds: list[tuple[Callable[[int], list[Object]], int]] = [
            (lambda _: [self._simple()], 40),
            (lambda _: [self._inline()], 6),
            (lambda _: [self._set_variable()], 6),
            (lambda _: [self._wait()], 6),
            (lambda _: [self._human()], 3),
            (lambda _: [self._plain("NOOP")], 3),
            (lambda _: [self._terminate()], 2),
            (lambda _: [self._jq()], 3),
            (lambda _: [self._event()], 3),
            (lambda _: [self._pull()], 3),
            (lambda _: [self._dynamic()], 4),
        ]
        if depth > 0:
            kinds += [(self._switch, 10), (self._fork, 10), (self._dynamic_fork, 7)]
            if self._in_loop is None:
                kinds.append((self._loop, 9))
            if self._level < 2:
                kinds.append((lambda _: [self._sub_workflow()], 9))
                kinds.append((lambda _: [self._start_workflow()], 4))
        chosen = self.rng.choices([k for k, _ in kinds], weights=[w for _, w in kinds])[0]
        return chosen(depth - 1)

    # ---- parts

    def _ref(self, prefix: str) -> str:
        self._counter += 1
        return f"{prefix}{self._counter}"

    def _plain(self, kind: str, name: str = "") -> Object:
        ref = self._ref(kind[:2].lower().strip("_"))
        return {"name": name or kind.lower() + "_step", "taskReferenceName": ref, "type": kind}

    def _flagged(self, step: Object, *, retries: bool = False) -> Object:
        rng = self.rng
        if rng.random() < 0.08:
            step["optional"] = True
        if rng.random() < 0.06:
            step["permissive"] = True
        if retries and rng.random() < 0.12:
            step["retryCount"] = rng.choice((0, 1, 2))
        return step

    def _seen(self, step: Object) -> Object:
        """Lets later steps refer to this one."""
        self._refs.append(step["taskReferenceName"])
        return step

    def _value(self) -> Any:
        rng = self.rng
        ref = rng.choice(self._refs) if self._refs else None
        choices: list[Any] = [
            rng.randint(0, 9),
            "${workflow.input.n}",
            "${workflow.input.deep.k[?(@.n==1)].s}",
            "${workflow.input.list}",
            "${workflow.variables.v}",
            "n=${workflow.input.n}, s=${workflow.input.s}, none=${workflow.input.none}",
            {"k": ["${workflow.input.s}", True, None], "e": "$${workflow.input.n}"},
        ]
        if ref is not None:
            choices += [
                f"${{{ref}.output.n}}",
                f"${{{ref}.output}}",
                f"<${{{ref}.output.s}}|${{{ref}.status}}>",
                f"${{{ref}.output.list[0]}}",
                f"${{{ref}.output.${{workflow.input.key}}}}",
            ]
        if self._in_loop is not None:
            choices += [f"${{{self._in_loop}.output.iteration}}", f"${{{self._in_loop}.output.loopItem}}"]
        return rng.choice(choices)

    def _inputs(self) -> Object:
        return {key: self._value() for key in self.rng.sample(("x", "y", "z"), self.rng.randint(0, 2))}

    def _simple(self) -> Object:
        name = self.rng.choice(WORKERS)
        step: Object = {"name": name, "taskReferenceName": self._ref("t"), "inputParameters": self._inputs()}
        if self.rng.random() < 0.06:
            step["startDelay"] = 3
        return self._seen(self._flagged(step, retries=True))

    def _dynamic(self) -> Object:
        """A step whose type the input names; now and then there is none of that name (S-21)."""
        rng = self.rng
        step = self._plain("DYNAMIC", "any")
        step["dynamicTaskNameParam"] = "which"
        kind = rng.choice((*WORKERS, "INLINE", "WAIT", "HUMAN", "NOOP", "SET_VARIABLE", "unheard"))
        step["inputParameters"] = self._inputs() | {
            "which": kind,
            "expression": rng.choice(("$.which", "", "$.duration")),
            "duration": rng.choice(("2 seconds", "0 seconds", "soon")),
        }
        return self._seen(self._flagged(step, retries=True))

    def _inline(self) -> Object:
        rng = self.rng
        if rng.random() < 0.25:
            step = self._plain("LAMBDA")
            script = rng.choice(("return $.n + 1;", "return $.s == 'a' ? 'p' : 'q';", "return $.none.x;"))
            step["inputParameters"] = {
                "n": self._value(),
                "s": "${workflow.input.s}",
                "scriptExpression": script,
            }
            return self._seen(self._flagged(step, retries=True))
        step = self._plain("INLINE")
        script = rng.choices(
            ("$.n > 2", "$.s == 'a' ? 'p' : 'q'", "$.s + '!'", "$.missing == null", "$.none.x"),
            weights=(4, 4, 4, 2, 1),
        )[0]
        step["inputParameters"] = {
            "evaluatorType": "javascript",
            "expression": script,
            "n": rng.choice((1, "${workflow.input.n}")),
            "s": "${workflow.input.s}",
        }
        return self._seen(self._flagged(step))

    def _jq(self) -> Object:
        rng = self.rng
        step = self._plain("JSON_JQ_TRANSFORM")
        filters = (".n, .s", "{n: .n, s: .s}", ".n | select(. > 2)", ".none.x", ".s.x", ".n +")
        step["inputParameters"] = {
            "queryExpression": rng.choices(filters, weights=(4, 4, 4, 2, 1, 1))[0],
            "n": rng.choice((1, "${workflow.input.n}")),
            "s": "${workflow.input.s}",
        }
        return self._seen(self._flagged(step, retries=True))

    def _event(self) -> Object:
        rng = self.rng
        step = self._plain("EVENT")
        sinks = ("conductor", "conductor:${workflow.input.s}", "kafka:topic", "${workflow.input.s}")
        step["sink"] = rng.choices(sinks, weights=(5, 5, 1, 1))[0]
        step["inputParameters"] = self._inputs()
        if rng.random() < 0.3:
            step["asyncComplete"] = True
        return self._seen(self._flagged(step, retries=True))

    def _pull(self) -> Object:
        rng = self.rng
        step = self._plain("PULL_WORKFLOW_MESSAGES")
        step["inputParameters"] = {"blocking": rng.random() < 0.5, "batchSize": rng.choice((1, 2, 5))}
        if rng.random() < 0.1:
            step["startDelay"] = 3
        return self._seen(self._flagged(step))

    def _start_workflow(self) -> Object:
        rng = self.rng
        step = self._plain("START_WORKFLOW")
        name = "child_two" if self._level == 1 else rng.choice(CHILDREN)
        request: Object = {
            "name": name,
            "input": {"n": self._value(), "s": "${workflow.input.s}", "list": [1]},
        }
        if rng.random() < 0.2:
            request |= rng.choice(
                ({"name": "unknown"}, {"version": 9}, {"priority": 100}, {"correlationId": "own"})
            )
        step["inputParameters"] = {"startWorkflow": request}
        return self._seen(self._flagged(step, retries=True))

    def _set_variable(self) -> Object:
        step = self._plain("SET_VARIABLE")
        step["inputParameters"] = {self.rng.choice(("v", "u")): self._value()}
        return step

    def _wait(self) -> Object:
        step = self._plain("WAIT")
        length = self.rng.choice(("2s", "19 seconds", "1m 3s", None, None))
        if length is not None:
            step["inputParameters"] = {"duration": length}
        return self._seen(self._flagged(step))

    def _human(self) -> Object:
        step = self._plain("HUMAN", f"human_{self._counter}")
        step["inputParameters"] = self._inputs()
        if self.rng.random() < 0.25:
            policy = self.rng.choice(("RETRY", "TIME_OUT_WF", "ALERT_ONLY"))
            self._extra_defs.append(
                {
                    "name": step["name"],
                    "timeoutSeconds": 29,
                    "responseTimeoutSeconds": 5,
                    "timeoutPolicy": policy,
                    "retryCount": 1,
                    "retryDelaySeconds": 1,
                }
            )
        return self._seen(self._flagged(step))

    def _terminate(self) -> Object:
        step = self._plain("TERMINATE")
        status = self.rng.choice(("COMPLETED", "FAILED", "TERMINATED"))
        step["inputParameters"] = {"terminationStatus": status, "workflowOutput": self._value()}
        if self.rng.random() < 0.5:
            step["inputParameters"]["terminationReason"] = "enough"
        return step

    def _sub_workflow(self) -> Object:
        step = self._plain("SUB_WORKFLOW", "sub_step")
        name = "child_two" if self._level == 1 else self.rng.choice(CHILDREN)
        step["subWorkflowParam"] = {"name": name}
        if self.rng.random() < 0.4:
            step["subWorkflowParam"]["version"] = 1
        step["inputParameters"] = {"n": self._value(), "s": "${workflow.input.s}", "list": [1, 2]}
        return self._seen(self._flagged(step, retries=True))

    def _switch(self, depth: int) -> list[Object]:
        rng = self.rng
        subject = f"${{{rng.choice(self._refs)}.output.s}}" if self._refs else "${workflow.input.s}"
        cases = {
            key: self._steps(depth, rng.randint(0, 2))
            for key in rng.sample(("a", "b", "p"), rng.randint(1, 2))
        }
        default = self._steps(depth, rng.randint(0, 1))
        if rng.random() < 0.15:
            step = self._plain("DECISION")
            step.update(caseValueParam="s", inputParameters={"s": subject})
        elif rng.random() < 0.5:
            step = self._plain("SWITCH")
            step.update(evaluatorType="value-param", expression="s", inputParameters={"s": subject})
        else:
            step = self._plain("SWITCH")
            script = rng.choice(("$.s", "$.s == 'a' ? 'p' : 'b'", "$.n > 2 ? 'a' : $.s"))
            step.update(evaluatorType="javascript", expression=script)
            step["inputParameters"] = {"s": subject, "n": "${workflow.input.n}"}
        step.update(decisionCases=cases, defaultCase=default)
        return [step]

    def _fork(self, depth: int) -> list[Object]:
        rng = self.rng
        branches = [self._steps(depth, rng.randint(1, 2)) for _ in range(rng.randint(1, 3))]
        ends = [
            b[-1]["taskReferenceName"]
            for b in branches
            if b[-1]["type" if "type" in b[-1] else "name"] != "TERMINATE"
        ]
        if rng.random() < 0.05:
            branches.append([])
        if ends and rng.random() < 0.1:
            ends.pop()
        fork = self._plain("FORK_JOIN")
        fork["forkTasks"] = branches
        join = self._flagged({**self._plain("JOIN"), "joinOn": ends})
        return [fork, join]

    def _dynamic_fork(self, _depth: int) -> list[Object]:
        rng = self.rng
        fork, join = self._plain("FORK_JOIN_DYNAMIC"), self._plain("JOIN")
        form = rng.choice(("list", "list", "from_input", "tasks", "legacy", "broken"))
        if form in {"list", "from_input"}:
            elements: Any = [rng.choice(({"k": 1}, "e", 3, None)) for _ in range(rng.randint(0, 3))]
            if form == "from_input":
                elements = "${workflow.input.list}"
            fork["inputParameters"] = {"forkTaskInputs": elements, "forkTaskName": rng.choice(WORKERS)}
            fork["dynamicForkJoinTasksParam"] = "unused"
        elif form == "tasks":
            refs = [self._ref("d") for _ in range(rng.randint(0, 3))]
            fork.update(dynamicForkTasksParam="tasks", dynamicForkTasksInputParamName="inputs")
            fork["inputParameters"] = {
                "tasks": [self._flagged({"name": rng.choice(WORKERS), "taskReferenceName": r}) for r in refs],
                "inputs": {r: {"v": "$${workflow.input.n}", "w": i} for i, r in enumerate(refs)},
            }
        elif form == "legacy":
            refs = [self._ref("d") for _ in range(rng.randint(1, 2))]
            fork["dynamicForkJoinTasksParam"] = "tasks"
            children = [
                {"taskName": rng.choice(WORKERS), "referenceName": r, "input": {"v": 1}} for r in refs
            ]
            fork["inputParameters"] = {"tasks": {"dynamicTasks": children}}
        else:
            fork["dynamicForkJoinTasksParam"] = "none"
        return [fork, join]

    def _loop(self, depth: int) -> list[Object]:
        rng = self.rng
        loop = self._plain("DO_WHILE")
        self._in_loop = ref = loop["taskReferenceName"]
        body = self._steps(depth, rng.randint(1, 2))
        self._in_loop = None
        loop["loopOver"] = body
        inputs: Object = {}
        if rng.random() < 0.4:
            loop["items"] = rng.choice(("${workflow.input.list}", "${workflow.input.none}"))
            if rng.random() < 0.3:
                loop["loopCondition"] = "$.loopIndex < 1"
        elif rng.random() < 0.5:
            loop["loopCondition"] = f"$.{ref}['iteration'] < {rng.randint(1, 3)}"
        else:
            inputs = {"limit": rng.randint(1, 3)}
            loop["loopCondition"] = f"$.{ref}.iteration < $.limit && $.{ref}.iteration < 4"
        # The contract leaves open what becomes of children made from data in iterations that are dropped.
        if rng.random() < 0.15 and not any(
            s.raw.get("type") == "FORK_JOIN_DYNAMIC" for s in every_step(steps(body))
        ):
            inputs["keepLastN"] = rng.choice((1, 2))
        loop["inputParameters"] = inputs
        return [self._seen(self._flagged(loop))]
