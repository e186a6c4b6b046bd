#!/usr/bin/env bash
# The version of what is in this clone, legal for .deb and .rpm and in order between commits. At the tag vX.Y.Z it is X.Y.Z,
# N commits after it X.Y.Z+N.gHASH; without any tag X.Y.Z is 0.0.0. What is not committed, or not known to git, is told by .dirty
# at the end, behind +N even where N is 0: X.Y.Z.dirty would come after all of them.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "version: $1" >&2; exit 1; }
# Not that of a repository around it, where somebody has unpacked an archive.
above=$(git rev-parse --show-cdup) && [ -z "$above" ] || fail "what is here is not in git: set VERSION and SOURCE_DATE_EPOCH"
[ "$(git rev-parse --is-shallow-repository)" = false ] || fail "the clone is shallow, and commits cannot be counted: git fetch --unshallow --tags, or set VERSION"

hash=$(git rev-parse HEAD)
hash=${hash:0:7} # --short makes it longer where another clone has more objects
dirty=
# Not by git describe --dirty, which takes a file whose time alone has changed for a change, and none that is new.
[ -z "$(git --no-optional-locks status --porcelain --untracked-files=normal)" ] || dirty=.dirty
if tag=$(git describe --tags --abbrev=0 --match 'v[0-9]*.[0-9]*.[0-9]*' 2>/dev/null); then
  count=$(git rev-list --count "$tag..HEAD")
  version=${tag#v}
  version=${version/-/\~} # v1.2.0-rc.1 comes before v1.2.0
  version=${version//-/.} # which packages have a meaning of their own for
else
  count=$(git rev-list --count HEAD)
  version=0.0.0
fi
[ "$count$dirty" = 0 ] || version+=+$count.g$hash$dirty
echo "$version"
