import com.netflix.conductor.client.worker.Worker;
import com.netflix.conductor.common.metadata.tasks.Task;
import com.netflix.conductor.common.metadata.tasks.TaskResult;
import java.util.List;
import java.util.Map;

/** Two workers: what they return is the task's result. */
final class ParcelWorkers {
    private ParcelWorkers() {}

    static List<Worker> all() {
        return List.of(Worker.create(Definitions.PACK, ParcelWorkers::pack), Worker.create(Definitions.SHIP, ParcelWorkers::ship));
    }

    /** In a bad mood the first attempt fails, for now (stumble) or for good (break). */
    private static TaskResult pack(Task task) {
        var result = new TaskResult(task);
        var number = task.getInputData().get("n");
        var mood = String.valueOf(task.getInputData().get("mood"));
        result.log("packing " + number);
        result.setStatus(TaskResult.Status.COMPLETED);
        result.setOutputData(Map.of("packed", number));
        if (task.getRetryCount() == 0 && mood.equals("break")) {
            result.setStatus(TaskResult.Status.FAILED_WITH_TERMINAL_ERROR);
            result.setReasonForIncompletion("parcel " + number + " broke");
        }
        if (task.getRetryCount() == 0 && mood.equals("stumble")) {
            throw new IllegalStateException("parcel " + number + " slipped");
        }
        return result;
    }

    private static TaskResult ship(Task task) {
        var result = new TaskResult(task);
        result.setStatus(TaskResult.Status.COMPLETED);
        result.setOutputData(Map.of("shipped", task.getInputData().get("n")));
        return result;
    }
}
