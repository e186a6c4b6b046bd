#!/usr/bin/env bash
# Builds the packages into dist: .deb, .rpm and .tar.gz of nephoscope, nephoscope-prometheus and nephoscope-local for amd64 and
# arm64, a bill of materials for each program, and their checksums. The same commit gives the same bytes, in any folder and at any time.
#   SIGN_KEY=NAME|FILE           a key of gpg's, or a file with one: signs all of it
#   MAINTAINER="NAME <ADDRESS>"  who answers for them: whoever publishes sets it
#   VERSION, SOURCE_DATE_EPOCH   of something that is not in git
#   ARCHES="amd64"               fewer of them
#   FORMATS="deb"                fewer of deb, rpm and tar.gz
#   DIST=folder                  elsewhere
set -euo pipefail
cd "$(dirname "$0")/.."
repo=$PWD

fail() { echo "package: $1" >&2; exit 1; }
step() { printf '%s\n' "$*" >&2; }
. packaging/needs.bash

programs=(nephoscope nephoscope-prometheus nephoscope-local)
# What was promised for the .deb of the agent and that of the scraper, in bytes: packed and installed.
declare -A most_packed=([nephoscope]=6000000 [nephoscope-prometheus]=5000000) most_installed=([nephoscope]=20000000 [nephoscope-prometheus]=15000000)

version=${VERSION:-$(packaging/version.sh)}
[[ $version =~ ^[0-9][A-Za-z0-9.+~]*$ ]] || fail "$version is no version of a package: it begins with a digit and holds letters, digits and . + ~ alone"
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)} || fail "when this was made is not known: set SOURCE_DATE_EPOCH"
export MAINTAINER=${MAINTAINER:-Nephoscope maintainers <maintainers@nephoscope.invalid>}
[[ $MAINTAINER =~ ^[^\<\>]+\ \<[^\<\>\ ]+@[^\<\>\ ]+\>$ ]] || fail "MAINTAINER is $MAINTAINER, and not of the form NAME <ADDRESS>"
read -ra arches <<<"${ARCHES:-amd64 arm64}"
read -ra formats <<<"${FORMATS:-deb rpm tar.gz}"
for arch in "${arches[@]}"; do
  [[ $arch =~ ^(amd64|arm64)$ ]] || fail "$arch is none of amd64 and arm64"
done
for format in "${formats[@]}"; do
  [[ $format =~ ^(deb|rpm|tar\.gz)$ ]] || fail "$format is none of deb, rpm and tar.gz"
done
command -v go >/dev/null || fail "go is not installed, or not in PATH: go.mod says which is needed, and distributions have older ones"
needs xz xz-utils
tar --version | grep -q GNU || fail "tar is not GNU tar, which the archives are made with"
mkdir -p "${DIST:=dist}"
dist=$(cd "$DIST" && pwd)
work=$(mktemp -d "$dist/.work-XXXXXX")
trap cleanup EXIT
out=$work/out # until all of it is there: what was built before stays whole if this is interrupted
mkdir "$out"
[ -z "${SIGN_KEY:-}" ] || signer # before minutes are spent on what cannot be signed

# Nothing of this machine, its user or the time goes into a package.
umask 022
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=$epoch PACKAGE_VERSION=$version CGO_ENABLED=0 GOFLAGS=-trimpath GOAMD64=v1 GOARM64=v8.0
unset GOOS GOARCH GOEXPERIMENT GOFIPS140

step "version $version"
step "building tools"
nfpm=$(go tool -modfile=packaging/tools/go.mod -n nfpm) || fail "nfpm could not be built: go has to reach a module proxy once"
go -C packaging/tools build -o "$work/tools" .

compile() { # PROGRAM FILE [FLAG ...]; without what Go finds out about git, which depends on how the clone was made
  # (the version has the commit)
  VERSION=$version scripts/build.sh "$1" "$2" -buildvcs=false "${@:3}"
}

completions() { # PROGRAM FOLDER
  "$work/$1" completion bash >"$2/$1.bash"
  "$work/$1" completion zsh >"$2/_$1"
  "$work/$1" completion fish >"$2/$1.fish"
}

