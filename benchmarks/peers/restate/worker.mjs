// The worker of Restate: a handler of some durable steps, each fed with the result of the last.
//
// `node worker.mjs PORT` in a folder with node_modules; the process is not counted.

import * as restate from "@restatedev/restate-sdk";

const chain = restate.service({
  name: "chain",
  handlers: {
    run: async (ctx, { steps, payload }) => {
      let carried = payload;
      for (let step = 0; step < steps; step += 1) {
        const given = carried;
        // Does nothing, and returns as much as was given.
        carried = await ctx.run(`step ${step}`, () => given);
      }
      return carried;
    },
  },
});

// A log line per invocation would cost the worker more than the work.
const logger = (meta, ...words) => meta.level !== "info" && meta.level !== "debug" && meta.level !== "trace" && console.error(...words);

restate.serve({ services: [chain], port: Number(process.argv[2]), logger });
