#!/usr/bin/env bash
# test-vm.sh [TEST]: installs the package on a Debian with a kernel of its own, in a virtual machine, and runs packaging/vmtest
# there: power cuts, clock jumps, full disks, too little memory, a network that comes late. TEST is a pattern of go test -run.
# Needs root; on Debian or Ubuntu it installs what it needs. Nothing of it is left behind.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "test-vm: $1" >&2; exit 1; }
step() { printf '%s %s\n' "$(date +%T)" "$*"; }

missing=()
needs() { # PROGRAM PACKAGE
  PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null || missing+=("$2")
}
needs qemu-system-x86_64 qemu-system-x86
needs qemu-img qemu-utils
needs mke2fs e2fsprogs
needs debootstrap debootstrap
needs ssh openssh-client
needs ip iproute2
needs unshare util-linux
[ "$(id -u)" = 0 ] || fail "it takes root to make a tree of Debian and a network of its own: sudo make test-vm"
if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null || fail "install what is missing: ${missing[*]} (by the names that Debian gives them)"
  step "installing ${missing[*]} (for tests alone)"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || fail "what is missing cannot be installed: ${missing[*]}"
fi
PATH=$PATH:/usr/sbin:/sbin

work=$(mktemp -d "${TMPDIR:-/tmp}/nephoscope-vm-XXXXXX")
trap 'rm -rf "$work"' EXIT

step "building the package and the tests"
ARCHES=amd64 DIST=$work/dist packaging/package.sh >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; fail "the package cannot be built"; }
CGO_ENABLED=0 go test -c -tags vm -o "$work/vmtest" ./packaging/vmtest
(cd internal/awsapi/testdata/aemm && GOFLAGS='' GOWORK=off CGO_ENABLED=0 go build -o "$work/aemm" github.com/aws/amazon-ec2-metadata-mock/cmd)

step "making the image"
tree=$work/tree
mkdir "$tree"
tar -C "$tree" -xf "$(scripts/tree.sh bookworm linux-image-cloud-amd64 openssh-server)"
cp "$tree"/boot/vmlinuz-* "$work/vmlinuz"
cp "$tree"/boot/initrd.img-* "$work/initrd"
ssh-keygen -q -t ed25519 -N '' -f "$work/key"
install -D -m 600 "$work/key.pub" "$tree/root/.ssh/authorized_keys"
cat >"$tree/etc/fstab" <<'FSTAB'
LABEL=root  /                    ext4 defaults 0 1
LABEL=logs  /var/log/app         ext4 defaults 0 2
LABEL=state /var/lib/nephoscope  ext4 defaults 0 2
FSTAB
mkdir -p "$tree/var/log/app"
echo vm >"$tree/etc/hostname"
here=packaging/vmtest/image
install -m 644 $here/network "$tree/etc/systemd/network/10-vm.network"
install -m 755 $here/write-lines "$tree/usr/local/bin/write-lines"
cp "$work"/dist/nephoscope_*_amd64.deb "$tree/package.deb"
chroot "$tree" dpkg -i /package.deb >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "the package cannot be installed"; }
etc=$tree/opt/aws/amazon-cloudwatch-agent/etc
mkdir -p "$etc/amazon-cloudwatch-agent.d"
install -m 644 $here/config.json "$etc/amazon-cloudwatch-agent.d/file_config.json"
# 169.254.169.254 is the loopback of the network that the tests run in.
echo '{"AWS_ENDPOINT_URL": "http://169.254.169.254:4586"}' >"$etc/env-config.json"
chroot "$tree" systemctl --quiet enable systemd-networkd amazon-cloudwatch-agent
chroot "$tree" systemctl --quiet mask e2scrub_reap.service cron.service {apt-daily,apt-daily-upgrade,dpkg-db-backup,e2scrub_all,logrotate}.timer
rm -rf "$tree"/boot/* "$tree"/package.deb "$tree"/var/cache/apt/archives/*.deb "$tree"/usr/share/{doc,locale,man}
mke2fs -q -t ext4 -L root -d "$tree" "$work/root.img" 1G
rm -rf "$tree"

step "running the tests"
cd packaging/vmtest
TMPDIR=$work NEPHOSCOPE_VM=$work unshare --net --pid --fork --kill-child --mount-proc sh -c 'ip link set lo up && exec "$0" "$@"' \
  "$work/vmtest" -test.v -test.timeout 60m -test.run "${1:-.}"
step "done"
