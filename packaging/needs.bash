# For the scripts beside it. needs PROGRAM PACKAGE: as root on Debian or Ubuntu it installs what is missing, else it says what to do.
needs() {
  command -v "$1" >/dev/null && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing $2, for $1" >&2
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2"; } >/dev/null
  fi
  command -v "$1" >/dev/null || fail "$1 is not installed: install the package $2"
}

# cleanup is for trap: the folder $work, and the keyring that signer has made.
cleanup() {
  wait # for what works in there yet
  [ -z "${keys:-}" ] || gpgconf --homedir "$keys" --kill all || true
  rm -rf "$work" ${keys:+"$keys"}
}

# signer prepares to sign with SIGN_KEY, the name of a key of gpg's (GNUPGHOME counts) or a file with a secret key, and leaves its
# fingerprint there: a name may be that of several.
signer() {
  needs gpg gnupg
  local name=$SIGN_KEY found
  if [ -f "$name" ]; then
    keys=$(mktemp -d) # a short path: there is a socket in it
    export GNUPGHOME=$keys
    gpg --batch --quiet --import "$name" || fail "$name holds no key that gpg can read"
    found=$(gpg --batch --list-secret-keys --with-colons)
    [ -n "$found" ] || fail "the file of SIGN_KEY holds no secret key: gpg --export-secret-keys --armor NAME writes one"
  else
    found=$(gpg --batch --list-secret-keys --with-colons -- "$name" 2>/dev/null) || fail "gpg has no secret key $name: gpg --list-secret-keys shows those that there are (GNUPGHOME says where)"
  fi
  [ "$(grep -c ^sec <<<"$found")" = 1 ] || fail "$name is more than one secret key: set SIGN_KEY to the fingerprint of one (gpg --list-secret-keys)"
  SIGN_KEY=$(awk -F: '$1 == "fpr" {print $10; exit}' <<<"$found")
  [ ! -t 0 ] || export GPG_TTY=${GPG_TTY:-$(tty)} # where a passphrase is asked for
  gpg --batch --quiet --local-user "$SIGN_KEY" --detach-sign </dev/null >/dev/null ||
    fail "gpg cannot sign with $name, see above: has it expired (gpg --quick-set-expire), or does it have a passphrase that cannot be asked for here (gpg-preset-passphrase)?"
}

sign() { # FILE: a detached signature beside it
  gpg --batch --yes --quiet --local-user "$SIGN_KEY" --armor --detach-sign --output "$1.asc" "$1" || fail "gpg did not sign $1"
}
