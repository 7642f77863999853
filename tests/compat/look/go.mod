module alcove.dev/tests/look

go 1.21
