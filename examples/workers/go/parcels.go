// Fifty parcels through a server with the published module; every result is checked.
//
//	go run . http://127.0.0.1:8080/api
//
// Prints what was counted and ends with 0, or prints what is wrong and ends with 1.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/antihax/optional"
	"github.com/conductor-sdk/conductor-go/sdk/client"
	"github.com/conductor-sdk/conductor-go/sdk/model"
	"github.com/conductor-sdk/conductor-go/sdk/settings"
	"github.com/conductor-sdk/conductor-go/sdk/worker"
	"github.com/conductor-sdk/conductor-go/sdk/workflow/executor"
)

const (
	domain  = "upstairs"
	endsMax = 60 * time.Second
)

type run struct {
	ctx        context.Context
	executor   *executor.WorkflowExecutor
	tasks      client.TaskResourceApiService
	metadata   client.MetadataResourceApiService
	workflows  client.WorkflowResourceApiService
	counts     map[string]interface{}
	complaints []string
}

func main() {
	url := "http://127.0.0.1:8080/api"
	if len(os.Args) > 1 {
		url = os.Args[1]
	}
	api := client.NewAPIClient(nil, settings.NewHttpSettings(url))
	r := &run{
		ctx: context.Background(), executor: executor.NewWorkflowExecutor(api),
		tasks:     client.TaskResourceApiService{APIClient: api},
		metadata:  client.MetadataResourceApiService{APIClient: api},
		workflows: client.WorkflowResourceApiService{APIClient: api},
		counts:    map[string]interface{}{"sdk": "conductor-go", "version": moduleVersion(), "started": 0, "retried": 0},
	}
	r.register()
	runner := worker.NewTaskRunnerWithApiClient(api)
	must(runner.StartWorker(packType, packWorker, 5, 50*time.Millisecond))
	must(runner.StartWorker(shipType, shipWorker, 5, 50*time.Millisecond))
	r.chains()
	r.forks()
	r.signatures()
	r.found()
	text, err := json.Marshal(r.counts)
	must(err)
	fmt.Println(string(text))
	for _, each := range r.complaints {
		fmt.Fprintln(os.Stderr, each)
	}
	if len(r.complaints) > 0 {
		os.Exit(1)
	}
}

func (r *run) register() {
	_, err := r.metadata.RegisterTaskDef(r.ctx, taskDefinitions())
	must(err)
	stored, _, err := r.metadata.GetTaskDef(r.ctx, packType)
	must(err)
	r.expect("task definition", stored.RetryCount, 2)
	for _, each := range workflows(r.executor) {
		must(each.Register(true))
	}
	_, _, err = r.metadata.GetAll(r.ctx)
	must(err)
}

// Twelve chains: plain, stumbling, breaking and retried, and four packed by hand in a domain.
func (r *run) chains() {
	moods := map[int]string{5: "stumble", 6: "stumble", 7: "break"}
	var ids []string
	for n := 0; n < 12; n++ {
		more := map[string]interface{}{}
		if mood, ok := moods[n]; ok {
			more["mood"] = mood
		}
		ids = append(ids, r.start("go_chain", n, more, n >= 8))
	}
	r.packByHand(4)
	failed := r.until(ids[7], "FAILED")
	r.expect("broken chain", failed.Tasks[0].Status, "FAILED_WITH_TERMINAL_ERROR")
	must(r.executor.Retry(ids[7], false))
	retried := 0
	for n, id := range ids {
		ended := r.until(id, "COMPLETED")
		r.expect("chain", ended.Output, map[string]int{"shipped": n})
		attempts := 0
		for _, task := range ended.Tasks {
			if task.TaskDefName == packType {
				attempts++
			}
		}
		wanted := 1
		if _, ok := moods[n]; ok {
			wanted = 2
		}
		r.expect("attempts", attempts, wanted)
		retried += attempts - 1
	}
	r.counts["retried"] = retried
	first, err := r.executor.GetWorkflow(ids[0], true)
	must(err)
	_, err = r.tasks.Log(r.ctx, "seen by hand", first.Tasks[0].TaskId)
	must(err)
	logs, _, err := r.tasks.GetTaskLogs(r.ctx, first.Tasks[0].TaskId)
	must(err)
	var lines []string
	for _, each := range logs {
		lines = append(lines, each.Log)
	}
	r.expect("logs", lines, []string{"packing 0", "seen by hand"})
	r.counts["log lines"] = len(lines)
}

// Polls a domain in batches and reports each task.
func (r *run) packByHand(wanted int) {
	packed, batches := 0, 0
	for until := time.Now().Add(endsMax); packed < wanted && time.Now().Before(until); batches++ {
		batch, _, err := r.tasks.BatchPoll(r.ctx, packType, &client.TaskResourceApiBatchPollOpts{
			Workerid: optional.NewString("by-hand"), Domain: optional.NewString(domain),
			Count: optional.NewInt32(3), Timeout: optional.NewInt32(1000)})
		must(err)
		for _, task := range batch {
			result := model.NewTaskResultFromTask(&task)
			result.Status = model.CompletedTask
			result.OutputData = map[string]interface{}{"packed": task.InputData["n"]}
			id, _, err := r.tasks.UpdateTask(r.ctx, result)
			must(err)
			r.expect("answer to a result", id, task.TaskId)
			packed++
		}
	}
	r.expect("packed by hand", packed, wanted)
	r.counts["batches"] = batches
}

