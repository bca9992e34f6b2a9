// The workers of the parcel example. What they return is the result; an exception fails the attempt, and
// NonRetryableException fails it for good. The second pack works in a domain of its own.
import { NonRetryableException, getTaskContext } from "@io-orkes/conductor-javascript";
import { PACK, SHIP } from "./definitions.js";

export const DOMAIN = "upstairs";
export const packedBy = { here: 0, upstairs: 0 };

async function pack(task) {
  const { n, mood } = task.inputData;
  getTaskContext()?.addLog(`packing ${n}`);
  if (mood === "break" && task.retryCount === 0) throw new NonRetryableException(`parcel ${n} broke`);
  if (mood === "stumble" && task.retryCount === 0) throw new Error(`parcel ${n} slipped`);
  packedBy[task.domain === DOMAIN ? "upstairs" : "here"] += 1;
  return { status: "COMPLETED", outputData: { packed: n } };
}

async function ship(task) {
  return { status: "COMPLETED", outputData: { shipped: task.inputData.n } };
}

export const workers = [
  { taskDefName: PACK, execute: pack, concurrency: 5, pollInterval: 50 },
  { taskDefName: PACK, execute: pack, domain: DOMAIN, concurrency: 3, pollInterval: 50 },
  { taskDefName: SHIP, execute: ship, concurrency: 5, pollInterval: 50 },
];
