#!/usr/bin/env bash
# What can be said of the code without running it. The tools are the Makefile's `tools`.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/.tools/bin:$PATH

echo "== gofumpt"
unformatted=$(gofumpt -l cmd client internal tests zun)
[ -z "$unformatted" ] || { printf 'not gofumpt-formatted:\n%s\n' "$unformatted" >&2; exit 1; }
echo "== go vet"
go vet ./...
echo "== staticcheck"
staticcheck ./...
echo "== golangci-lint"
golangci-lint run --allow-parallel-runners ./...
echo "== go mod tidy changes nothing"
go mod tidy -diff
echo "== who may import whom"
go test ./tests/law
echo "== the race detector"
CGO_ENABLED=1 go test -race -short -timeout 20m ./...
