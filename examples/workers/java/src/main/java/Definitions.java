import com.netflix.conductor.common.metadata.tasks.TaskDef;
import com.netflix.conductor.common.metadata.workflow.SubWorkflowParams;
import com.netflix.conductor.common.metadata.workflow.WorkflowDef;
import com.netflix.conductor.common.metadata.workflow.WorkflowTask;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** One workflow for each way to put steps together; each returns what was packed or shipped. */
final class Definitions {
    static final String PACK = "java_pack";
    static final String SHIP = "java_ship";

    private Definitions() {}

    /** Two task types; a failed attempt is made again at once, twice at most. */
    static List<TaskDef> tasks() {
        return Stream.of(PACK, SHIP).map(name -> {
            var definition = new TaskDef(name);
            definition.setOwnerEmail("parcels@example.com");
            definition.setRetryCount(2);
            definition.setRetryDelaySeconds(0);
            definition.setResponseTimeoutSeconds(60);
            definition.setTimeoutSeconds(0);
            return definition;
        }).toList();
    }

    static List<WorkflowDef> workflows() {
        return List.of(
                workflow("java_chain", Map.of("shipped", "${ship.output.shipped}"), pack("pack"), ship()),
                workflow("java_fork", Map.of("packed", List.of("${left.output.packed}", "${right.output.packed}")),
                        fork(pack("left"), pack("right")), join("left", "right")),
                workflow("java_switch", Map.of("case", "${route.output.selectedCase}"), route()),
                workflow("java_sub", Map.of("shipped", "${child.output.shipped}"), child()),
                workflow("java_dynamic", Map.of("joined", "${joined.output}"), many(), join()),
                workflow("java_human", Map.of("by", "${sign.output.by}"), step("HUMAN", "sign", "sign"), ship()));
    }

    private static WorkflowDef workflow(String name, Map<String, Object> output, WorkflowTask... steps) {
        var definition = new WorkflowDef();
        definition.setName(name);
        definition.setVersion(1);
        definition.setOwnerEmail("parcels@example.com");
        definition.setTimeoutSeconds(600);
        definition.setOutputParameters(output);
        definition.setTasks(List.of(steps));
        return definition;
    }

    private static WorkflowTask step(String type, String name, String reference) {
        var step = new WorkflowTask();
        step.setName(name);
        step.setTaskReferenceName(reference);
        step.setType(type);
        return step;
    }

    /** A step that may be told to stumble once, or to break until somebody retries the workflow. */
    private static WorkflowTask pack(String reference) {
        var step = step("SIMPLE", PACK, reference);
        step.setInputParameters(Map.of("n", "${workflow.input.n}", "mood", "${workflow.input.mood}"));
        return step;
    }

    private static WorkflowTask ship() {
        var step = step("SIMPLE", SHIP, "ship");
        step.setInputParameters(Map.of("n", "${workflow.input.n}"));
        return step;
    }

    private static WorkflowTask fork(WorkflowTask left, WorkflowTask right) {
        var step = step("FORK_JOIN", "both", "both");
        step.setForkTasks(List.of(List.of(left), List.of(right)));
        return step;
    }

    private static WorkflowTask join(String... references) {
        var step = step("JOIN", "joined", "joined");
        step.setJoinOn(List.of(references));
        return step;
    }

    private static WorkflowTask route() {
        var step = step("SWITCH", "route", "route");
        step.setInputParameters(Map.of("kind", "${workflow.input.kind}"));
        step.setEvaluatorType("value-param");
        step.setExpression("kind");
        step.setDecisionCases(Map.of("express", List.of(ship())));
        step.setDefaultCase(List.of(pack("pack")));
        return step;
    }

    private static WorkflowTask child() {
        var step = step("SUB_WORKFLOW", "child", "child");
        step.setInputParameters(Map.of("n", "${workflow.input.n}"));
        var params = new SubWorkflowParams();
        params.setName("java_chain");
        params.setVersion(1);
        step.setSubWorkflowParam(params);
        return step;
    }

    private static WorkflowTask many() {
        var step = step("FORK_JOIN_DYNAMIC", "many", "many");
        step.setInputParameters(Map.of("tasks", "${workflow.input.tasks}", "inputs", "${workflow.input.inputs}"));
        step.setDynamicForkTasksParam("tasks");
        step.setDynamicForkTasksInputParamName("inputs");
        return step;
    }
}
