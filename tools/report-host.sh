#!/bin/sh
# Says what Alcove needs to know about a host where it was never tried: Ubuntu, KVM, arm64, others.
# Run it from the root of a checkout, read what it wrote, and attach it to an issue. It changes nothing on the host but
# what `./dev demo` changes, and it sends nothing anywhere. No host name, address or user name is written.
#
#   sh tools/report-host.sh            facts, doctor, demo
#   sh tools/report-host.sh --facts    facts only: installs and starts nothing
set -u
cd "$(dirname "$0")/.." || exit 1
report=alcove-host-report.txt
host=$(uname -n)
[ ${#host} -gt 3 ] || host=no-name # a short one would be found inside other words

section() { printf '\n== %s\n' "$1"; }
version() {
  if command -v "$1" >/dev/null 2>&1; then "$@" 2>&1 | head -n 1; else echo "$1: not found"; fi
}

facts() {
  section "System"
  . /etc/os-release 2>/dev/null && echo "$PRETTY_NAME"
  uname -srm
  echo "cores: $(nproc), memory: $(awk '/MemTotal/ { printf "%d MiB", $2 / 1024 }' /proc/meminfo)"
  grep -m 1 -E 'model name|CPU part' /proc/cpuinfo
  echo "hypervisor: $(grep -q -m 1 '\bhypervisor\b' /proc/cpuinfo && echo "this is a virtual machine" || echo none)"
  [ "$(id -u)" = 0 ] && echo "as root" || echo "as an ordinary user"

  section "KVM"
  if [ -e /dev/kvm ]; then
    [ -r /dev/kvm ] && [ -w /dev/kvm ] && echo "/dev/kvm can be opened" || echo "/dev/kvm is there, but may not be opened"
  else
    echo "no /dev/kvm"
  fi

  section "Rights"
  for name in kernel/unprivileged_userns_clone kernel/apparmor_restrict_unprivileged_userns kernel/yama/ptrace_scope \
    user/max_user_namespaces vm/overcommit_memory; do
    [ -r "/proc/sys/$name" ] && echo "$name = $(cat "/proc/sys/$name")"
  done
  echo "cgroups: $([ -e /sys/fs/cgroup/cgroup.controllers ] && echo v2 || echo v1), $(cat /sys/fs/cgroup/cgroup.controllers 2>/dev/null)"
  df -T . /tmp 2>/dev/null | awk 'NR > 1 { print "disk: " $2 ", " int($5 / 1048576) " GiB free" }'

  section "Programs"
  echo "node $(version node --version)"
  version go version
  version "qemu-system-$(uname -m)" --version
  version docker --version
  echo "alcove: $(git rev-parse HEAD 2>/dev/null || echo 'no git checkout')"
}

tried() {
  section "./dev doctor"
  ./dev doctor
  echo "exit code $?"
  section "./dev demo"
  ./dev demo
  echo "exit code $?"
}

{
  facts
  [ "${1:-}" = --facts ] || tried
} 2>&1 | sed -e "s|$(pwd)|.|g" -e "s|\\B$HOME\\b|~|g" -e "s|\\b$host\\b|HOST|g" -e "s|/home/$(id -un)\\b|~|g" | tee "$report"
printf '\nWritten to %s: read it, then attach it to an issue.\n' "$report"
