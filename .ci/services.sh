#!/usr/bin/env bash
# Installs the programs that some suites start: PostgreSQL, Redis and Chromium, each from Debian's archive if it is missing
# and this user may install it. ffmpeg is used where it is, and not installed: its package brings hundreds of others. The script never fails: a suite whose program is missing is skipped with a message.
# Programs are installed one at a time, so that a slow download of one does not cost the others. ARCHLOOM_SERVICES=none installs nothing.
set -uo pipefail
limit=${ARCHLOOM_SERVICES_SECONDS:-480}

postgres() {
  local found
  found=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -1)
  if [ -n "$found" ]; then echo "$found"; else type -P initdb; fi
}
redis() { type -P redis-server || type -P valkey-server; }
chromium() { type -P chromium || type -P chromium-browser || type -P google-chrome; }
ffmpeg() { type -P ffmpeg; }
is_missing() { [ -z "$("$1")" ]; }

missing=()
for program in postgres redis chromium; do if is_missing "$program"; then missing+=("$program"); fi; done

if [ ${#missing[@]} -gt 0 ] && [ "${ARCHLOOM_SERVICES:-}" != none ] && [ "$(id -u)" = 0 ] && type -P apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  policy=/usr/sbin/policy-rc.d
  clusters=/etc/postgresql-common/createcluster.conf
  made=()
  trap 'rm -f "$log" "${made[@]}"' EXIT
  # The packages must neither start servers nor create a database.
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made+=("$policy")
  fi
  if [ ! -e "$clusters" ]; then mkdir -p "${clusters%/*}" && echo 'create_main_cluster = false' >"$clusters"; fi
  options=(-o DPkg::Lock::Timeout=60 -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Dpkg::Options::=--force-confold)
  end=$((SECONDS + limit))
  left() { local seconds=$((end - SECONDS)); echo $((seconds > 1 ? seconds : 1)); }
  if timeout -k 5 "$(left)" apt-get "${options[@]}" update -q >"$log" 2>&1; then
    for program in "${missing[@]}"; do
      case $program in
        postgres) package=postgresql ;;
        redis) package=redis-server ;;
        chromium) package=chromium ;;
      esac
      # A package manager that is killed leaves an unfinished installation, so it is asked to stop and awaited.
      timeout "$(left)" apt-get "${options[@]}" install -qy --no-install-recommends "$package" >"$log" 2>&1 ||
        echo "services: $package could not be installed: $(tail -n 1 "$log")"
    done
  else
    echo "services: the list of packages could not be updated: $(tail -n 1 "$log")"
  fi
fi

for program in postgres redis chromium ffmpeg; do
  place=$("$program")
  if [ -n "$place" ]; then
    case $program in
      chromium) version= ;; # It takes a second to say so.
      ffmpeg) version=$("$place" -version 2>/dev/null | head -n 1) ;;
      *) version=$("$place" --version 2>/dev/null | head -n 1) ;;
    esac
    echo "services: $program at $place${version:+ ($version)}"
  else
    echo "services: no $program; its suites are skipped"
  fi
done
exit 0
