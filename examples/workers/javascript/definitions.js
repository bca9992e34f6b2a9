// The workflows of the parcel example, built with the package's own builder.
import {
  ConductorWorkflow, forkTask, humanTask, joinTask, simpleTask, subWorkflowTask, switchTask, taskDefinition,
} from "@io-orkes/conductor-javascript";

export const PACK = "js_pack";
export const SHIP = "js_ship";

// Two task types; a failed attempt is made again at once, twice at most.
export const taskDefinitions = () => [PACK, SHIP].map((name) =>
  taskDefinition({ name, ownerEmail: "parcels@example.com", retryCount: 2, retryDelaySeconds: 0, responseTimeoutSeconds: 60, timeoutSeconds: 0 }));

// A step that may be told to stumble once, or to break until somebody retries the workflow.
const pack = (reference = "pack") =>
  simpleTask(reference, PACK, { n: "${workflow.input.n}", mood: "${workflow.input.mood}" });
const ship = () => simpleTask("ship", SHIP, { n: "${workflow.input.n}" });

// One workflow for each way to put steps together; each returns what was packed or shipped.
export function workflows(executor) {
  const make = (name) => new ConductorWorkflow(executor, name, 1, "parcels").ownerEmail("parcels@example.com");
  const route = switchTask("route", "${workflow.input.kind}", { express: [ship()] }, [pack()]);
  const child = { ...subWorkflowTask("child", "js_chain", 1), inputParameters: { n: "${workflow.input.n}" } };
  const many = {
    name: "many", taskReferenceName: "many", type: "FORK_JOIN_DYNAMIC",
    dynamicForkTasksParam: "tasks", dynamicForkTasksInputParamName: "inputs",
    inputParameters: { tasks: "${workflow.input.tasks}", inputs: "${workflow.input.inputs}" },
  };
  return [
    make("js_chain").add([pack(), ship()]).outputParameters({ shipped: "${ship.output.shipped}" }),
    make("js_fork")
      .add({ ...forkTask("both", []), forkTasks: [[pack("left")], [pack("right")]] })
      .add(joinTask("joined", ["left", "right"]))
      .outputParameters({ packed: ["${left.output.packed}", "${right.output.packed}"] }),
    make("js_switch").add(route).outputParameters({ case: "${route.output.selectedCase}" }),
    make("js_sub").add(child).outputParameters({ shipped: "${child.output.shipped}" }),
    make("js_dynamic").add(many).add(joinTask("joined", [])).outputParameters({ joined: "${joined.output}" }),
    make("js_human").add([humanTask("sign"), ship()]).outputParameters({ by: "${sign.output.by}" }),
  ];
}
