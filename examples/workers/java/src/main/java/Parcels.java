import com.netflix.conductor.client.automator.TaskRunnerConfigurer;
import com.netflix.conductor.client.http.ConductorClient;
import com.netflix.conductor.client.http.MetadataClient;
import com.netflix.conductor.client.http.TaskClient;
import com.netflix.conductor.client.http.WorkflowClient;
import com.netflix.conductor.common.metadata.tasks.TaskResult;
import com.netflix.conductor.common.metadata.workflow.StartWorkflowRequest;
import com.netflix.conductor.common.run.Workflow;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Fifty parcels through a server with the published package; every result is checked.
 *
 * <p>Prints what was counted and ends with 0, or prints what is wrong and ends with 1.
 */
public final class Parcels {
    private static final String DOMAIN = "upstairs";
    private static final long END_MS_MAX = 60_000;
    private static final Set<String> OVER = Set.of("COMPLETED", "FAILED", "TERMINATED", "TIMED_OUT");

    private final WorkflowClient workflows;
    private final TaskClient tasks;
    private final MetadataClient metadata;
    private final List<String> complaints = new ArrayList<>();
    private final Map<String, Long> counts = new TreeMap<>();

    private Parcels(ConductorClient client) {
        workflows = new WorkflowClient(client);
        tasks = new TaskClient(client);
        metadata = new MetadataClient(client);
    }

    public static void main(String[] args) throws Exception {
        var client = new ConductorClient(args.length > 0 ? args[0] : "http://127.0.0.1:8080/api");
        var run = new Parcels(client);
        run.register();
        var runner = new TaskRunnerConfigurer.Builder(run.tasks, ParcelWorkers.all()).withThreadCount(5).build();
        runner.init();
        run.chains();
        run.forks();
        run.signatures();
        run.found();
        runner.shutdown();
        var counted = new StringBuilder("{\"sdk\": \"org.conductoross:conductor-client\", \"version\": \"5.0.1\"");
        run.counts.forEach((what, count) -> counted.append(", \"%s\": %d".formatted(what, count)));
        System.out.println(counted.append('}'));
        run.complaints.forEach(System.err::println);
        System.exit(run.complaints.isEmpty() ? 0 : 1);
    }

    private void register() {
        metadata.registerTaskDefs(Definitions.tasks());
        expect("task definition", metadata.getTaskDef(Definitions.PACK).getRetryCount(), 2);
        metadata.updateWorkflowDefs(Definitions.workflows());
        for (var definition : Definitions.workflows()) {
            expect("definition read back", metadata.getWorkflowDef(definition.getName(), 1).getTasks(), definition.getTasks());
        }
    }

    /** Twelve chains: plain, stumbling, breaking and retried, and four packed by hand in a domain. */
    private void chains() throws InterruptedException {
        var moods = Map.of(5, "stumble", 6, "stumble", 7, "break");
        var ids = IntStream.range(0, 12).mapToObj(n -> start("java_chain", n,
                moods.containsKey(n) ? Map.of("mood", moods.get(n)) : Map.of(), n >= 8)).toList();
        packByHand(4);
        var failed = until(ids.get(7), OVER);
        expect("broken chain", failed.getStatus().name() + " " + failed.getTasks().get(0).getStatus(), "FAILED FAILED_WITH_TERMINAL_ERROR");
        workflows.retryLastFailedTask(ids.get(7));
        for (int n = 0; n < ids.size(); n++) {
            var ended = until(ids.get(n), Set.of("COMPLETED"));
            expect("chain", ended.getOutput(), Map.of("shipped", n));
            long attempts = ended.getTasks().stream().filter(task -> task.getTaskDefName().equals(Definitions.PACK)).count();
            expect("attempts", attempts, moods.containsKey(n) ? 2L : 1L);
            counts.merge("retried", attempts - 1, Long::sum);
        }
        var packed = workflows.getWorkflow(ids.get(0), true).getTasks().get(0);
        tasks.logMessageForTask(packed.getTaskId(), "seen by hand");
        var lines = tasks.getTaskLogs(packed.getTaskId()).stream().map(line -> line.getLog()).toList();
        expect("logs", lines, List.of("packing 0", "seen by hand"));
        counts.put("log lines", (long) lines.size());
        var same = workflows.getWorkflows("java_chain", "java_chain-3", true, true);
        expect("correlated", same.stream().map(Workflow::getWorkflowId).toList(), List.of(ids.get(3)));
    }

    /** Polls a domain in batches and reports with the call that answers with the next task. */
    private void packByHand(int wanted) {
        int packed = 0;
        long deadline = System.currentTimeMillis() + END_MS_MAX;
        while (packed < wanted && System.currentTimeMillis() < deadline) {
            var batch = new ArrayList<>(tasks.batchPollTasksInDomain(Definitions.PACK, DOMAIN, "by-hand", 3, 1000));
            counts.merge("batches", 1L, Long::sum);
            while (!batch.isEmpty()) {
                var task = batch.remove(0);
                var result = new TaskResult(task);
                result.setStatus(TaskResult.Status.COMPLETED);
                result.setOutputData(Map.of("packed", task.getInputData().get("n")));
                var next = tasks.updateTaskV2(result);
                packed++;
                if (next != null && next.getTaskId() != null) {
                    counts.merge("by update-v2", 1L, Long::sum);
                    batch.add(next);
                }
            }
        }
        expect("packed by hand", packed, wanted);
    }

