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
  [ -z "${keys:-}" ] || gpgconf --homedir "$keys" --kill all || true
  rm -rf "$work" ${keys:+"$keys"}
}

# signer prepares to sign with SIGN_KEY, the name of a key of gpg's (GNUPGHOME counts) or a file with a secret key.
signer() {
  needs gpg gnupg
  if [ -f "$SIGN_KEY" ]; then
    keys=$(mktemp -d) # a short path: there is a socket in it
    export GNUPGHOME=$keys
    gpg --batch --quiet --import "$SIGN_KEY" || fail "$SIGN_KEY holds no key that gpg can read"
    SIGN_KEY=$(gpg --batch --list-secret-keys --with-colons | awk -F: '$1 == "fpr" {print $10; exit}')
    [ -n "$SIGN_KEY" ] || fail "the file of SIGN_KEY holds no secret key: gpg --export-secret-keys --armor NAME writes one"
  fi
  gpg --batch --list-secret-keys "$SIGN_KEY" >/dev/null 2>&1 || fail "gpg has no secret key $SIGN_KEY: gpg --list-secret-keys shows those that there are (GNUPGHOME says where)"
}

sign() { # FILE: a detached signature beside it
  gpg --batch --yes --quiet --local-user "$SIGN_KEY" --armor --detach-sign --output "$1.asc" "$1" || fail "gpg did not sign $1"
}
