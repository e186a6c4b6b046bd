#!/usr/bin/env bash
# image.sh [ARCHITECTURE ...]: builds the container image for each architecture (amd64, arm64; this machine's if none is named)
# with buildah, or docker, and prints its names and sizes. Neither a registry nor a base image is needed.
#
#   NAME       the image's name without its tag (localhost/nephoscope)
#   VERSION    its tag, and what the binary says of itself (from git)
#   CA_BUNDLE  the certificate authorities that it trusts (this machine's)
#   BUILDER    how to call buildah or docker, with its options
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() { echo "image.sh: $*" >&2; exit 1; }

name=${NAME:-localhost/nephoscope}
version=${VERSION:-$(packaging/version.sh 2>/dev/null || echo dev)}
tag=$(tr -c 'A-Za-z0-9_.\n-' - <<<"$version")
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
created=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)
[ $# -gt 0 ] || set -- "$(go env GOARCH)"

builder=${BUILDER:-}
for program in buildah docker; do
  [ -n "$builder" ] || ! command -v "$program" >/dev/null || builder=$program
done
[ -n "$builder" ] || fail "neither buildah nor docker is here (apt-get install buildah)"

bundle=${CA_BUNDLE:-}
for usual in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
  [ -n "$bundle" ] || [ ! -r "$usual" ] || bundle=$usual
done
[ -r "$bundle" ] || fail "no certificate authorities: name their PEM file in CA_BUNDLE (or apt-get install ca-certificates)"

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
root=$context/root
original=opt/aws/amazon-cloudwatch-agent
mkdir -p "$root"/etc/ssl/certs "$root"/etc/cwagentconfig "$root/$original"/bin "$root"/usr/bin "$root"/var/lib "$context"/state/nephoscope
cp "$bundle" "$root"/etc/ssl/certs/ca-certificates.crt
printf 'root:x:0:0:root:/:/nologin\ncwagent:x:10001:10001:Nephoscope:/var/lib/nephoscope:/nologin\n' >"$root"/etc/passwd
printf 'root:x:0:\ncwagent:x:10001:\n' >"$root"/etc/group
cp LICENSE "$root/$original"/LICENSE
for program in amazon-cloudwatch-agent start-amazon-cloudwatch-agent config-translator; do # those of the original's image
  ln -s /usr/bin/nephoscope "$root/$original/bin/$program"
done
find "$root" -type d -exec chmod 755 {} +
find "$root" -type f -exec chmod 644 {} +
chmod 700 "$context"/state/nephoscope

for arch; do
  case $arch in amd64 | arm64) ;; *) fail "unknown architecture $arch (amd64, arm64)" ;; esac
  mkdir -p "$context/bin/$arch"
  for program in nephoscope nephoscope-prometheus; do
    VERSION=$version GOOS=linux GOARCH=$arch scripts/build.sh "$program" "$context/bin/$arch/$program"
  done
  [ $# = 1 ] && image=$name:$tag || image=$name:$tag-$arch
  arguments=(--platform "linux/$arch" --build-arg "TARGETARCH=$arch" --build-arg "VERSION=$version" --build-arg "REVISION=$revision" --build-arg "CREATED=$created")
  arguments+=(--file packaging/container/Dockerfile --tag "$image")
  case $builder in
    *buildah*) # docker's format: OCI's has no health check. The time makes it the same image whenever it is built
      $builder bud --quiet --format docker --timestamp "$epoch" "${arguments[@]}" "$context" >/dev/null
      size=$($builder images --format '{{.Size}}' "$image") ;;
    *)
      $builder build --quiet "${arguments[@]}" "$context" >/dev/null
      size=$(($($builder image inspect --format '{{.Size}}' "$image") / 1000000))" MB" ;;
  esac
  echo "$image  linux/$arch  $size"
done