    /** Eight forks, eight switches, eight sub-workflows, six dynamic forks. */
    private void forks() throws InterruptedException {
        var parts = IntStream.range(0, 3).mapToObj(k -> Map.of("name", Definitions.PACK, "taskReferenceName", "part_" + k, "type", "SIMPLE")).toList();
        var inputs = new HashMap<String, Object>();
        var joined = new HashMap<String, Object>();
        IntStream.range(0, 3).forEach(k -> inputs.put("part_" + k, Map.of("n", k)));
        IntStream.range(0, 3).forEach(k -> joined.put("part_" + k, Map.of("packed", k)));
        var forked = IntStream.range(0, 8).mapToObj(n -> start("java_fork", n, Map.of(), false)).toList();
        var switched = IntStream.range(0, 8).mapToObj(n -> start("java_switch", n, Map.of("kind", n % 2 == 1 ? "express" : "slow"), false)).toList();
        var nested = IntStream.range(0, 8).mapToObj(n -> start("java_sub", n, Map.of(), false)).toList();
        var dynamic = IntStream.range(0, 6).mapToObj(n -> start("java_dynamic", n, Map.of("tasks", parts, "inputs", inputs), false)).toList();
        for (int n = 0; n < 8; n++) {
            expect("fork", until(forked.get(n), OVER).getOutput(), Map.of("packed", List.of(n, n)));
            var ran = until(switched.get(n), OVER).getTasks().stream().map(task -> task.getReferenceTaskName()).toList();
            expect("switch", ran, List.of("route", n % 2 == 1 ? "ship" : "pack"));
            expect("sub-workflow", until(nested.get(n), OVER).getOutput(), Map.of("shipped", n));
        }
        for (var id : dynamic) {
            expect("dynamic fork", until(id, OVER).getOutput().get("joined"), joined);
        }
    }

    /** Eight that wait for a signature: five get it, one is paused before, two are terminated. */
    private void signatures() throws InterruptedException {
        var ids = IntStream.range(0, 8).mapToObj(n -> start("java_human", n, Map.of(), false)).toList();
        for (var id : ids.subList(0, 2)) {
            workflows.terminateWorkflow(id, "not wanted any more");
            var ended = workflows.getWorkflow(id, false);
            expect("terminated", ended.getStatus().name() + ": " + ended.getReasonForIncompletion(), "TERMINATED: not wanted any more");
        }
        workflows.pauseWorkflow(ids.get(2));
        for (int n = 2; n < 8; n++) {
            tasks.updateTask(ids.get(n), "sign", TaskResult.Status.COMPLETED, Map.of("by", "clerk " + n));
        }
        expect("paused", workflows.getWorkflow(ids.get(2), false).getStatus().name(), "PAUSED");
        workflows.resumeWorkflow(ids.get(2));
        for (int n = 2; n < 8; n++) {
            expect("human", until(ids.get(n), OVER).getOutput(), Map.of("by", "clerk " + n));
        }
    }

    /** What search says must be what was done; the eight sub-workflows began a chain each. */
    private void found() {
        var names = "java_chain,java_fork,java_switch,java_sub,java_dynamic,java_human";
        var wanted = Map.of("COMPLETED", 56L, "TERMINATED", 2L, "RUNNING", 0L);
        wanted.forEach((status, count) -> {
            var query = "workflowType IN (%s) AND status = '%s'".formatted(names, status);
            var result = workflows.search(0, 100, "startTime:ASC", "*", query);
            expect("search " + status, result.getTotalHits(), count);
            expect("page of " + status, (long) result.getResults().size(), count);
            counts.put(status.toLowerCase(), result.getTotalHits());
        });
        expect("search-v2", workflows.searchV2("workflowType IN (java_sub)").getTotalHits(), 8L);
    }

    private String start(String name, int number, Map<String, Object> more, boolean upstairs) {
        var input = new HashMap<>(more);
        input.put("n", number);
        var request = new StartWorkflowRequest();
        request.setName(name);
        request.setVersion(1);
        request.setCorrelationId(name + "-" + number);
        request.setInput(input);
        request.setTaskToDomain(upstairs ? Map.of(Definitions.PACK, DOMAIN) : Map.of());
        counts.merge("started", 1L, Long::sum);
        return workflows.startWorkflow(request);
    }

    /** Returns the execution once it has one of these statuses; bounded. */
    private Workflow until(String id, Set<String> statuses) throws InterruptedException {
        long deadline = System.currentTimeMillis() + END_MS_MAX;
        while (System.currentTimeMillis() < deadline) {
            var found = workflows.getWorkflow(id, true);
            if (statuses.contains(found.getStatus().name())) {
                return found;
            }
            Thread.sleep(50);
        }
        throw new IllegalStateException(id + " is not " + statuses + " after " + END_MS_MAX + " ms");
    }

    /** Notes a difference; the run goes on, so that all of them are seen at once. */
    private void expect(String what, Object found, Object wanted) {
        if (!Objects.equals(found, wanted)) {
            complaints.add("%s: found %s, wanted %s".formatted(what, found, wanted));
        }
    }
}
