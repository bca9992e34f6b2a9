// The closed loop of Restate: so many invocations unfinished at any time, one request each, over kept connections.
//
// `node drive.mjs PORT`; orders and answers are JSON lines as in driver.py. A request is answered with the result
// of its invocation, so that there is no acknowledgement of the start to be timed apart.

import http from "node:http";
import readline from "node:readline";

const port = Number(process.argv[2]);

function call(agent, body) {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const options = { host: "127.0.0.1", port, path: "/chain/run", method: "POST", agent, headers };
    const request = http.request(options, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode, text: Buffer.concat(parts).toString() }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

function quantiles(times) {
  const sorted = Float64Array.from(times).sort();
  const at = (share) => Math.round(sorted[Math.floor((sorted.length - 1) * share)] * 1e4) / 10;
  return { count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

async function run(order) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: order.inflight });
  const payload = "x".repeat(order.payload_bytes);
  const body = JSON.stringify({ steps: order.steps, payload });
  const expected = JSON.stringify(payload);
  const times = [];
  const startedAt = performance.now();
  const until = startedAt + order.seconds * 1000;

  async function lane() {
    for (let begun = performance.now(); begun < until; begun = performance.now()) {
      const { status, text } = await call(agent, body);
      if (status !== 200 || text !== expected) {
        throw new Error(`an invocation was answered with ${status}: ${text.slice(0, 300)}`);
      }
      times.push(performance.now() - begun);
    }
  }

  try {
    await Promise.all(Array.from({ length: order.inflight }, lane));
  } finally {
    agent.destroy();
  }
  return {
    executions: times.length,
    wall_s: (performance.now() - startedAt) / 1000,
    latency_us: { start_to_completed: quantiles(times) },
  };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = await run(JSON.parse(line));
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
