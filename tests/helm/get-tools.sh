#!/bin/sh
# Builds what the chart's tests use into .cache/ of the checkout; it needs Go. Usage: tests/helm/get-tools.sh [api-server]
#
# Without an argument: helm, in about a minute. With `api-server` also kube-apiserver and the resource
# definitions of KEDA and of the Prometheus operator, in about five; etcd is a package of the distribution (etcd-server).
set -eu
cd "$(dirname "$0")/../.."
cache=$PWD/.cache
kubernetes=1.34.4
export GOBIN="$cache/bin" GOTOOLCHAIN=auto

command -v go >/dev/null || { echo 'get-tools: go is not on the PATH; it builds what is needed' >&2; exit 1; }

go install helm.sh/helm/v3/cmd/helm@v3.22.0
test "${1:-}" = api-server || exit 0

# A module that depends on k8s.io/kubernetes must say itself which releases its k8s.io/* parts are.
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
go mod init api-server
parts=$(go mod download -json "k8s.io/kubernetes@v$kubernetes" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p' \
    | xargs sed -n 's/^[[:space:]]*\(k8s\.io\/[a-z-]*\) v0\.0\.0$/\1/p')
for part in $parts; do
    go mod edit -replace "$part=$part@v0.${kubernetes#1.}"
done
go mod edit -require "k8s.io/kubernetes@v$kubernetes"
cat >main.go <<'GO'
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() { os.Exit(cli.Run(app.NewAPIServerCommand())) }
GO
go mod tidy
version=k8s.io/component-base/version
go build -ldflags "-s -w -X $version.gitVersion=v$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=34" \
    -o "$GOBIN/kube-apiserver" .

definitions="$cache/definitions"
rm -rf "$definitions"
mkdir -p "$definitions"
definition() { # MODULE@VERSION PATH
    found=$(go mod download -json "$1") || { echo "get-tools: cannot fetch $1: $found" >&2; exit 1; }
    cp "$(echo "$found" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')/$2" "$definitions"
}
operator=github.com/prometheus-operator/prometheus-operator@v0.85.0
definition github.com/kedacore/keda/v2@v2.18.0 config/crd/bases/keda.sh_scaledobjects.yaml
definition $operator example/prometheus-operator-crd-full/monitoring.coreos.com_podmonitors.yaml
definition $operator example/prometheus-operator-crd-full/monitoring.coreos.com_prometheusrules.yaml
chmod u+w "$definitions"/*
