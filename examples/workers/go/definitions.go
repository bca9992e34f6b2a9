package main

import (
	"github.com/conductor-sdk/conductor-go/sdk/model"
	"github.com/conductor-sdk/conductor-go/sdk/workflow"
	"github.com/conductor-sdk/conductor-go/sdk/workflow/executor"
)

const (
	packType = "go_pack"
	shipType = "go_ship"
)

// Two task types; a failed attempt is made again after a second, twice at most. The module leaves zeros away, so a
// delay of 0 would become the default of a minute.
func taskDefinitions() []model.TaskDef {
	var all []model.TaskDef
	for _, name := range []string{packType, shipType} {
		all = append(all, model.TaskDef{Name: name, OwnerEmail: "parcels@example.com", RetryCount: 2,
			RetryLogic: "FIXED", RetryDelaySeconds: 1, ResponseTimeoutSeconds: 60})
	}
	return all
}

// One workflow for each way to put steps together; each returns what was packed or shipped.
func workflows(e *executor.WorkflowExecutor) []*workflow.ConductorWorkflow {
	named := func(name string, output map[string]interface{}) *workflow.ConductorWorkflow {
		return workflow.NewConductorWorkflow(e).Name(name).Version(1).OwnerEmail("parcels@example.com").
			OutputParameters(output)
	}
	route := workflow.NewSwitchTask("route", "${workflow.input.kind}").
		SwitchCase("express", ship()).DefaultCase(pack("pack"))
	child := workflow.NewSubWorkflowTask("child", "go_chain", 1).Input("n", "${workflow.input.n}")
	many := workflow.NewDynamicForkTaskWithoutPrepareTask("many").
		Input("forkedTasks", "${workflow.input.tasks}").Input("forkedTasksInputs", "${workflow.input.inputs}")
	both := workflow.NewForkTaskWithJoin("both", workflow.NewJoinTask("joined", "left", "right"),
		[]workflow.TaskInterface{pack("left")}, []workflow.TaskInterface{pack("right")})
	packed := []string{"${left.output.packed}", "${right.output.packed}"}
	return []*workflow.ConductorWorkflow{
		named("go_chain", map[string]interface{}{"shipped": "${ship.output.shipped}"}).Add(pack("pack")).Add(ship()),
		named("go_fork", map[string]interface{}{"packed": packed}).Add(both),
		named("go_switch", map[string]interface{}{"case": "${route.output.selectedCase}"}).Add(route),
		named("go_sub", map[string]interface{}{"shipped": "${child.output.shipped}"}).Add(child),
		named("go_dynamic", map[string]interface{}{"joined": "${many_join.output}"}).Add(many),
		named("go_human", map[string]interface{}{"by": "${sign.output.by}"}).
			Add(workflow.NewHumanTask("sign")).Add(ship()),
	}
}

// A step that may be told to stumble once, or to break until somebody retries the workflow.
func pack(reference string) *workflow.SimpleTask {
	return workflow.NewSimpleTask(packType, reference).
		Input("n", "${workflow.input.n}").Input("mood", "${workflow.input.mood}")
}

func ship() *workflow.SimpleTask {
	return workflow.NewSimpleTask(shipType, "ship").Input("n", "${workflow.input.n}")
}
