module alcove.dev/agent

go 1.24