// Eight forks, eight switches, eight sub-workflows, six dynamic forks.
func (r *run) forks() {
	var parts []map[string]interface{}
	inputs, joined := map[string]interface{}{}, map[string]interface{}{}
	for k := 0; k < 3; k++ {
		name := fmt.Sprintf("part_%d", k)
		parts = append(parts, map[string]interface{}{"name": packType, "taskReferenceName": name, "type": "SIMPLE"})
		inputs[name] = map[string]int{"n": k}
		joined[name] = map[string]int{"packed": k}
	}
	var forked, switched, nested, dynamic []string
	for n := 0; n < 8; n++ {
		forked = append(forked, r.start("go_fork", n, nil, false))
		kind := []string{"slow", "express"}[n%2]
		switched = append(switched, r.start("go_switch", n, map[string]interface{}{"kind": kind}, false))
		nested = append(nested, r.start("go_sub", n, nil, false))
	}
	for n := 0; n < 6; n++ {
		more := map[string]interface{}{"tasks": parts, "inputs": inputs}
		dynamic = append(dynamic, r.start("go_dynamic", n, more, false))
	}
	for n := 0; n < 8; n++ {
		r.expect("fork", r.until(forked[n], "COMPLETED").Output, map[string][]int{"packed": {n, n}})
		tasks := r.until(switched[n], "COMPLETED").Tasks
		r.expect("switch", tasks[1].ReferenceTaskName, []string{"pack", "ship"}[n%2])
		r.expect("sub-workflow", r.until(nested[n], "COMPLETED").Output, map[string]int{"shipped": n})
	}
	for _, id := range dynamic {
		r.expect("dynamic fork", r.until(id, "COMPLETED").Output["joined"], joined)
	}
}

// Eight that wait for a signature: five get it, one is paused before, two are terminated.
func (r *run) signatures() {
	var ids []string
	for n := 0; n < 8; n++ {
		ids = append(ids, r.start("go_human", n, nil, false))
	}
	for _, id := range ids[:2] {
		must(r.executor.Terminate(id, "not wanted any more"))
		r.expect("reason", r.until(id, "TERMINATED").ReasonForIncompletion, "not wanted any more")
	}
	must(r.executor.Pause(ids[2]))
	for n := 2; n < 8; n++ {
		by := map[string]interface{}{"by": fmt.Sprintf("clerk %d", n)}
		must(r.executor.UpdateTaskByRefName("sign", ids[n], model.CompletedTask, by))
	}
	r.until(ids[2], "PAUSED")
	must(r.executor.Resume(ids[2]))
	for n := 2; n < 8; n++ {
		r.expect("human", r.until(ids[n], "COMPLETED").Output, map[string]string{"by": fmt.Sprintf("clerk %d", n)})
	}
}

// What search says must be what was done; the eight sub-workflows began a chain each.
func (r *run) found() {
	names := "go_chain,go_fork,go_switch,go_sub,go_dynamic,go_human"
	for status, wanted := range map[string]int{"COMPLETED": 56, "TERMINATED": 2, "RUNNING": 0} {
		query := fmt.Sprintf("workflowType IN (%s) AND status = '%s'", names, status)
		result, _, err := r.workflows.Search(r.ctx, &client.WorkflowResourceApiSearchOpts{
			Size: optional.NewInt32(100), Query: optional.NewString(query), FreeText: optional.NewString("*")})
		must(err)
		r.expect("search "+status, result.TotalHits, wanted)
		r.expect("page of "+status, len(result.Results), wanted)
		r.counts[map[string]string{"COMPLETED": "completed", "TERMINATED": "terminated", "RUNNING": "running"}[status]] = result.TotalHits
	}
}

func (r *run) start(name string, number int, more map[string]interface{}, upstairs bool) string {
	input := map[string]interface{}{"n": number}
	for key, value := range more {
		input[key] = value
	}
	request := model.NewStartWorkflowRequest(name, 1, fmt.Sprintf("%s-%d", name, number), input)
	if upstairs {
		request.TaskToDomain = map[string]string{packType: domain}
	}
	id, err := r.executor.StartWorkflow(request)
	must(err)
	r.counts["started"] = r.counts["started"].(int) + 1
	return id
}

// Returns the execution once it has this status; bounded.
func (r *run) until(id string, status string) *model.Workflow {
	for until := time.Now().Add(endsMax); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		found, err := r.executor.GetWorkflow(id, true)
		must(err)
		if string(found.Status) == status {
			return found
		}
	}
	panic(fmt.Sprintf("%s is not %s after %s", id, status, endsMax))
}

// Notes a difference, seen as JSON; the run goes on, so that all of them are seen at once.
func (r *run) expect(what string, found interface{}, wanted interface{}) {
	left, err := json.Marshal(found)
	must(err)
	right, err := json.Marshal(wanted)
	must(err)
	if string(left) != string(right) {
		r.complaints = append(r.complaints, fmt.Sprintf("%s: found %s, wanted %s", what, left, right))
	}
}

func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, each := range info.Deps {
			if each.Path == "github.com/conductor-sdk/conductor-go" {
				return each.Version
			}
		}
	}
	return "unknown"
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
