// Graphile Worker, measured: local queue and batched completion, as its documentation advises for throughput.
import { makeWorkerUtils, run } from "graphile-worker";

const [url, jobs, pickups, scheduled] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const preset = {
  worker: {
    connectionString: url, concurrentJobs: 100, maxPoolSize: 12, pollInterval: 1000,
    localQueue: { size: 1000 }, completeJobBatchDelay: 0, failJobBatchDelay: 0,
  },
};
const found = {};
const logger = { scope: () => logger, error() {}, warn() {}, info() {}, debug() {} };
let count = 0, late = [], target = 0, reached = () => {};
const until = (wanted) => new Promise((done) => { target = wanted; reached = done; if (count >= wanted) done(); });
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const spread = () => {
  const ordered = late.sort((a, b) => a - b), at = (share) => ordered[Math.min(Math.floor(ordered.length * share), ordered.length - 1)];
  return { p50: Math.round(at(0.5) * 10) / 10, p99: Math.round(at(0.99) * 10) / 10 };
};
const now = () => performance.timeOrigin + performance.now();
const noop = async (payload) => {
  count += 1;
  if (payload.due) late.push(now() - payload.due);
  if (count >= target) reached();
};

const utils = await makeWorkerUtils({ connectionString: url });
await utils.migrate();
let began = performance.now();
for (let start = 0; start < jobs; start += 10000) {
  const size = Math.min(10000, jobs - start);
  await utils.addJobs(Array.from({ length: size }, () => ({ identifier: "noop", payload: { due: 0 } })));
}
found.enqueue_per_s = Math.round(jobs / ((performance.now() - began) / 1000));
began = performance.now();
const runner = await run({ preset, taskList: { noop }, noHandleSignals: true });
await until(jobs);
found.drain_per_s = Math.round(jobs / ((performance.now() - began) / 1000));
await sleep(1000);
late = [];
for (let n = 0; n < pickups; n += 1) {
  await utils.addJob("noop", { due: now() });
  await sleep(30);
}
await until(jobs + pickups);
found.pickup_ms = spread();
late = [];
const first = now() + 1500;
for (let n = 0; n < scheduled; n += 1) {
  const at = first + (n * 4000) / scheduled;
  await utils.addJob("noop", { due: at }, { runAt: new Date(at) });
}
await until(jobs + pickups + scheduled);
found.scheduled_ms = spread();
await runner.stop();
await utils.release();
process.stdout.write(JSON.stringify(found));
process.exit(0);
