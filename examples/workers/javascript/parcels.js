// Fifty parcels through a server with the published package; every result is checked.
//
//   node parcels.js http://127.0.0.1:8080/api
//
// Prints what was counted and ends with 0, or prints what is wrong and ends with 1.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { OrkesClients, TaskHandler } from "@io-orkes/conductor-javascript";
import { PACK, taskDefinitions, workflows } from "./definitions.js";
import { DOMAIN, packedBy, workers } from "./workers.js";

const END_MS_MAX = 60_000;
const OVER = ["COMPLETED", "FAILED", "TERMINATED", "TIMED_OUT"];
const url = process.argv[2] ?? "http://127.0.0.1:8080/api";
const clients = await OrkesClients.from({ serverUrl: url });
const executor = clients.getWorkflowClient();
const tasks = clients.getTaskClient();
const metadata = clients.getMetadataClient();
const counts = { started: 0, terminated: 0, retried: 0 };
const complaints = [];

// Notes a difference; the run goes on, so that all of them are seen at once.
function expect(what, found, wanted) {
  if (!isDeepStrictEqual(found, wanted)) {
    complaints.push(`${what}: found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`);
  }
}

// Starts a workflow and returns its id; a domain sends its packing to the workers upstairs.
async function start(name, n, input = {}, domain = undefined) {
  counts.started += 1;
  return executor.startWorkflow({
    name, version: 1, correlationId: `${name}-${n}`, input: { n, ...input },
    ...(domain && { taskToDomain: { [PACK]: domain } }),
  });
}

// Returns the execution once it has one of these statuses; bounded.
async function until(id, statuses = OVER) {
  const deadline = Date.now() + END_MS_MAX;
  while (Date.now() < deadline) {
    const { status } = await executor.getWorkflowStatus(id, false, false);
    if (statuses.includes(status)) return executor.getExecution(id, true);
    await pause(50);
  }
  throw new Error(`${id} is not ${statuses} after ${END_MS_MAX} ms`);
}

const range = (from, to) => Array.from({ length: to - from }, (_, k) => from + k);
const all = (numbers, one) => Promise.all(numbers.map(one));

async function register() {
  await metadata.registerTasks(taskDefinitions());
  const { retryCount, retryDelaySeconds } = await metadata.getTask(PACK);
  expect("task definition", [retryCount, retryDelaySeconds], [2, 0]);
  for (const workflow of workflows(executor)) {
    await workflow.register(true);
    const stored = await metadata.getWorkflowDef(workflow.getName(), 1);
    expect(workflow.getName(), stored.ownerEmail, "parcels@example.com");
  }
}

// Twelve chains: plain, stumbling, breaking and retried, and four packed in a domain.
async function chains() {
  const moods = { 5: "stumble", 6: "stumble", 7: "break" };
  const ids = await all(range(0, 12), (n) =>
    start("js_chain", n, n in moods ? { mood: moods[n] } : {}, n >= 8 ? DOMAIN : undefined));
  const failed = await until(ids[7]);
  expect("broken chain", [failed.status, failed.tasks[0].status], ["FAILED", "FAILED_WITH_TERMINAL_ERROR"]);
  await executor.retry(ids[7], false);
  for (const [n, id] of ids.entries()) {
    const ended = await until(id, ["COMPLETED"]);
    expect(`chain ${n}`, ended.output, { shipped: n });
    const attempts = ended.tasks.filter((task) => task.taskDefName === PACK).length;
    expect(`attempts of chain ${n}`, attempts, n in moods ? 2 : 1);
    counts.retried += attempts - 1;
  }
  expect("packed upstairs", packedBy.upstairs, 4);
  const { taskId } = (await executor.getExecution(ids[0], true)).tasks[0];
  await tasks.addTaskLog(taskId, "seen by hand");
  const logs = (await tasks.getTaskLogs(taskId)).map((line) => line.log);
  // The package sends this text as JSON, quotes included, and Conductor keeps what it gets.
  expect("logs", logs, ["packing 0", '"seen by hand"']);
  counts["log lines"] = logs.length;
}

