#!/usr/bin/env bash
# Builds the packages, and dist/apt: an apt repository of them, signed with SIGN_KEY (the name of a key of gpg's, or a file with
# one). What is in dist/apt already stays: a repository may hold several versions. make clean begins anew.
#   APT_URL=https://...   where it will be served, for the lines that are printed
#   DIST=folder           elsewhere than dist
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "apt-repo: $1" >&2; exit 1; }
. packaging/needs.bash

[ -n "${SIGN_KEY:-}" ] || fail "SIGN_KEY names no key, and apt takes nothing from a repository that is not signed. Set it to the name of a key (gpg --list-secret-keys) or to a file with one; gpg --quick-generate-key NAME makes one"
needs apt-ftparchive apt-utils
mkdir -p "${DIST:=dist}"
dist=$(cd "$DIST" && pwd)
work=$(mktemp -d "$dist/.work-XXXXXX")
trap cleanup EXIT
signer # from here on SIGN_KEY is a fingerprint, also for package.sh
export SIGN_KEY

packaging/package.sh >/dev/null

cd "$dist"
echo "making the repository" >&2
mkdir -p apt
# A pool has a folder for each package.
awk '/\.deb$/ {print $2}' SHA256SUMS | while read -r deb; do
  name=${deb%%_*}
  install -D -m 644 "$deb" "apt/pool/main/n/$name/$deb"
done
cd apt
stable=$work/dists/stable # until all of it is there and signed
architectures=()
for arch in amd64 arm64; do
  compgen -G "pool/main/n/*/*_$arch.deb" >/dev/null || continue
  architectures+=("$arch")
  index=$stable/main/binary-$arch
  mkdir -p "$index"
  apt-ftparchive --arch "$arch" packages pool >"$index/Packages"
  gzip -9nk "$index/Packages"
done
[ ${#architectures[@]} -gt 0 ] || fail "there is no .deb to make a repository of: FORMATS leaves them out"
apt-ftparchive \
  -o APT::FTPArchive::Release::Origin=Nephoscope -o APT::FTPArchive::Release::Label=Nephoscope \
  -o APT::FTPArchive::Release::Suite=stable -o APT::FTPArchive::Release::Codename=stable \
  -o APT::FTPArchive::Release::Components=main -o APT::FTPArchive::Release::Architectures="${architectures[*]}" \
  -o APT::FTPArchive::Release::Description="Nephoscope, an agent for Amazon CloudWatch" \
  release "$stable" >"$work/Release"
mv "$work/Release" "$stable/Release"
gpg --batch --quiet --local-user "$SIGN_KEY" --armor --detach-sign --output "$stable/Release.gpg" "$stable/Release"
gpg --batch --quiet --local-user "$SIGN_KEY" --clearsign --output "$stable/InRelease" "$stable/Release"
rm -rf dists
mv "$work/dists" .
gpg --batch --armor --export "$SIGN_KEY" >nephoscope-archive-keyring.asc
find . -type d -exec chmod 755 {} + -o -type f -exec chmod 644 {} +

url=${APT_URL:-https://packages.example.com/nephoscope}
cat <<END
$dist/apt is a repository, to be served as $url (APT_URL). Then, on a host:

  sudo curl -fsSo /usr/share/keyrings/nephoscope-archive-keyring.asc $url/nephoscope-archive-keyring.asc
  echo 'deb [signed-by=/usr/share/keyrings/nephoscope-archive-keyring.asc] $url stable main' | sudo tee /etc/apt/sources.list.d/nephoscope.list
  sudo apt-get update && sudo apt-get install nephoscope
END