common() { # what is the same for all architectures
  local to=$work/common program page
  local scraper=$work/common-prometheus
  mkdir -p "$to"/{scripts,man,man-local,completions} "$scraper"/{man,completions}
  for program in "${programs[@]}"; do
    compile "$program" "$work/$program" -tags man,nethttpomithttp2
  done
  "$work/nephoscope" man "$to/man"
  "$work/nephoscope-local" man "$to/man-local"
  "$work/nephoscope-prometheus" man "$scraper/man"
  for page in "$to"/man*/*.1 "$scraper"/man/*.1; do gzip -9n "$page"; done
  completions nephoscope "$to/completions"
  completions nephoscope-prometheus "$scraper/completions"
  install -m 644 packaging/completions/*.bash "$to/completions"
  "$work/nephoscope" check packaging/examples/config.json >"$work/checked" || { cat "$work/checked" >&2; fail "packaging/examples/config.json has mistakes"; }
  install -m 644 packaging/examples/config.json packaging/etc/* packaging/systemd/*.service packaging/nfpm/*.lintian-overrides docs/schema.json LICENSE "$to"
  install -m 755 packaging/scripts/{preinst,postinst,prerm,postrm,posttrans} "$to/scripts"
}

stage() { # ARCH: the programs, and what depends on what is linked into them
  local to=$work/$1 program
  for program in "${programs[@]}"; do
    mkdir -p "$to/$program.d"
    GOOS=linux GOARCH=$1 compile "$program" "$to/$program"
    local of=(-binary "$to/$program" -repo "$repo" -name "$program" -version "$version")
    "$work/tools" notices "${of[@]}" -out "$to/$program.d"
    "$work/tools" changelog "${of[@]}" -out "$to/$program.d"
    "$work/tools" sbom "${of[@]}" -out "$out/${program}_${version}_$1.cdx.json"
    made+=("${program}_${version}_$1.cdx.json")
  done
  printf '%s\n' "$version" >"$to/CWAGENT_VERSION"
  find "$to" "$work/common" "$work/common-prometheus" -exec touch -h -d "@$epoch" {} +
}

pack() { # NAME ARCH FORMAT
  local file=$out/${1}_${version}_$2.$3 config=$work/$1.$3.yaml
  if [ "$3" = tar.gz ]; then
    tree "$1" "$2" "$work/$2/tree/${1}_${version}"
    # Without folders: those of /usr/local, which it is unpacked into, keep their modes and owners.
    (cd "$work/$2/tree" && find "${1}_${version}" ! -type d -print0 | sort -z) |
      tar -C "$work/$2/tree" --no-recursion --format=gnu --owner=0 --group=0 --numeric-owner --mtime="@$epoch" -cf - --null --files-from=- | gzip -9n >"$file"
    return
  fi
  cp "packaging/nfpm/$1.yaml" "$config"
  [ "$3" = rpm ] || sed -i '/^license:/d' "$config" # a field that dpkg does not know
  local said
  said=$(cd "$work/$2" && ARCH=$2 "$nfpm" package --config "$config" --packager "$3" --target "$file" 2>&1) || fail "nfpm: $said"
  [ "$3" = rpm ] || "$work/tools" deb -out "$file"
}

tree() { # NAME ARCH FOLDER: what is unpacked into /usr/local
  local to=$3 common=$work/common of=$work/$2/$1.d
  install -d "$to"/{bin,share/man/man1,"share/doc/$1"}
  install -m 755 "$work/$2/$1" "$to/bin"
  install -m 644 "$common/LICENSE" "$of/NOTICE" "$of/THIRD-PARTY-LICENSES" "$of/RELEASE_NOTES" "$to/share/doc/$1"
  if [ "$1" = nephoscope-local ]; then
    install -m 644 "$common"/man-local/* "$to/share/man/man1"
    return
  fi
  install -d "$to"/share/{bash-completion/completions,zsh/site-functions,fish/vendor_completions.d}
  if [ "$1" = nephoscope-prometheus ]; then
    common=$work/common-prometheus
  fi
  install -m 644 "$common/completions/$1.bash" "$to/share/bash-completion/completions/$1"
  install -m 644 "$common/completions/_$1" "$to/share/zsh/site-functions"
  install -m 644 "$common/completions/$1.fish" "$to/share/fish/vendor_completions.d"
  install -m 644 "$common"/man/* "$to/share/man/man1"
  [ "$1" = nephoscope ] || return 0
  ln -s nephoscope "$to/bin/amazon-cloudwatch-agent-ctl"
  ln -s nephoscope "$to/bin/amazon-cloudwatch-agent-config-wizard"
  install -d "$to"/share/{nephoscope,doc/nephoscope/examples}
  install -m 644 "$common/schema.json" "$to/share/nephoscope"
  install -m 644 "$common/config.json" "$to/share/doc/nephoscope/examples"
  install -m 644 packaging/tarball/INSTALL.md "$to/share/doc/nephoscope"
  install -m 644 "$common/completions/amazon-cloudwatch-agent-ctl.bash" "$to/share/bash-completion/completions/amazon-cloudwatch-agent-ctl"
}

bounded() { # NAME ARCH COMMON: holds a .deb against what was promised
  local file=$out/${1}_${version}_$2.deb packed installed
  [ -e "$file" ] || return 0
  packed=$(stat -c %s "$file")
  installed=$(("$(du -sb --apparent-size "$work/$2/$1" "$work/$3" "$work/$2/$1.d" | awk '{sum += $1} END {print sum}')"))
  step "$1 for $2: $packed bytes packed, $installed installed"
  [ "$packed" -le "${most_packed[$1]}" ] || fail "$(basename "$file") is larger than ${most_packed[$1]} bytes: see what was added, and leave something out"
  [ "$installed" -le "${most_installed[$1]}" ] || fail "what $(basename "$file") installs is larger than ${most_installed[$1]} bytes"
}

step "writing manual pages and completions"
common
made=()
for arch in "${arches[@]}"; do
  step "building for $arch"
  stage "$arch"
done
running=()
settle() { # all but so many packings
  while [ ${#running[@]} -gt "$1" ]; do
    wait "${running[0]}" || { wait; fail "what was being packed was not, see above"; }
    running=("${running[@]:1}")
  done
}
for arch in "${arches[@]}"; do
  for name in "${programs[@]}"; do
    for format in "${formats[@]}"; do
      settle 1 # two at a time
      step "packing ${name}_${version}_$arch.$format"
      pack "$name" "$arch" "$format" &
      running+=($!)
      made+=("${name}_${version}_$arch.$format")
    done
  done
done
settle 0
for arch in "${arches[@]}"; do
  bounded nephoscope "$arch" common
  bounded nephoscope-prometheus "$arch" common-prometheus
done

cd "$out"
printf '%s\n' "${made[@]}" | sort | xargs sha256sum >SHA256SUMS
if [ -n "${SIGN_KEY:-}" ]; then
  step "signing with $SIGN_KEY"
  for file in "${made[@]}" SHA256SUMS; do sign "$file"; done
else
  (cd "$dist" && rm -f SHA256SUMS.asc "${made[@]/%/.asc}") # of other bytes
  step "not signed: SIGN_KEY names no key"
fi
mv -f -- * "$dist"
cat "$dist/SHA256SUMS"