// Eight forks, eight switches, eight sub-workflows, six dynamic forks.
async function forks() {
  const parts = range(0, 3).map((k) => ({ name: PACK, taskReferenceName: `part_${k}`, type: "SIMPLE" }));
  const inputs = Object.fromEntries(range(0, 3).map((k) => [`part_${k}`, { n: k }]));
  const forked = await all(range(0, 8), (n) => start("js_fork", n));
  const switched = await all(range(0, 8), (n) => start("js_switch", n, { kind: n % 2 ? "express" : "slow" }));
  const nested = await all(range(0, 8), (n) => start("js_sub", n));
  const dynamic = await all(range(0, 6), (n) => start("js_dynamic", n, { tasks: parts, inputs }));
  for (const [n, id] of forked.entries()) expect("fork", (await until(id)).output, { packed: [n, n] });
  for (const [n, id] of switched.entries()) {
    const ran = (await until(id)).tasks.map((task) => task.referenceTaskName).sort();
    expect("switch", ran, n % 2 ? ["route", "ship"] : ["pack", "route"]);
  }
  for (const [n, id] of nested.entries()) expect("sub-workflow", (await until(id)).output, { shipped: n });
  for (const id of dynamic) {
    const wanted = Object.fromEntries(range(0, 3).map((k) => [`part_${k}`, { packed: k }]));
    expect("dynamic fork", (await until(id)).output.joined, wanted);
  }
}

// Eight that wait for a signature: five get it, one is paused before, two are terminated.
async function signatures() {
  const ids = await all(range(0, 8), (n) => start("js_human", n));
  for (const id of ids.slice(0, 2)) {
    await executor.terminate(id, "not wanted any more");
    const ended = await executor.getExecution(id, false);
    expect("reason", [ended.status, ended.reasonForIncompletion], ["TERMINATED", "not wanted any more"]);
  }
  await executor.pause(ids[2]);
  for (const n of range(2, 8)) {
    await executor.updateTaskByRefName("sign", ids[n], "COMPLETED", { by: `clerk ${n}` });
  }
  expect("paused", (await executor.getExecution(ids[2], false)).status, "PAUSED");
  await executor.resume(ids[2]);
  for (const n of range(2, 8)) expect("human", (await until(ids[n])).output, { by: `clerk ${n}` });
}

// What search says must be what was done; the eight sub-workflows began a chain each.
async function found() {
  const names = "js_chain,js_fork,js_switch,js_sub,js_dynamic,js_human";
  for (const [status, wanted] of [["COMPLETED", 56], ["TERMINATED", 2], ["RUNNING", 0]]) {
    const query = `workflowType IN (${names}) AND status = '${status}'`;
    const { totalHits, results } = await executor.search(0, 100, query, "*");
    expect(`search ${status}`, [totalHits, results.length], [wanted, wanted]);
    counts[status.toLowerCase()] = totalHits;
  }
}

function packageVersion() {
  let folder = dirname(createRequire(import.meta.url).resolve("@io-orkes/conductor-javascript"));
  for (;;) {
    try {
      return JSON.parse(readFileSync(join(folder, "package.json"))).version;
    } catch {
      folder = dirname(folder);
    }
  }
}

const quiet = { info() {}, debug() {}, error: console.error };
const handler = new TaskHandler({ client: clients.getClient(), workers, scanForDecorated: false, logger: quiet });
await register();
await handler.startWorkers();
try {
  await chains();
  await forks();
  await signatures();
  await found();
} finally {
  await handler.stopWorkers();
}
console.log(JSON.stringify({ sdk: "@io-orkes/conductor-javascript", version: packageVersion(), ...counts }));
for (const complaint of complaints) console.error(complaint);
process.exit(complaints.length ? 1 : 0);
