#!/usr/bin/env bash
# build.sh PROGRAM FILE [FLAG ...]: builds cmd/PROGRAM into FILE as it is shipped: static and small. VERSION is what it says of
# itself; GOOS and GOARCH are honoured, and FLAGs are go build's.
#
# Small, by a tenth: without HTTP/2, which nothing here needs (AWS takes HTTP/1.1 everywhere, and requests are few and large), and
# without inlining where a program is once an hour or once a request: in the SDK, in other libraries, in commands. What is on a
# line's, a datum's or a sample's way is inlined as ever.
set -euo pipefail
program=$1 file=$(realpath -m "$2")
shift 2
cd "$(dirname "$0")/.."

own=github.com/nephoscope/nephoscope
cold=(-gcflags="github.com/...=-l")
for hot in github.com/klauspost/... $own/{tailer,publish,cloudwatch,collectors,listeners,scrape,local/...,internal/awsapi,internal/durable} github.com/prometheus/...; do
  cold+=(-gcflags="$hot=")
done
CGO_ENABLED=0 exec go build -trimpath -tags nethttpomithttp2 -ldflags "-s -w -X main.version=${VERSION:-dev}" "${cold[@]}" -o "$file" "$@" "./cmd/$program"
