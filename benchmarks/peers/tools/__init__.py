"""One module a tool. Each has ``make(job, out)``: the model files it gives, as its guide says."""
