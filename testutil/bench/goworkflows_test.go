package bench

func goWorkflowsSystems() []system { return nil }
