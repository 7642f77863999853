# What has to be on the machine before anything can be built: Node, and Debian packages that are found by their programs.
# As root missing packages are installed; an ordinary user is told the command for an administrator.

ensure_prerequisites() {
  ensure_node
  local missing
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0
  # shellcheck disable=SC2086 # a list of words
  if [ "$(id -u)" = 0 ]; then install_packages $missing; else ask_for_packages $missing; fi
}

ensure_node() {
  local seen
  seen=$(node --version 2>/dev/null || echo none)
  case $seen in
    v20.19.* | v20.[2-9][0-9].* | v2[2-9].* | v[3-9][0-9].*) return 0 ;;
  esac
  echo "Alcove needs Node 20.19 or newer; this machine has $seen. nodejs.org/en/download says how to get it." >&2
  exit 1
}

# Names of Debian packages, separated by spaces.
missing_packages() {
  local packages=()
  need() { has_program "$1" || packages+=("$2"); }
  case $(uname -m) in
    x86_64) need qemu-system-x86_64 qemu-system-x86 ;;
    aarch64) need qemu-system-aarch64 qemu-system-arm ;;
  esac
  need qemu-img qemu-utils
  need mmdebstrap mmdebstrap
  need mke2fs e2fsprogs
  need xz xz-utils
  need zstd zstd
  need git git
  need openssl openssl
  need skopeo skopeo
  need python3 python3
  has_go || packages+=(golang-go)
  [ -e /etc/ssl/certs/ca-certificates.crt ] || packages+=(ca-certificates)
  [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || packages+=(debian-archive-keyring)
  # Ways of mmdebstrap for users who are not root.
  if [ "$(id -u)" != 0 ]; then
    need fakeroot fakeroot
    need fakechroot fakechroot
    need newuidmap uidmap
  fi
  # better-sqlite3 is compiled where no ready-made build of it can be had.
  if ! [ -e node_modules/better-sqlite3/build/Release/better_sqlite3.node ]; then
    need make make
    need g++ g++
  fi
  echo "${packages[*]}"
}

# What only tests use: programs that Alcove is compared with, or talks to. Without them tests are skipped, with the reason.
ensure_test_programs() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
  local packages=()
  need() { has_program "$1" || packages+=("$2"); }
  need dockerd docker.io
  need docker-registry docker-registry
  need busybox busybox-static
  need chromium chromium
  need zsh zsh
  need tmux tmux
  need vim vim
  need fish fish
  need psql postgresql-client
  python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
  [ ${#packages[@]} = 0 ] || install_packages "${packages[@]}"
}

# Programs of administrators are not on every user's PATH.
has_program() {
  command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ]
}

has_go() {
  has_program go || [ -x /usr/local/go/bin/go ] || [ -x /usr/lib/go/bin/go ]
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  if ! command -v apt-get >/dev/null; then
    echo "Alcove needs these packages, by their Debian names, and this machine has no apt: $*" >&2
    exit 1
  fi
  has_package_lists || step "Fetching the package lists" apt-get update
  echo "Debian packages that are missing here: $*"
  step "Installing them" install_or_retry "$@"
}

# Lists may name versions that the mirror has replaced.
install_or_retry() {
  apt-get install -y --no-install-recommends "$@" && return
  apt-get update && apt-get install -y --no-install-recommends "$@"
}

has_package_lists() {
  compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null
}

ask_for_packages() {
  cat >&2 <<END
An administrator has to add these packages to this machine:

  sudo apt-get update && sudo apt-get install -y --no-install-recommends $*

Then run ./dev again; nothing else needs an administrator.
END
  exit 1
}
