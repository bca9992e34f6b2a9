package main

import (
	"fmt"

	"github.com/conductor-sdk/conductor-go/sdk/model"
)

// Packs a parcel; in a bad mood the first attempt fails, for now (stumble) or for good (break).
func packWorker(task *model.Task) (interface{}, error) {
	number, mood := task.InputData["n"], task.InputData["mood"]
	if task.RetryCount == 0 && mood == "break" {
		return nil, model.NewNonRetryableError(fmt.Errorf("parcel %v broke", number))
	}
	if task.RetryCount == 0 && mood == "stumble" {
		return nil, fmt.Errorf("parcel %v slipped", number)
	}
	result := model.NewTaskResultFromTask(task)
	result.Status = model.CompletedTask
	result.OutputData = map[string]interface{}{"packed": number}
	result.Logs = []model.TaskExecLog{{Log: fmt.Sprintf("packing %v", number)}}
	return result, nil
}

func shipWorker(task *model.Task) (interface{}, error) {
	return map[string]interface{}{"shipped": task.InputData["n"]}, nil
}
